"""PCM16 at other rates than 24 kHz: heard, answered, and cut as it is at 24 kHz."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import pytest

from bargein.core.audio import PCM16_24K, AudioFormat, Encoding
from bargein.sound import files, wav
from bargein.sound.resample import resample
from support.model import Model, calls, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, BETA_HEADERS, RealtimeClient, connect
from support.server import RunningServer
from support.sounds import at_level, pcm16, speech

QUESTION = np.frombuffer(pcm16(at_level(speech("what time is it in Rome"), -26)), "<i2")
STOP = np.frombuffer(pcm16(speech("wait, stop, I have another question")), "<i2")
STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
RATES_HZ = [8_000, 16_000, 32_000, 48_000]
TONE_HZ = 220


def pcm_at(rate_hz: int) -> AudioFormat:
    return AudioFormat(Encoding.PCM16, rate_hz)


def at_rate(samples: npt.NDArray[np.int16], rate_hz: int) -> bytes:
    return resample(samples, 24_000, rate_hz).astype("<i2").tobytes()


async def speak_at(caller: RealtimeClient, rate_hz: int) -> None:
    fmt = {"type": "audio/pcm", "rate": rate_hz}
    updated = await caller.update_session(audio={"input": {"format": fmt}, "output": {"format": fmt}})
    shown = updated["session"]["audio"]
    assert (shown["input"]["format"], shown["output"]["format"]) == (fmt, fmt)


def heard_by(model: Model, request: int = -1) -> wav.Wav:
    """The speech in a request's newest message."""
    (part,) = model.requests[request]["messages"][-1]["content"]
    assert part["input_audio"]["format"] == "wav"
    return files.read(base64.b64decode(part["input_audio"]["data"]))


def loudest_hz(pcm: bytes, rate_hz: int) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate_hz / len(samples))


