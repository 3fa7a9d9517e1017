"""Turns over real sockets, in the order of the reference's section "Sequences"."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
import pytest

from bargein.core.audio import PCMU_8K, Encoding
from bargein.core.completion import YOUR_TURN
from bargein.sound.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from bargein.sound.resample import resample
from support.model import Model, calls, spoken, written
from support.realtime_client import BARGEIN_SUBPROTOCOLS, BETA_HEADERS, RealtimeClient, connect
from support.server import RunningServer, running_server
from support.sounds import pcm16, speech

QUESTION = speech("what time is it in Rome")
SPOKEN_LADDER = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def order(caller: RealtimeClient) -> list[str]:
    """The types of events in the order of their first appearance, twice where a type comes back later."""
    seen: list[str] = []
    for kind in caller.types:
        delta = kind.endswith(".delta")
        if not (delta and kind in seen):
            seen.append(kind)
    return seen


async def test_a_text_turn(server: RunningServer, model: Model) -> None:
    model.will(spoken("good morning to you"))
    async with connect(server.realtime_url) as caller:
        await caller.wait_for("session.created")
        await caller.say_text("hello")
        done = await caller.wait_for("response.done")
    assert order(caller) == ["session.created", "conversation.item.added", "conversation.item.done", *SPOKEN_LADDER]
    assert done["response"]["status"] == "completed"
    assert caller.transcript().strip() == "good morning to you"
    assert len(caller.audio()) == 2 * 24_000 * 4 * 300 // 1000
    assert done["response"]["usage"] == {
        "total_tokens": 17,
        "input_tokens": 10,
        "output_tokens": 7,
        "input_token_details": {
            "text_tokens": 4,
            "audio_tokens": 6,
            "image_tokens": 0,
            "cached_tokens": 2,
            "cached_tokens_details": {"text_tokens": 2, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 3, "audio_tokens": 4},
    }
    assert model.told() == ["user: hello"]


async def test_a_spoken_turn_is_detected_committed_and_answered(server: RunningServer, model: Model) -> None:
    async with connect(server.realtime_url) as caller, caller.microphone(speed=4) as microphone:
        await microphone.say(pcm16(QUESTION))
        await caller.wait_for("response.done")
    assert order(caller) == [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        *SPOKEN_LADDER,
    ]
    assert model.told() == ["user: <input_audio>"]
    sent = model.requests[0]["messages"][0]["content"][0]["input_audio"]
    assert sent["format"] == "wav"
    heard = np.frombuffer(base64.b64decode(sent["data"])[44:], "<i2").astype(float)
    said = QUESTION[np.flatnonzero(np.abs(QUESTION) > 500)[0] :][:24_000]
    # All of what was said is in it, sample for sample.
    assert max(np.correlate(heard, said, "valid")) == pytest.approx(np.dot(said, said), rel=1e-3)


async def test_push_to_talk(server: RunningServer, model: Model) -> None:
    async with connect(server.realtime_url) as caller:
        updated = await caller.update_session(audio={"input": {"turn_detection": None}})
        assert updated["session"]["audio"]["input"]["turn_detection"] is None
        await caller.send({"type": "input_audio_buffer.commit", "event_id": "mine"})
        error = await caller.wait_for("error")
        assert error["error"]["code"] == "input_audio_buffer_commit_empty"
        assert error["error"]["event_id"] == "mine"
        await caller.append(pcm16(QUESTION))
        await caller.send({"type": "input_audio_buffer.commit"})
        committed = await caller.wait_for("input_audio_buffer.committed")
        await caller.send({"type": "response.create"})
        await caller.wait_for("response.done")
        await caller.send({"type": "conversation.item.retrieve", "item_id": committed["item_id"]})
        retrieved = await caller.wait_for("conversation.item.retrieved")
    part = retrieved["item"]["content"][0]
    assert base64.b64decode(part["audio"]) == pcm16(QUESTION)
    assert "input_audio_buffer.speech_started" not in caller.types


async def test_a_text_answer(server: RunningServer, model: Model) -> None:
    model.will(written("only text here"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hello", output_modalities=["text"])
        done = await caller.wait_for("response.done")
    assert model.requests[0]["modalities"] == ["text"]
    assert order(caller)[3:] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "only text here "}]


async def test_a_function_call_and_its_answer(server: RunningServer, model: Model) -> None:
    model.will(calls("get_time", '{"city": "Rome"}'), spoken("it is noon"))
    tool = {"type": "function", "name": "get_time", "description": "The time.", "parameters": {"type": "object"}}
    async with connect(server.realtime_url) as caller:
        await caller.update_session(tools=[tool], tool_choice="auto")
        await caller.say_text("what time is it in Rome?")
        called = await caller.wait_for("response.function_call_arguments.done")
        assert (called["name"], called["arguments"]) == ("get_time", '{"city": "Rome"}')
        output = {"type": "function_call_output", "call_id": called["call_id"], "output": "12:00"}
        await caller.send({"type": "conversation.item.create", "item": output})
        await caller.send({"type": "response.create"})
        await caller.wait_for("response.done")
        second = await caller.wait_for("response.done")
    assert second["response"]["status"] == "completed"
    assert not caller.errors
    assert model.requests[0]["tools"][0]["function"]["name"] == "get_time"
    assert model.told() == ["user: what time is it in Rome?", "assistant calls get_time", "tool: 12:00"]


async def test_an_output_for_an_unknown_call_is_refused(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        output = {"type": "function_call_output", "call_id": "call_x", "output": "12:00"}
        await caller.send({"type": "conversation.item.create", "item": output})
        error = await caller.wait_for("error")
    assert error["error"]["code"] == "invalid_tool_call_id"


async def test_an_out_of_band_response_runs_beside_the_conversation(server: RunningServer, model: Model) -> None:
    hanging = model.hang_after("one two three")
    model.will(hanging, written("topic rome"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("tell me")
        await caller.wait_for("response.output_audio.delta")
        await caller.send(
            {
                "type": "response.create",
                "response": {
                    "conversation": "none",
                    "output_modalities": ["text"],
                    "input": [],
                    "instructions": "name the topic",
                    "metadata": {"for": "topic"},
                },
            }
        )
        done = await caller.wait_for("response.done")
        assert done["response"]["metadata"] == {"for": "topic"}
        assert done["response"]["conversation_id"] is None
        assert model.told() == ["system: name the topic", f"user: {YOUR_TURN}"]
        added = [event["item"]["id"] for event in caller.events_of("conversation.item.added")]
        assert done["response"]["output"][0]["id"] not in added
        await caller.send({"type": "response.cancel"})
        cancelled = await caller.wait_for("response.done")
    assert cancelled["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


async def test_items_are_created_retrieved_truncated_and_deleted(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three four five"))
    async with connect(server.realtime_url) as caller:
        await caller.add_text("first", item_id="a")
        await caller.add_text("second", item_id="b")
        front = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "rules"}]}
        await caller.send({"type": "conversation.item.create", "item": front | {"id": "s"}, "previous_item_id": "root"})
        added = await caller.wait_for("conversation.item.added", lambda event: event["item"]["id"] == "s")
        assert added["previous_item_id"] is None
        await caller.send({"type": "conversation.item.delete", "item_id": "b"})
        await caller.wait_for("conversation.item.deleted")
        await caller.send({"type": "response.create"})
        done = await caller.wait_for("response.done")
        assert model.told() == ["system: rules", "user: first"]

        item_id = done["response"]["output"][0]["id"]
        await caller.send(
            {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 600}
        )
        truncated = await caller.wait_for("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 600
        await caller.send({"type": "conversation.item.retrieve", "item_id": item_id})
        retrieved = await caller.wait_for("conversation.item.retrieved")
        assert len(base64.b64decode(retrieved["item"]["content"][0]["audio"])) <= 2 * 24 * 600
        await caller.say_text("and then?")
        await caller.wait_for("response.done")
    assert model.told()[2] == "assistant: one two"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "conversation.item.delete", "item_id": "nope"}, "item_delete_invalid_item_id"),
        ({"type": "conversation.item.retrieve", "item_id": "nope"}, "item_retrieve_invalid_item_id"),
        (
            {"type": "conversation.item.truncate", "item_id": "nope", "content_index": 0, "audio_end_ms": 1},
            "item_truncate_invalid_item_id",
        ),
        ({"type": "response.cancel"}, "response_cancel_not_active"),
    ],
)
async def test_what_does_not_exist_is_said_and_the_session_goes_on(
    server: RunningServer, event: dict[str, object], code: str
) -> None:
    async with connect(server.realtime_url) as caller:
        await caller.send(event | {"event_id": "mine"})
        error = await caller.wait_for("error")
        assert (error["error"]["code"], error["error"]["event_id"]) == (code, "mine")
        await caller.say_text("hello")
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"


async def test_the_caller_is_written_down_beside_the_response(server: RunningServer, model: Model) -> None:
    model.transcript = "what time is it in Rome"
    async with connect(server.realtime_url) as caller, caller.microphone(speed=4) as microphone:
        await caller.update_session(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await microphone.say(pcm16(QUESTION))
        await caller.wait_for("response.created")
        completed = await caller.wait_for("conversation.item.input_audio_transcription.completed", since=0)
        committed = caller.events_of("input_audio_buffer.committed")[0]
    assert completed["transcript"] == "what time is it in Rome"
    assert completed["item_id"] == committed["item_id"]
    assert completed["usage"]["type"] == "duration"


async def test_the_idle_timeout_speaks_up(server: RunningServer, model: Model) -> None:
    model.will(spoken("hello", 100), spoken("are you there"))
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    async with connect(server.realtime_url) as caller, caller.microphone():
        await caller.update_session(audio={"input": {"turn_detection": detection}})
        await caller.say_text("hello")
        await caller.wait_for("response.done")
        triggered = await caller.wait_for("input_audio_buffer.timeout_triggered")
        committed = await caller.wait_for("input_audio_buffer.committed")
        await caller.wait_for("response.done")
    assert committed["item_id"] == triggered["item_id"]
    assert triggered["audio_end_ms"] - triggered["audio_start_ms"] == pytest.approx(5000, abs=200)


async def test_telephone_audio_both_ways(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three"))
    narrow = pcm16_to_ulaw(resample(np.frombuffer(pcm16(QUESTION), "<i2"), 24_000, 8_000))
    audio = {
        "input": {"format": {"type": "audio/pcmu"}},
        "output": {"format": {"type": "audio/pcmu"}},
    }
    async with connect(server.realtime_url) as caller:
        await caller.update_session(audio=audio)
        async with caller.microphone(audio_format=PCMU_8K, speed=4) as microphone:
            await microphone.say(narrow)
            done = await caller.wait_for("response.done")
    assert done["response"]["audio"]["output"]["format"] == {"type": Encoding.PCMU.value}
    heard = caller.audio()
    assert len(heard) == 8 * 900
    loudest = np.abs(np.fft.rfft(ulaw_to_pcm16(heard).astype(float))).argmax() * 8000 / len(heard)
    assert loudest == pytest.approx(220, abs=3)


async def test_sound_as_binary_messages(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three"))
    async with connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller:
        created = await caller.wait_for("session.created")
        assert created["bargein"]["resume_token"] is None
        async with caller.microphone(speed=4) as microphone:
            await microphone.say(pcm16(QUESTION))
            await caller.wait_for("response.done")
        await caller.send({"type": "bargein.ping", "id": "p1"})
        assert (await caller.wait_for("bargein.pong"))["id"] == "p1"
    frames = caller.frames
    assert [frame.start_sample for frame in frames] == [
        sum(len(before.samples) // 2 for before in frames[:index]) for index in range(len(frames))
    ]
    assert len(caller.audio()) == 2 * 24 * 900
    assert not caller.events_of("response.output_audio.delta")
    numbers = [getattr(message, "seq", None) or message["seq"] for message in caller.messages]  # type: ignore[index]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    stages = caller.events_of("bargein.latency")[0]
    assert stages["total_ms"] == pytest.approx(sum(stages["stages_ms"].values()), abs=0.05)


async def test_a_stock_caller_never_sees_an_event_of_ours(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller, caller.microphone(speed=4) as microphone:
        await microphone.say(pcm16(QUESTION))
        await caller.wait_for("response.done")
    assert not [kind for kind in caller.types if kind.startswith("bargein.")]
    assert not [event for event in caller.events if "seq" in event or "bargein" in event]


async def test_the_beta_dialect(server: RunningServer, model: Model) -> None:
    model.will(spoken("hello there"))
    async with connect(server.realtime_url, headers=BETA_HEADERS) as caller:
        created = await caller.wait_for("session.created")
        assert created["session"]["input_audio_format"] == "pcm16"
        await caller.send({"type": "session.update", "session": {"modalities": ["text", "audio"], "voice": "echo"}})
        updated = await caller.wait_for("session.updated")
        assert updated["session"]["voice"] == "echo"
        await caller.say_text("hi")
        await caller.wait_for("response.done")
    assert "response.audio.delta" in caller.types
    assert "conversation.item.created" in caller.types
    assert not {"response.output_audio.delta", "conversation.item.added"} & set(caller.types)


async def test_a_voice_stays_once_it_has_spoken(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        await caller.wait_for("response.done")
        await caller.send(
            {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "echo"}}}}
        )
        error = await caller.wait_for("error")
    assert error["error"]["code"] == "cannot_update_voice"


async def test_a_bad_update_changes_nothing(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        before = (await caller.wait_for("session.created"))["session"]
        bad = {
            "type": "realtime",
            "instructions": "new",
            "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 7}}},
        }
        await caller.send({"type": "session.update", "session": bad})
        error = await caller.wait_for("error")
        assert error["error"]["param"] == "session.audio.input.turn_detection.threshold"
        after = (await caller.update_session())["session"]
    assert after == before


async def test_responses_while_one_is_on(server: RunningServer, model: Model) -> None:
    """Refused while the model speaks; queued while only its sound is still being sent."""
    model.will(spoken("one two three four"), spoken("next"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("go")
        await caller.wait_for("response.output_audio.delta")
        await caller.send({"type": "response.create"})
        await caller.wait_for("response.done")
        await caller.wait_for("response.created")
        await caller.wait_for("response.done")
        assert not caller.errors
        model.will(model.hang_after("one two"))
        await caller.say_text("go")
        await caller.wait_for("response.created")
        await caller.send({"type": "response.create"})
        error = await caller.wait_for("error")
    assert error["error"]["code"] == "conversation_already_has_active_response"


async def test_sound_is_paced_for_a_caller_and_not_if_the_operator_says_so(model: Model) -> None:
    loop = asyncio.get_running_loop()
    for lead_ms in (400, 0):
        model.will(spoken("one two three four five six seven eight nine ten"))
        async with running_server(model.url, lead_ms=lead_ms) as server, connect(server.realtime_url) as caller:
            await caller.say_text("go")
            await caller.wait_for("response.output_audio.delta")
            begun = loop.time()
            await caller.wait_for("response.done")
            took_s = loop.time() - begun
        # 3 s of sound: all but the lead is waited for, however fast or slow this machine is.
        assert took_s >= 2.5 if lead_ms else len(caller.audio()) == 2 * 24 * 3000
