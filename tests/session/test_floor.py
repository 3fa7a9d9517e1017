"""Who has the floor, over real sockets: what begins while the caller speaks, and turns that no silence ends."""

from __future__ import annotations

import pytest

from support.model import Model, calls, spoken
from support.realtime_client import RealtimeClient, connect
from support.server import RunningServer, running_server
from support.sounds import pcm16, speech

LONG = pcm16(speech("wait, stop, I have another question"))
PAIR = ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")


def pairs(caller: RealtimeClient) -> list[str]:
    return [kind for kind in caller.types if kind in PAIR]


async def test_the_answer_of_a_tool_waits_for_who_speaks_and_their_turn_is_answered(
    server: RunningServer, model: Model
) -> None:
    model.will(calls("look_up", "{}"), spoken("here is what I found"), spoken("yes"))
    tool = {"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}}
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.update_session(tools=[tool])
        await caller.say_text("look it up")
        await caller.wait_for("response.done")
        microphone.start_saying(LONG)
        await caller.wait_for("input_audio_buffer.speech_started")
        output = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
        await caller.send({"type": "conversation.item.create", "item": output})
        await caller.send({"type": "response.create"})
        waited = await caller.wait_for("response.done")
        answer = await caller.wait_for("response.done")
    assert waited["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert answer["response"]["status"] == "completed"
    first_sound = caller.types.index("response.output_audio.delta")
    assert caller.types.index("input_audio_buffer.speech_stopped") < first_sound
    assert {event["response_id"] for event in caller.events_of("response.output_audio.delta")} == {
        answer["response"]["id"]
    }
    assert model.told()[-2:] == ["tool: 42", "user: <input_audio>"]


@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad"])
async def test_a_caller_who_mutes_in_the_last_word_is_answered(server: RunningServer, model: Model, kind: str) -> None:
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.update_session(audio={"input": {"turn_detection": {"type": kind}}})
        microphone.start_saying(LONG)
        await caller.wait_for("input_audio_buffer.speech_started")
        microphone.muted = True
        await caller.wait_for("input_audio_buffer.speech_stopped")
        done = await caller.wait_for("response.done")
    assert done["response"]["status"] == "completed"
    assert model.told() == ["user: <input_audio>"]


async def test_a_turn_is_answered_at_its_bound(model: Model) -> None:
    async with (
        running_server(model.url, turn_limit_ms=1000) as server,
        connect(server.realtime_url) as caller,
        caller.microphone() as microphone,
    ):
        detection = {"type": "server_vad", "silence_duration_ms": 5000}
        await caller.update_session(audio={"input": {"turn_detection": detection}})
        microphone.start_saying(bytes(2 * 24 * 500) + LONG)
        started = await caller.wait_for("input_audio_buffer.speech_started")
        stopped = await caller.wait_for("input_audio_buffer.speech_stopped")
        await caller.wait_for("response.created")
    assert stopped["audio_end_ms"] - started["audio_start_ms"] == pytest.approx(1300, abs=20)


async def test_a_commit_in_the_middle_of_a_word_ends_the_speech_that_was_announced(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        microphone.start_saying(LONG)
        started = await caller.wait_for("input_audio_buffer.speech_started")
        await caller.send({"type": "input_audio_buffer.commit"})
        stopped = await caller.wait_for("input_audio_buffer.speech_stopped")
        committed = await caller.wait_for("input_audio_buffer.committed")
        await caller.wait_for("response.done")
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    assert pairs(caller) == [*PAIR] * (len(pairs(caller)) // 2)


async def test_a_commit_of_more_than_is_kept_says_what_is_missing(model: Model) -> None:
    async with running_server(model.url, input_limit_ms=1000) as server, connect(server.realtime_url) as caller:
        await caller.update_session(audio={"input": {"turn_detection": None}})
        for _ in range(25):
            await caller.append(bytes(2 * 24 * 100))
        await caller.send({"type": "input_audio_buffer.commit"})
        committed = await caller.wait_for("input_audio_buffer.committed")
        error = (await caller.wait_for("error"))["error"]
        await caller.send({"type": "response.create"})
        done = await caller.wait_for("response.done")
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "input_audio_buffer_overflow"
    assert "1.50s" in error["message"]
    assert committed["item_id"] in error["message"]
    assert done["response"]["status"] == "completed"
    assert server.metric('bargein_caller_errors_total{code="input_audio_buffer_overflow"}') == 1
