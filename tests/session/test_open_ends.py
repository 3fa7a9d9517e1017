"""A model's server that leaves its stream open behind the last word: how long the caller waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bargein.testing import Answer, Exchange, ScriptedModel, calling, serving, speech

SETTLED_S = 0.4
"""So long may the server wait for an end on which nothing depends. Written here again, so that a longer one fails."""
ROUNDING_S = 0.02
"""Timers are bundled."""
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


def chunk(delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


ENDS = {
    "a call of a tool": [chunk({"tool_calls": [CALL]}, "tool_calls")],
    "words and a call": [*speech("wait", 100), chunk({"tool_calls": [CALL]}, None), chunk({}, "tool_calls")],
    "sound": [*speech("hello", 100), chunk({}, "stop")],
}


class LeftOpen:
    """Sends an answer, leaves its stream open, and knows when the last of it was sent, and when that was given up."""

    sent_at = left_at = 0.0

    def __init__(self) -> None:
        self.left = asyncio.Event()

    def answer(self, chunks: list[dict[str, Any]], *, goes_on: bool) -> Answer:
        """
        :param goes_on: what says nothing is sent for ever.
        """

        async def send(exchange: Exchange) -> None:
            loop = asyncio.get_running_loop()
            await exchange.stream(chunks)
            self.sent_at = loop.time()
            try:
                while goes_on:
                    await asyncio.sleep(0.05)
                    await exchange.stream([{"choices": []}])
                await exchange.dropped()
            finally:
                self.left_at = loop.time()
                self.left.set()

        return send


@pytest.mark.parametrize("goes_on", [False, True], ids=["silent", "goes on"])
@pytest.mark.parametrize("end", ENDS)
async def test_a_stream_that_is_left_open_behind_its_end_costs_the_caller_little(end: str, goes_on: bool) -> None:
    """How long it is waited at most, as a caller feels it. The clock is virtual, so nothing but waiting takes time."""
    loop = asyncio.get_running_loop()
    model, server = ScriptedModel(), LeftOpen()
    model.will(server.answer(ENDS[end], goes_on=goes_on))
    async with serving(model) as url, calling(url) as caller:
        await caller.write("hello")
        done = await caller.wait_for("response.done")
        waited_s = loop.time() - server.sent_at
        await server.left.wait()
    assert done["response"]["status"] == "completed"
    assert waited_s <= SETTLED_S + ROUNDING_S
    assert server.left_at - server.sent_at <= SETTLED_S + (0.1 if goes_on else ROUNDING_S)
