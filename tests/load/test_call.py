"""``bargein call`` against a server that follows a script."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bargein.load.call import call
from bargein.load.errors import ConnectError
from bargein.load.marks import Mark
from bargein.load.recording import RATE_HZ, Recording, write_heard

if TYPE_CHECKING:
    from load.conftest import Script, ServerFactory


def spoken(*stretches: tuple[float, float], length_s: float) -> Recording:
    """A tone where somebody speaks: the scripted server listens to levels only."""
    samples = np.zeros(int(length_s * RATE_HZ), np.int16)
    for onset_s, end_s in stretches:
        time_s = np.arange(int(onset_s * RATE_HZ), int(end_s * RATE_HZ)) / RATE_HZ
        samples[int(onset_s * RATE_HZ) : int(end_s * RATE_HZ)] = 8000 * np.sin(2 * np.pi * 300 * time_s)
    return Recording(samples.tobytes(), tuple(Mark(*stretch) for stretch in stretches))


QUESTION = spoken((0.2, 0.9), length_s=1.0)
INTERRUPTION = spoken((0.2, 0.9), (2.2, 2.9), length_s=3.0)


async def test_a_question_is_answered_and_heard_to_its_end(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(reply_s=1.0)) as server:
        result = await call(QUESTION, server.url)
    assert result.unanswered is None
    (turn,) = result.turns
    assert turn.agent == "silent"
    assert turn.reply is not None
    assert turn.reply.status == "completed"
    assert turn.heard_s == pytest.approx(1.0)
    assert turn.first_heard_s is not None
    assert turn.first_heard_s > turn.mark.end_s


@pytest.mark.parametrize("stock", [False, True])
async def test_an_interruption_silences_the_agent(serving: ServerFactory, script: type[Script], stock: bool) -> None:
    async with serving(script(first_reply_s=6.0, reply_s=0.5)) as server:
        result = await call(INTERRUPTION, server.url, stock=stock)
    first, second = result.turns
    assert result.unanswered is None
    assert first.reply is not None
    assert first.reply.status == "cancelled"
    assert first.heard_s < 1.5
    assert second.agent == "speaking"
    assert second.confirmed_s is not None
    assert second.silent_s is not None
    assert (second.held_s is None) == stock
    assert second.silent_s <= (second.confirmed_s if stock else second.held_s or 0) + 0.001
    assert result.dialogue.stale_heard_samples() == 0
    sent = [event["type"] for event in server.received]
    assert ("conversation.item.truncate" in sent) == stock
    assert ("bargein.flushed" in sent) == (not stock)


async def test_the_flushed_report_gives_what_was_heard(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(first_reply_s=6.0, reply_s=0.5)) as server:
        result = await call(INTERRUPTION, server.url)
    (flushed,) = [event for event in server.received if event["type"] == "bargein.flushed"]
    assert flushed["samples"] == result.dialogue.listener.heard_samples(flushed["item_id"])
    reports = [event["samples"] for event in server.received if event["type"] == "bargein.played"]
    assert len(reports) > 10


async def test_a_cough_pauses_the_reply_and_loses_nothing(serving: ServerFactory, script: type[Script]) -> None:
    cough = spoken((0.2, 0.9), (2.0, 2.12), length_s=2.5)
    async with serving(script(reply_s=2.0)) as server:
        result = await call(cough, server.url)
    first, second = result.turns
    assert second.held_s is not None
    assert second.resumed_s is not None
    assert second.confirmed_s is None
    assert first.heard_s == pytest.approx(2.0)
    assert result.unanswered is None
    assert len(result.dialogue.listener.spans) == 2


async def test_stale_sound_is_heard_by_a_stock_client_and_counted(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(first_reply_s=6.0, reply_s=0.5, leak_s=0.3)) as server:
        result = await call(INTERRUPTION, server.url, stock=True)
    assert result.dialogue.stale_heard_samples() == int(0.3 * RATE_HZ)


async def test_a_bargein_client_drops_stale_sound_but_counts_it(serving: ServerFactory, script: type[Script]) -> None:
    async with serving(script(first_reply_s=6.0, reply_s=0.5, leak_s=0.3)) as server:
        result = await call(INTERRUPTION, server.url)
    assert result.dialogue.stale_heard_samples() == 0
    assert sum(reply.stale_samples for reply in result.dialogue.replies.values()) == int(0.3 * RATE_HZ)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [({"drop_reply": 1}, "no response was created"), ({"fail": True}, "ended failed: As scripted.")],
)
async def test_no_answer_is_told(
    serving: ServerFactory, script: type[Script], fault: dict[str, int], reason: str
) -> None:
    async with serving(script(**fault)) as server:  # type: ignore[arg-type]  # a table of keyword arguments
        result = await call(QUESTION, server.url, patience_s=2.0)
    assert result.unanswered is not None
    assert reason in result.unanswered


async def test_a_server_that_does_not_offer_bargein_is_spoken_to_in_the_stock_protocol(
    serving: ServerFactory, script: type[Script]
) -> None:
    async with serving(script(bargein=False, reply_s=0.5)) as server:
        result = await call(QUESTION, server.url)
    assert not result.dialogue.bargein
    assert result.unanswered is None


async def test_nobody_listens() -> None:
    with pytest.raises(ConnectError, match="cannot connect"):
        await call(QUESTION, "ws://127.0.0.1:1/v1/realtime")


async def test_the_heard_file_is_silent_where_the_agent_was(
    serving: ServerFactory, script: type[Script], tmp_path: Path
) -> None:
    async with serving(script(first_reply_s=6.0, reply_s=0.5)) as server:
        result = await call(INTERRUPTION, server.url)
    path = tmp_path / "heard.wav"
    write_heard(path, result.caller_audio, result.dialogue.listener.spans, result.agent_audio, result.began_s)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE_HZ)
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    silent_s = result.turns[1].silent_s
    answered_s = result.turns[1].first_heard_s
    assert silent_s is not None
    assert answered_s is not None
    agent = sound[:, 1]
    assert not agent[int(silent_s * RATE_HZ) + 1 : int(answered_s * RATE_HZ) - 1].any()
    assert agent[int((silent_s - 0.1) * RATE_HZ) : int(silent_s * RATE_HZ) - 1].all()
    assert np.array_equal(sound[: 3 * RATE_HZ, 0], np.frombuffer(INTERRUPTION.audio, np.int16))


def test_longer_pauses_are_drawn_from_the_seed() -> None:
    longer = INTERRUPTION.with_longer_pauses(7)
    assert longer == INTERRUPTION.with_longer_pauses(7)
    assert longer != INTERRUPTION.with_longer_pauses(8)
    assert longer.marks[0] == INTERRUPTION.marks[0]
    samples = np.frombuffer(longer.audio, np.int16)
    onset = int(longer.marks[1].onset_s * RATE_HZ)
    assert not samples[onset - 2000 : onset - 2].any()
    assert samples[onset + 10 : onset + 30].any()
