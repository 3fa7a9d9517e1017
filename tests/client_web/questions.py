"""A question and its answer, as many conversations on the page begin."""

from __future__ import annotations

from client_web.scripted_caller import RATE_HZ, Caller, Reply, tone

WORDS = "It opens at nine in the morning and closes at eight."


async def answered(caller: Caller, length_s: float = 2.0) -> Reply:
    """A question was asked and its answer is sounding."""
    await caller.speech("When does it open?", length_ms=300)
    reply = await caller.reply(WORDS)
    await reply.sound(tone(length_s))
    await reply.heard(RATE_HZ // 4)
    return reply
