"""Interruptions over real sockets, at every point of a reply where they can come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.audio_frame import AudioFrame
from support.microphone import Microphone
from support.model import Model, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.server import RunningServer, running_server
from support.sounds import cough, pcm16, speech

STOP = pcm16(speech("wait, stop, I have another question"))
STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


def after(caller: RealtimeClient, kind: str) -> list[str]:
    """What came after the first event of ``kind``."""
    return caller.types[caller.types.index(kind) + 1 :]


async def spoken_for(caller: RealtimeClient, ms: int) -> None:
    """Return when ``ms`` of reply sound have arrived."""
    await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * ms)


def heard_words(model: Model) -> list[str]:
    """The words of the assistant's cut message in the newest request."""
    line = next(line for line in model.told() if line.startswith("assistant:"))
    return line.removeprefix("assistant:").split()


async def test_while_the_model_is_still_silent(server: RunningServer, model: Model) -> None:
    model.will(model.hang_after())
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.say_text("a slow question")
        await caller.wait_for("response.created")
        await microphone.say(STOP)
        done = await caller.wait_for("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert done["response"]["output"] == []
        await model.left.wait()
        await caller.wait_for("response.done")
    # Only what was opened is closed.
    between = caller.types[: caller.types.index("response.done")]
    assert not [kind for kind in between if kind.startswith("response.") and kind != "response.created"]
    assert model.told() == ["user: a slow question", "user: <input_audio>"]


async def test_while_it_speaks(server: RunningServer, model: Model) -> None:
    model.will(model.hang_after(STORY))
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.say_text("count")
        await spoken_for(caller, 1500)
        await microphone.say(STOP)
        done = await caller.wait_for("response.done")
        cancelled = done["response"]["id"]
        await model.left.wait()
        await caller.wait_for("response.done")
    assert done["response"]["status"] == "cancelled"
    assert done["response"]["output"][0]["status"] == "incomplete"
    assert done["response"]["usage"]["output_tokens"] > 0
    started = caller.types.index("input_audio_buffer.speech_started")
    assert caller.types[started + 1 : started + 7] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    late = [event for event in caller.events[started:] if event["type"].endswith(".delta")]
    assert not [event for event in late if event["response_id"] == cancelled]
    words = heard_words(model)
    assert words == STORY.split()[: len(words)]
    assert 0 < len(words) < 16
    assert model.told()[0] == "user: count"
    assert model.told()[-1] == "user: <input_audio>"
    assert server.metric("bargein_cancel_seconds_count") == 1
    assert server.metric("bargein_barge_ins_total") == 1
    assert server.metric('bargein_holds_total{outcome="confirmed"}') == 1
    assert server.metric("bargein_upstream_streams_open") == 0


async def test_after_its_stream_has_ended_with_sound_still_to_send(server: RunningServer, model: Model) -> None:
    model.will(spoken(STORY))
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.say_text("count")
        await spoken_for(caller, 1500)
        await microphone.say(STOP)
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "cancelled"
        await caller.wait_for("response.done")
    assert 0 < len(heard_words(model)) < 16
    assert len(caller.audio(done["response"]["id"])) < 2 * 24 * 300 * 16


async def test_when_all_is_sent_and_the_caller_still_hears_it(server: RunningServer, model: Model) -> None:
    """The lead is the only tail a stock caller has; our own tells that it has played little of it."""
    model.will(spoken("one two three four", 100))
    async with (
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
        caller.microphone() as microphone,
    ):
        await caller.say_text("count")
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        item_id = done["response"]["output"][0]["id"]
        report = {"response_id": done["response"]["id"], "item_id": item_id}
        await caller.send({"type": "bargein.played", **report, "samples": 2400, "playing": False})
        said = microphone.start_saying(STOP)
        await caller.wait_for("bargein.hold")
        await caller.wait_for("input_audio_buffer.speech_started")
        await caller.wait_for("bargein.flush")
        await caller.send({"type": "bargein.flushed", **report, "samples": 2400})
        cut = await caller.wait_for("bargein.cut")
        await said
        second = await caller.wait_for("response.done")
    assert second["response"]["id"] != done["response"]["id"]
    assert cut["heard_samples"] == 2400
    assert cut["heard_text"] + cut["unheard_text"] == "one two three four "
    assert heard_words(model) == cut["heard_text"].split() == ["one"]


async def test_exactly_at_its_end(server: RunningServer, model: Model) -> None:
    """The caller starts in the very moment in which the reply is heard out: an ordinary turn, nothing cut."""
    model.will(spoken("one two", 200))
    async with (
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
        caller.microphone() as microphone,
    ):
        await caller.say_text("count")
        done = await caller.wait_for("response.done")
        report = {"response_id": done["response"]["id"], "item_id": done["response"]["output"][0]["id"]}
        await caller.send({"type": "bargein.played", **report, "samples": 9600, "playing": False})
        await microphone.say(STOP)
        await caller.wait_for("input_audio_buffer.speech_started")
        second = await caller.wait_for("response.done")
    assert second["response"]["status"] == "completed"
    assert not caller.events_of("bargein.hold")
    assert not caller.events_of("bargein.cut")
    assert model.told() == ["user: count", "assistant: one two ", "user: <input_audio>"]


@pytest.mark.parametrize("seed", range(3))
async def test_a_cough_holds_and_resumes_without_a_sample_lost_or_repeated(
    server: RunningServer, model: Model, seed: int
) -> None:
    model.will(spoken(STORY))
    async with (
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
        caller.microphone() as microphone,
    ):
        await caller.say_text("count")
        await spoken_for(caller, 1000)
        await microphone.say(pcm16(cough(300, seed)))
        hold = await caller.wait_for("bargein.hold")
        resume = await caller.wait_for("bargein.resume")
        done = await caller.wait_for("response.done")
    assert done["response"]["status"] == "completed"
    assert hold["response_id"] == resume["response_id"] == done["response"]["id"]
    frames = [message for message in caller.messages if isinstance(message, AudioFrame)]
    end = 0
    for frame in frames:
        assert frame.start_sample == end
        end += len(frame.samples) // 2
    assert end == 24 * 300 * 16
    assert not caller.events_of("input_audio_buffer.speech_started")
    assert server.metric('bargein_holds_total{outcome="resumed"}') >= 1


async def test_a_caller_who_mutes_during_a_hold_hears_the_rest(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three four five six"))
    async with (
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
        caller.microphone() as microphone,
    ):
        await caller.say_text("count")
        await spoken_for(caller, 500)
        microphone.start_saying(STOP)
        await caller.wait_for("bargein.hold")
        microphone.muted = True
        await caller.wait_for("bargein.resume")
        done = await caller.wait_for("response.done")
    assert done["response"]["status"] == "completed"
    assert server.metric('bargein_holds_total{outcome="confirmed"}') == 0


async def test_a_caller_who_does_not_want_to_interrupt(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three four five six seven eight"), spoken("next"))
    detection = {"type": "server_vad", "interrupt_response": False}
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.update_session(audio={"input": {"turn_detection": detection}})
        await caller.say_text("count")
        await spoken_for(caller, 500)
        await microphone.say(STOP)
        first = await caller.wait_for("response.done")
        second = await caller.wait_for("response.done")
    assert first["response"]["status"] == second["response"]["status"] == "completed"
    assert "input_audio_buffer.speech_started" in caller.types[: caller.types.index("response.done")]
    assert model.told()[1:] == ["assistant: one two three four five six seven eight ", "user: <input_audio>"]


async def test_who_goes_on_after_a_pause_and_may_interrupt_by_now_is_counted(
    server: RunningServer, model: Model
) -> None:
    model.will(model.hang_after(STORY))
    detection = {"type": "server_vad", "interrupt_response": False, "silence_duration_ms": 5000}
    async with (
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
        caller.microphone() as microphone,
    ):
        await caller.update_session(audio={"input": {"turn_detection": detection}})
        await caller.say_text("count")
        await spoken_for(caller, 500)
        await microphone.say(STOP)
        await caller.wait_for("bargein.vad", lambda event: not event["speech"])
        await caller.update_session(audio={"input": {"turn_detection": detection | {"interrupt_response": True}}})
        await microphone.say(STOP)
        done = await caller.wait_for("response.done")
        await model.left.wait()
        await caller.send({"type": "bargein.ping", "id": 1})
        await caller.wait_for("bargein.pong")
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert caller.types.count("input_audio_buffer.speech_started") == 1
    assert server.metric("bargein_barge_ins_total") == 1
    # It was announced long before: how long that took says nothing about us.
    assert server.metric("bargein_confirm_delay_seconds_count") == 0
    assert "bargein.latency" not in after(caller, "response.done")


async def test_response_cancel_cuts_at_what_was_heard(server: RunningServer, model: Model) -> None:
    model.will(model.hang_after(STORY))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("count")
        await spoken_for(caller, 1200)
        await caller.send({"type": "response.cancel"})
        done = await caller.wait_for("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        await model.left.wait()
        await caller.send({"type": "response.cancel"})
        error = await caller.wait_for("error")
        assert error["error"]["message"].startswith("Cancellation failed")
        await caller.say_text("go on")
        await caller.wait_for("response.done")
    assert 0 < len(heard_words(model)) < 16


async def test_a_caller_who_hangs_up_frees_the_models_stream(server: RunningServer, model: Model) -> None:
    model.will(model.hang_after(STORY))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("count")
        await caller.wait_for("response.output_audio.delta")
        caller.vanish()
    await model.left.wait()


async def test_a_loudspeaker_does_not_interrupt_its_own_reply_and_its_owner_still_can(
    server: RunningServer, model: Model
) -> None:
    story = speech("Once upon a time, in a small town by the sea, there lived a clockmaker who never slept. " * 2)
    model.will(spoken("once upon a time", sound=pcm16(story)))
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await caller.say_text("a story, please")
        played = 0
        while played < 2 * 24 * 5000:
            await caller.wait_until(lambda enough=played: len(caller.audio()) > enough)  # type: ignore[misc]
            arrived = caller.audio()[played:]
            played += len(arrived)
            microphone.start_saying(pcm16(0.1 * np.frombuffer(arrived, "<i2")))
        assert "input_audio_buffer.speech_started" not in caller.types
        microphone.start_saying(STOP)
        done = await caller.wait_for("response.done")
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}


async def interrupted_in_mid_reply(
    caller: RealtimeClient, microphone: Microphone
) -> tuple[dict[str, Any], dict[str, Any], list[AudioFrame]]:
    """Returns the hold, the flush, and what was sent between them."""
    await caller.say_text("count")
    await spoken_for(caller, 1000)
    microphone.start_saying(STOP)
    hold = await caller.wait_for("bargein.hold")
    flush = await caller.wait_for("bargein.flush")
    between = caller.messages[caller.messages.index(hold) : caller.messages.index(flush)]
    return hold, flush, [message for message in between if isinstance(message, AudioFrame)]


async def test_a_reply_is_ducked_and_sent_on_while_it_is_held(server: RunningServer, model: Model) -> None:
    """Who can is told how much quieter to play: the rest keeps coming, and the player's word is what was heard."""
    model.will(spoken(STORY), spoken("next"))
    async with (
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
        caller.microphone() as microphone,
    ):
        hold, flush, sent = await interrupted_in_mid_reply(caller, microphone)
        assert hold["duck_db"] == 18.0
        assert sent, "it is sent on"
        heard = hold["at_sample"] + 4800
        item = {"response_id": flush["response_id"], "item_id": flush["item_id"]}
        await caller.send({"type": "bargein.flushed", **item, "samples": heard})
        cut = await caller.wait_for("bargein.cut")
    assert cut["heard_samples"] == heard, "what was played quietly was heard"


async def test_zero_pauses(model: Model) -> None:
    model.will(spoken(STORY))
    async with (
        running_server(model.url, duck_db=0) as server,
        connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller,
        caller.microphone() as microphone,
    ):
        hold, _, sent = await interrupted_in_mid_reply(caller, microphone)
    assert hold["duck_db"] is None
    assert not sent
