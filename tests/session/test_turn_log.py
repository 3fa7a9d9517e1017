"""The log's line about a turn: what it says, and when it is written."""

from __future__ import annotations

import re
from typing import Any

import pytest
from structlog.testing import LogCapture

from bargein.core import actions
from bargein.core.completion import CompletionRequest, Usage
from bargein.core.config import ResponseSettings
from bargein.core.decisions import Interrupted, ReplyTakenUp, SpeculationEnded
from bargein.core.items import Response, ResponseStatus, StatusReason
from bargein.metrics import Metrics
from bargein.session.observer import Observer
from support.model import Model, spoken
from support.money import observer_of
from support.realtime_client import connect
from support.server import RunningServer
from support.sounds import pcm16, speech

RATE_HZ = 24_000
REQUEST = CompletionRequest((), audio=True, voice="alloy")
STOP = pcm16(speech("wait, stop, I have another question"))


@pytest.fixture
def observer(lines: LogCapture) -> Observer:
    return observer_of(Metrics("test"))


def turns(lines: LogCapture) -> list[dict[str, Any]]:
    return [dict(line) for line in lines.entries if line["event"] == "turn"]


def reply(
    response_id: str,
    *,
    beside: bool = False,
    status: ResponseStatus = "in_progress",
    reason: StatusReason | None = None,
) -> Response:
    return Response(response_id, ResponseSettings(), None if beside else "conv", status=status, reason=reason)


def begin(observer: Observer, response_id: str, now: float, *, beside: bool = False) -> None:
    observer.note(actions.ResponseCreated(reply(response_id, beside=beside)), now)
    observer.note(actions.StartStream(response_id, REQUEST), now)