@pytest.mark.parametrize("subprotocols", [(), BARGEIN_SUBPROTOCOLS], ids=["base64", "binary"])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_a_spoken_turn_both_ways(
    server: RunningServer, model: Model, rate_hz: int, subprotocols: tuple[str, ...]
) -> None:
    model.will(spoken("one two three"))
    async with connect(server.realtime_url, subprotocols=subprotocols) as caller:
        await speak_at(caller, rate_hz)
        async with caller.microphone(audio_format=pcm_at(rate_hz), speed=4) as microphone:
            await microphone.say(at_rate(QUESTION, rate_hz))
            started = await caller.wait_for("input_audio_buffer.speech_started")
            stopped = await caller.wait_for("input_audio_buffer.speech_stopped")
            done = await caller.wait_for("response.done")
        assert not caller.errors
    heard = heard_by(model)
    assert heard.rate_hz == rate_hz
    heard_ms = 1000 * len(heard.mono) / rate_hz
    assert heard_ms == pytest.approx(stopped["audio_end_ms"] - started["audio_start_ms"], abs=20)
    spoken_ms = len(QUESTION) / 24
    assert spoken_ms < heard_ms < spoken_ms + 1000
    # What was said, sample for sample, somewhere in it.
    said = np.frombuffer(at_rate(QUESTION, rate_hz), "<i2").astype(float)
    whole = np.correlate(heard.mono[: len(heard.mono)].astype(float), said[rate_hz // 4 : rate_hz // 2], "valid")
    assert whole.max() == pytest.approx(np.sum(said[rate_hz // 4 : rate_hz // 2] ** 2), rel=1e-6)
    assert done["response"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": rate_hz}
    assert len(caller.audio()) == 2 * rate_hz * 900 // 1000
    assert loudest_hz(caller.audio(), rate_hz) == pytest.approx(TONE_HZ, abs=3)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_a_truncation_is_in_milliseconds(server: RunningServer, model: Model, rate_hz: int) -> None:
    model.will(spoken("one two three four five"))
    async with connect(server.realtime_url) as caller:
        await speak_at(caller, rate_hz)
        await caller.say_text("count")
        done = await caller.wait_for("response.done")
        item_id = done["response"]["output"][0]["id"]
        truncation = {"item_id": item_id, "content_index": 0, "audio_end_ms": 600}
        await caller.send({"type": "conversation.item.truncate", **truncation})
        assert (await caller.wait_for("conversation.item.truncated"))["audio_end_ms"] == 600
        await caller.send({"type": "conversation.item.retrieve", "item_id": item_id})
        retrieved = await caller.wait_for("conversation.item.retrieved")
        kept = base64.b64decode(retrieved["item"]["content"][0]["audio"])
        assert len(kept) == 2 * rate_hz * 600 // 1000
        await caller.say_text("and then?")
        await caller.wait_for("response.done")
    assert model.told()[1] == "assistant: one two"


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
async def test_the_model_is_told_the_words_that_were_heard(server: RunningServer, model: Model, rate_hz: int) -> None:
    model.will(model.hang_after(STORY))
    async with connect(server.realtime_url) as caller:
        await speak_at(caller, rate_hz)
        async with caller.microphone(audio_format=pcm_at(rate_hz)) as microphone:
            await caller.say_text("count")
            await caller.wait_until(lambda: len(caller.audio()) >= 2 * rate_hz * 15 // 10)
            await microphone.say(at_rate(STOP, rate_hz))
            await caller.wait_for("response.done", lambda event: event["response"]["status"] == "cancelled")
            sent_ms = 1000 * len(caller.audio()) // (2 * rate_hz)
            await caller.wait_for("response.done")
    line = next(line for line in model.told() if line.startswith("assistant:"))
    words = line.removeprefix("assistant:").split()
    assert words == STORY.split()[: len(words)]
    assert 2 <= len(words) <= sent_ms // 300 + 1


async def test_the_rate_changes_in_mid_call(server: RunningServer, model: Model) -> None:
    """Each turn is heard, and each reply sounds, at the rate that was declared when it began."""
    async with connect(server.realtime_url) as caller:
        for rate_hz in (16_000, 48_000, 24_000, 8_000):
            model.will(spoken("one two three"))
            await speak_at(caller, rate_hz)
            before = len(caller.audio())
            async with caller.microphone(audio_format=pcm_at(rate_hz), speed=4) as microphone:
                await microphone.say(at_rate(QUESTION, rate_hz))
                await caller.wait_for("response.done")
            assert heard_by(model).rate_hz == rate_hz
            reply = caller.audio()[before:]
            assert len(reply) == 2 * rate_hz * 900 // 1000
            assert loudest_hz(reply, rate_hz) == pytest.approx(TONE_HZ, abs=3)
        assert not caller.errors
    # What was said before stays what it was.
    rates_hz = [
        files.read(base64.b64decode(part["input_audio"]["data"])).rate_hz
        for message in model.requests[-1]["messages"]
        if message["role"] == "user"
        for part in message["content"]
    ]
    assert rates_hz == [16_000, 48_000, 24_000, 8_000]


async def test_the_rate_changes_in_the_middle_of_speech(server: RunningServer, model: Model) -> None:
    async with connect(server.realtime_url) as caller:
        async with caller.microphone() as microphone:
            saying = microphone.start_saying(QUESTION.tobytes())
            await caller.wait_for("input_audio_buffer.speech_started")
            await speak_at(caller, 16_000)
            saying.cancel()
        await caller.wait_for("input_audio_buffer.committed", since=0)
        await caller.wait_for("response.done")
        async with caller.microphone(audio_format=pcm_at(16_000), speed=4) as microphone:
            await microphone.say(at_rate(QUESTION, 16_000))
            await caller.wait_for("input_audio_buffer.committed")
            await caller.wait_for("response.done")
    assert heard_by(model, 0).rate_hz == 24_000, "what was said before is answered, too"
    assert heard_by(model).rate_hz == 16_000
    kinds = [kind for kind in caller.types if kind.startswith("input_audio_buffer.speech_")]
    assert kinds == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"] * (len(kinds) // 2)


async def test_one_response_may_have_a_rate_of_its_own(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three"), spoken("one two three"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hi", audio={"output": {"format": {"type": "audio/pcm", "rate": 16_000}}})
        await caller.wait_for("response.done")
        narrow = caller.audio()
        await caller.say_text("hi again")
        await caller.wait_for("response.done")
    assert len(narrow) == 2 * 16 * 900
    assert len(caller.audio()) - len(narrow) == 2 * 24 * 900


async def test_a_rate_that_is_not_served_changes_nothing(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three"))
    async with connect(server.realtime_url) as caller:
        await speak_at(caller, 16_000)
        fmt = {"type": "audio/pcm", "rate": 44_100}
        await caller.send(
            {"type": "session.update", "event_id": "e1", "session": {"audio": {"input": {"format": fmt}}}}
        )
        error = (await caller.wait_for("error"))["error"]
        assert error == {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": "Invalid value: '44100'. Supported values are: 8000, 16000, 24000, 32000 or 48000.",
            "param": "session.audio.input.format.rate",
            "event_id": "e1",
        }
        async with caller.microphone(audio_format=pcm_at(16_000), speed=4) as microphone:
            await microphone.say(at_rate(QUESTION, 16_000))
            await caller.wait_for("response.done")
    assert heard_by(model).rate_hz == 16_000


async def test_a_wav_header_must_be_of_the_declared_rate(server: RunningServer) -> None:
    sound = np.random.default_rng(1).normal(0, 3000, 3200).astype("<i2").tobytes()
    async with connect(server.realtime_url) as caller:
        await speak_at(caller, 16_000)
        await caller.update_session(audio={"input": {"turn_detection": None}})
        await caller.append(wav.wrap(sound, 24_000))
        error = await caller.wait_for("error")
        assert "16-bit linear samples at 24000 Hz" in error["error"]["message"]
        assert "audio/pcm at 16000 Hz" in error["error"]["message"]
        await caller.send({"type": "input_audio_buffer.clear"})
        await caller.append(wav.wrap(sound, 16_000))
        await caller.send({"type": "input_audio_buffer.commit"})
        item = await caller.wait_for("conversation.item.done")
        await caller.send({"type": "conversation.item.retrieve", "item_id": item["item"]["id"]})
        retrieved = await caller.wait_for("conversation.item.retrieved")
    assert base64.b64decode(retrieved["item"]["content"][0]["audio"]) == sound


async def test_the_beta_has_names_for_them(server: RunningServer, model: Model) -> None:
    model.will(spoken("one two three"))
    formats = {"input_audio_format": "pcm16_16000hz", "output_audio_format": "pcm16_8000hz"}
    async with connect(server.realtime_url, headers=BETA_HEADERS) as caller:
        await caller.send({"type": "session.update", "session": formats})
        assert (await caller.wait_for("session.updated"))["session"].items() >= formats.items()
        async with caller.microphone(audio_format=pcm_at(16_000), speed=4) as microphone:
            await microphone.say(at_rate(QUESTION, 16_000))
            done = await caller.wait_for("response.done")
    assert heard_by(model).rate_hz == 16_000
    assert done["response"]["output_audio_format"] == "pcm16_8000hz"
    assert len(caller.audio()) == 2 * 8 * 900


async def test_a_session_without_its_type(server: RunningServer, model: Model) -> None:
    """As older clients send it."""
    model.will(calls("f", "{}"))
    session = {
        "instructions": "be brief",
        "audio": {"input": {"format": {"rate": 24_000}, "turn_detection": {"silence_duration_ms": 300}}},
        "tools": [{"name": "f", "parameters": {"type": "object", "properties": {}}}],
        "tool_choice": {"name": "f"},
    }
    async with connect(server.realtime_url) as caller:
        await caller.send({"type": "session.update", "session": session})
        updated = (await caller.wait_for("session.updated"))["session"]
        assert (updated["type"], updated["instructions"]) == ("realtime", "be brief")
        assert updated["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": PCM16_24K.rate_hz}
        assert updated["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        await caller.say_text("hi")
        done = await caller.wait_for("response.done")
        assert not caller.errors
    assert done["response"]["output"][0]["name"] == "f"
    assert model.requests[-1]["tool_choice"] == {"type": "function", "function": {"name": "f"}}
