"""Callers who talk over the demo model's story: what the model is then told, against what they really heard."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import numpy as np
import pytest

from bargein.demo.process import DemoModelProcess
from bargein.load.call import call
from bargein.load.recording import Recording
from support.server import running_server
from support.sounds import RATE_HZ, pcm16, room, speech

SEEDS = range(4)


@dataclass(frozen=True)
class Score:
    """Whole words: how many the model was told, and how many were heard to their end."""

    told: int
    heard: int

    @property
    def over(self) -> int:
        return max(0, self.told - self.heard)

    @property
    def under(self) -> int:
        return max(0, self.heard - self.told)


def interrupting(seed: int) -> Recording:
    """Asks for a story and, somewhere in it, for the time."""
    draw = random.Random(seed)  # noqa: S311  a repeatable draw, no secret
    ask, stop = speech("Tell me a story."), speech("Stop. What time is it?")
    listening_s = draw.uniform(7.0, 12.0)
    quiet = np.zeros(int(1.0 * RATE_HZ))
    audio = np.concatenate((quiet, ask, np.zeros(int(listening_s * RATE_HZ)), stop, quiet))
    return Recording.of(pcm16(audio + room(len(audio) * 1000 // RATE_HZ + 1, -65, seed)[: len(audio)]))


async def one_caller(demo: DemoModelProcess, seed: int, *, stock: bool) -> Score | None:
    """One call through a server of its own, whose model's name finds its requests in the demo model's log.

    ``None``: on a busy machine the story had not begun yet, so nothing was interrupted.
    """
    name = f"seed-{seed}-{'stock' if stock else 'bargein'}"
    patient = {"upstream_first_byte_timeout_s": 60, "upstream_chunk_timeout_s": 60}
    async with running_server(demo.base_url, model=name, voice="alloy", **patient) as server:
        result = await call(interrupting(seed), server.realtime_url, stock=stock, patience_s=90.0)
    first, second = result.turns
    if second.agent != "speaking":
        return None
    assert result.unanswered is None, f"{name}: {result.unanswered}"
    assert first.reply is not None
    assert first.reply.status == "cancelled"
    assert second.silent_s is not None
    rows = [row for row in await demo.rows() if row["model"] == name and row["path"].endswith("completions")]
    heard_samples = round(first.heard_s * RATE_HZ)
    heard = [word["text"] for word in rows[0]["words"] if word["end_samples"] <= heard_samples]
    told = [message["content"].split() for message in rows[1]["body"]["messages"] if message["role"] == "assistant"]
    words = told[0] if told else []
    assert words == rows[0]["transcript"].split()[: len(words)], "the model was told words that it never said"
    return Score(len(words), len(heard))


@pytest.mark.parametrize("stock", [False, True], ids=["bargein.v1", "stock"])
async def test_the_model_is_told_what_was_heard(stock: bool, capsys: pytest.CaptureFixture[str]) -> None:
    async with DemoModelProcess() as demo:
        outcomes = await asyncio.gather(*(one_caller(demo, seed, stock=stock) for seed in SEEDS))
    scores = [score for score in outcomes if score is not None]
    assert len(scores) >= len(SEEDS) / 2, "too few interruptions to judge by: is the machine overloaded?"
    over = sum(score.over for score in scores) / len(scores)
    under = sum(score.under for score in scores) / len(scores)
    with capsys.disabled():
        kind = "stock" if stock else "bargein.v1"
        print(f"\n{kind}: {over:.2f} words over, {under:.2f} words under, on average over {len(scores)} interruptions")
        print("  told/heard: " + ", ".join(f"{score.told}/{score.heard}" for score in scores))
    assert over <= 1
    assert under <= 2
