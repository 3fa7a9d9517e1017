"""Decisions as callers and operators may read them, over real sockets."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from support.model import Model
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.server import RunningServer
from support.sounds import cough, pcm16, speech

STOP = pcm16(speech("wait, stop, I have another question"))
STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


async def interrupt(caller: RealtimeClient) -> None:
    async with caller.microphone() as microphone:
        await caller.say_text("count")
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 600)
        await microphone.say(pcm16(cough(200, 1)))
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 1500)
        await microphone.say(STOP)
        await caller.wait_for("response.done")
        await caller.send({"type": "bargein.ping", "id": 1})
        await caller.wait_for("bargein.pong")


async def test_a_caller_who_asks_is_told_each_decision_with_its_reason(server: RunningServer, model: Model) -> None:
    model.will(model.hang_after(STORY))
    url = server.realtime_url + ("&" if "?" in server.realtime_url else "?") + "decisions=1"
    with capture_logs() as logs:
        async with connect(url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller:
            await interrupt(caller)
    told = [event for event in caller.events if event["type"] == "bargein.decision"]
    (interruption,) = [event for event in told if event["what"] == "interruption"]
    done = next(event for event in caller.events if event["type"] == "response.done")
    assert interruption["why"] == "confirmed"
    assert interruption["response_id"] == interruption["cancelled"] == done["response"]["id"]
    assert interruption["evidence_ms"] >= 240
    assert interruption["voiced_ms"] >= 96
    # Of the newest window: a short word is known to interrupt when it has ended.
    assert -100 <= interruption["level_db"] <= 0
    assert -100 <= interruption["floor_db"] <= -50
    assert 0 <= interruption["likeness"] < 0.3
    assert interruption["at_ms"] - interruption["onset_ms"] >= 240
    assert ("hold ended", "confirmed") in [(event["what"], event["why"]) for event in told]
    assert any(event["why"].startswith("caller and agent: confirm") for event in told)
    lines = [line for line in logs if line["event"] == "decided" and line["what"] == "interruption"]
    assert [(line["log_level"], line["why"], line["evidence_ms"]) for line in lines] == [
        ("debug", "confirmed", interruption["evidence_ms"])
    ]
    started = caller.types.index("input_audio_buffer.speech_started")
    assert started < caller.events.index(interruption)


@pytest.mark.parametrize("subprotocols", [BARGEIN_SUBPROTOCOLS, []], ids=["not asked", "plain protocol"])
async def test_nobody_else_is(server: RunningServer, model: Model, subprotocols: list[str]) -> None:
    model.will(model.hang_after(STORY))
    asked = "" if subprotocols else ("&" if "?" in server.realtime_url else "?") + "decisions=1"
    async with connect(server.realtime_url + asked, subprotocols=subprotocols) as caller, caller.microphone() as mic:
        await caller.say_text("count")
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 600)
        await mic.say(STOP)
        await caller.wait_for("response.done")
    assert "bargein.decision" not in caller.types