def sound(observer: Observer, response_id: str, now: float, ms: int, start_ms: int = 0) -> None:
    samples = ms * RATE_HZ // 1000
    audio = actions.AudioSent(response_id, "item", 0, 1, start_ms * RATE_HZ // 1000, samples, b"")
    observer.sound_came(response_id, now)
    observer.sound_sent(audio, RATE_HZ, now)


def finish(
    observer: Observer,
    response_id: str,
    now: float,
    status: ResponseStatus = "completed",
    reason: StatusReason | None = None,
) -> None:
    observer.note(actions.ResponseDone(reply(response_id, status=status, reason=reason)), now)


def test_an_answer_has_its_latencies_and_was_heard_when_the_next_one_sounds(
    observer: Observer, lines: LogCapture
) -> None:
    observer.note(actions.SpeechStopped("turn", 1000, 500), 10.0)
    begin(observer, "answer", 10.0)
    observer.piece_came("answer", 10.2)
    observer.piece_came("answer", 10.25)
    observer.sound_came("answer", 10.3)
    sound(observer, "answer", 10.35, 400)
    sound(observer, "answer", 10.4, 600, 400)
    finish(observer, "answer", 10.4)
    begin(observer, "next", 20.0)
    assert turns(lines) == []
    sound(observer, "next", 20.5, 100)
    (line,) = turns(lines)
    assert line.pop("log_level") == "info"
    assert line == {
        "event": "turn",
        "response_id": "answer",
        "status": "completed",
        "interrupted": False,
        "holds": 0,
        "sent_ms": 1000,
        "heard_ms": 1000,
        "speech_to_sound_ms": 850.0,
        "endpointing_ms": 500.0,
        "model_first_piece_ms": 200.0,
        "model_first_sound_ms": 300.0,
    }


@pytest.mark.parametrize("told_at_once", [True, False], ids=["estimated", "asked of the caller"])
def test_an_interrupted_reply_says_when_and_what_was_heard(
    observer: Observer, lines: LogCapture, told_at_once: bool
) -> None:
    begin(observer, "story", 10.0)
    sound(observer, "story", 10.5, 2000)
    observer.speech_noticed(11.0, 11.08)
    observer.note(actions.Held("story", "item", RATE_HZ), 11.08)
    finish(observer, "story", 11.4, status="cancelled", reason="turn_detected")
    cut = actions.Cut("story", "item", RATE_HZ * 6 // 10, "Once", "upon a time")
    interruption = Interrupted("story", "confirmed", 400, 0, 320.0, "story", ("item",), None)
    for action in (cut, interruption) if told_at_once else (interruption, cut):
        assert turns(lines) == []
        observer.note(action, 11.4)
    (line,) = turns(lines)
    assert (line["status"], line["interrupted"], line["holds"]) == ("cancelled", True, 1)
    assert (line["sent_ms"], line["heard_ms"]) == (2000, 600)
    assert (line["onset_to_hold_ms"], line["onset_to_confirmed_ms"]) == (80.0, 400.0)
    assert "speech_to_sound_ms" not in line
    observer.ended(1000, "", 0.0, 12.0)
    assert len(turns(lines)) == 1


def test_what_never_sounds_is_told_when_it_is_over(observer: Observer, lines: LogCapture) -> None:
    begin(observer, "call", 10.0)
    finish(observer, "call", 10.5)
    begin(observer, "asked", 11.0)
    finish(observer, "asked", 11.2, status="cancelled", reason="turn_detected")
    assert [line["response_id"] for line in turns(lines)] == ["call"]
    observer.note(Interrupted("asked", "confirmed", 400, 0, None, "asked", (), None), 11.2)
    assert [(line["response_id"], line["heard_ms"]) for line in turns(lines)] == [("call", 0), ("asked", 0)]


def test_what_is_no_turn_has_no_line(observer: Observer, lines: LogCapture) -> None:
    begin(observer, "aside", 10.0, beside=True)
    sound(observer, "aside", 10.1, 100)
    finish(observer, "aside", 10.2)
    observer.note(actions.StartStream("early", REQUEST), 11.0)
    observer.note(SpeculationEnded("early", "dropped", 100.0, False, Usage()), 11.1)
    observer.ended(1000, "", 0.0, 12.0)
    assert turns(lines) == []


def test_a_caller_who_hangs_up_has_heard_what_time_there_was_for(observer: Observer, lines: LogCapture) -> None:
    begin(observer, "story", 10.0)
    sound(observer, "story", 10.5, 5000)
    observer.note(ReplyTakenUp("before", "story", "turn", "noise"), 10.6)
    finish(observer, "story", 12.0, status="cancelled", reason="client_cancelled")
    observer.ended(1006, "", 0.0, 12.0)
    (line,) = turns(lines)
    assert (line["sent_ms"], line["heard_ms"], line["takes_up"]) == (5000, 1500, "before")


def test_what_was_thrown_away_is_not_kept(observer: Observer) -> None:
    observer.note(actions.StartStream("early", REQUEST), 11.0)
    assert len(observer.turns) == 1
    observer.note(SpeculationEnded("early", "dropped", 100.0, False, Usage()), 11.1)
    assert len(observer.turns) == 0


async def test_a_session_tells_of_its_turns(
    server: RunningServer, model: Model, capfd: pytest.CaptureFixture[str]
) -> None:
    model.will(model.hang_after("one two three four five six seven eight nine ten"), spoken("yes?"))
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await microphone.say(pcm16(speech("please count to ten")))
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 1500)
        await microphone.say(STOP)
        await caller.wait_for("response.done")
        await caller.wait_for("response.done")
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 300)
    printed = "".join(capfd.readouterr())
    told = [line for line in printed.splitlines() if re.search(r"\] turn +\w+=", _plain(line))]
    first, second = (dict(re.findall(r"(\w+)=(\S+)", _plain(line))) for line in told)
    assert (first["status"], first["interrupted"]) == ("cancelled", "True")
    assert 0 < float(first["onset_to_hold_ms"]) < float(first["onset_to_confirmed_ms"])
    assert 0 < int(first["heard_ms"]) <= int(first["sent_ms"]) < 3000
    assert float(first["speech_to_sound_ms"]) >= float(first["endpointing_ms"]) > 0
    assert (second["status"], second["interrupted"]) == ("completed", "False")
    assert 0 <= int(second["heard_ms"]) <= int(second["sent_ms"])
    assert int(second["sent_ms"]) > 0


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)
