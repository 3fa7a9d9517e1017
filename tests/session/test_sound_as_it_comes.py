"""Sound as clients really send it: cut anywhere, spelt otherwise, or not sound at all."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from bargein.sound import wav
from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw
from bargein.sound.resample import decimate
from support.model import Model, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.server import RunningServer
from support.sounds import at_level, cough, pcm16, room, rumble, speech, tones, within

QUESTION = pcm16(speech("what time is it in Rome"))
SOUND = np.random.default_rng(1).normal(0, 3000, 4800).astype("<i2").tobytes()
"""200 ms."""
SIZES = {
    "odd": [961],
    "odd and even": [333, 1001, 958, 7, 1500],
    "single bytes": [1, 1, 960, 1],
    "empty ones between": [0, 960, 0, 961],
    "3 ms": [144],
    "250 ms": [12_000],
}
SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "no padding": lambda piece: base64.b64encode(piece).decode().rstrip("="),
    "URL-safe": lambda piece: base64.urlsafe_b64encode(piece).decode(),
    "line breaks": lambda piece: base64.encodebytes(piece).decode(),
    "data URL": lambda piece: "data:audio/pcm;base64," + base64.b64encode(piece).decode(),
    "WAV files": lambda piece: base64.b64encode(wav.wrap(piece, 24_000)).decode(),
}


def cut(sound: bytes, sizes: list[int]) -> list[bytes]:
    """``sound`` in pieces of these sizes, again and again."""
    pieces, place = [], 0
    while place < len(sound):
        for size in sizes:
            pieces.append(sound[place : place + size])
            place += size
    return pieces


async def push_to_talk(caller: RealtimeClient) -> None:
    await caller.update_session(audio={"input": {"turn_detection": None}})


async def committed(caller: RealtimeClient) -> bytes:
    """What was appended, as the conversation has it."""
    await caller.send({"type": "input_audio_buffer.commit"})
    item = await caller.wait_for("conversation.item.done")
    await caller.send({"type": "conversation.item.retrieve", "item_id": item["item"]["id"]})
    retrieved = await caller.wait_for("conversation.item.retrieved")
    return base64.b64decode(retrieved["item"]["content"][0]["audio"])


@pytest.mark.parametrize("subprotocols", [(), BARGEIN_SUBPROTOCOLS], ids=["appends", "binary"])
@pytest.mark.parametrize("sizes", SIZES)
async def test_a_stream_of_bytes_may_be_cut_anywhere(
    server: RunningServer, sizes: str, subprotocols: tuple[str, ...]
) -> None:
    async with connect(server.realtime_url, subprotocols=subprotocols) as caller:
        await push_to_talk(caller)
        for piece in cut(SOUND, SIZES[sizes]):
            await caller.append(piece)
        assert await committed(caller) == SOUND
        assert not caller.errors


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_harmless_spellings_are_read(server: RunningServer, spelling: str) -> None:
    async with connect(server.realtime_url) as caller:
        await push_to_talk(caller)
        for piece in cut(SOUND, [962]):
            await caller.send({"type": "input_audio_buffer.append", "audio": SPELLINGS[spelling](piece)})
        assert await committed(caller) == SOUND
        assert not caller.errors


@pytest.mark.parametrize("subprotocols", [(), BARGEIN_SUBPROTOCOLS], ids=["appends", "binary"])
async def test_a_turn_is_heard_in_frames_of_odd_size(
    server: RunningServer, model: Model, subprotocols: tuple[str, ...]
) -> None:
    model.will(spoken("one two"))
    said = pcm16(within(room(4000, -62), 1000, speech("what time is it in Rome")))
    async with connect(server.realtime_url, subprotocols=subprotocols) as caller:
        for piece in cut(said, [961]):
            await caller.append(piece)
        await caller.wait_for("input_audio_buffer.committed")
        await caller.wait_for("response.done")
        assert not caller.errors
    assert model.told() == ["user: <input_audio>"]


async def clear(caller: RealtimeClient) -> None:
    await caller.send({"type": "input_audio_buffer.clear"})


async def commit(caller: RealtimeClient) -> None:
    await caller.append(SOUND)
    await caller.append(b"\1")
    await caller.send({"type": "input_audio_buffer.commit"})
    await caller.wait_for("conversation.item.done")


async def change_the_format(caller: RealtimeClient) -> None:
    for kind in ("audio/pcmu", "audio/pcm"):
        await caller.update_session(audio={"input": {"format": {"type": kind}}})


@pytest.mark.parametrize("ended_by", [clear, commit, change_the_format])
async def test_half_a_sample_is_not_carried_into_another_recording(
    server: RunningServer, ended_by: Callable[[RealtimeClient], Awaitable[None]]
) -> None:
    async with connect(server.realtime_url) as caller:
        await push_to_talk(caller)
        await caller.append(b"\1\2\3")
        await ended_by(caller)
        await caller.append(SOUND)
        assert await committed(caller) == SOUND


async def test_a_commit_by_hand_does_not_cut_the_stream_of_an_open_microphone(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        await caller.append(SOUND[:4801])
        await caller.send({"type": "input_audio_buffer.commit"})
        await caller.wait_for("conversation.item.done")
        await caller.append(SOUND[4801:])
        assert await committed(caller) == SOUND[4800:]


async def test_what_is_no_sample_is_refused_by_name_and_nothing_of_it_is_heard(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        await push_to_talk(caller)
        for piece in cut(wav.wrap(SOUND, 44_100), [960]):
            await caller.append(piece)
        error = await caller.wait_for("error")
        assert error["error"]["code"] == "unsupported_audio"
        assert "a WAV file of 16-bit linear samples at 44100 Hz" in error["error"]["message"]
        await caller.send({"type": "input_audio_buffer.commit"})
        empty = await caller.wait_for("error", lambda event: event["error"]["code"] != "unsupported_audio")
        assert empty["error"]["code"] == "input_audio_buffer_commit_empty"
        await clear(caller)
        await caller.append(SOUND)
        assert await committed(caller) == SOUND


async def spoken_to(caller: RealtimeClient, model: Model) -> None:
    """Return while the agent speaks, to a caller in a quiet room."""
    model.will(model.hang_after("one two three four five six seven eight nine ten eleven twelve"))
    await caller.append(pcm16(room(3000, -62)))
    await caller.say_text("count")
    await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 500)


@pytest.mark.parametrize("ms", [200, 1_000, 5_000])
async def test_a_cough_within_a_long_piece_interrupts_nobody(server: RunningServer, model: Model, ms: int) -> None:
    coughs = within(within(room(10_000, -62), 1200, cough(400, 1)), 5300, cough(400, 3))
    async with connect(server.realtime_url) as caller:
        await spoken_to(caller, model)
        for piece in cut(pcm16(coughs), [2 * 24 * ms]):
            await caller.append(piece)
        await caller.add_text("done")
        await caller.wait_for("conversation.item.done", lambda event: event["item"].get("role") == "user")
        assert "input_audio_buffer.speech_started" not in caller.types


@pytest.mark.parametrize("ms", [200, 1_000, 5_000])
async def test_a_voice_within_a_long_piece_interrupts(server: RunningServer, model: Model, ms: int) -> None:
    voice = within(room(10_000, -62), 1200, at_level(speech("wait, stop, I have another question"), -22))
    async with connect(server.realtime_url) as caller:
        await spoken_to(caller, model)
        for piece in cut(pcm16(voice), [2 * 24 * ms]):
            await caller.append(piece)
        started = await caller.wait_for("input_audio_buffer.speech_started")
        done = await caller.wait_for("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert 4200 - 300 <= started["audio_start_ms"] <= 4200


BELOW_THE_VOICE = {
    "offset of 3.4 %": np.full(10_000 * 24, 1114.0),
    "offset of 18 %": np.full(10_000 * 24, -6000.0),
    "hum of 50 Hz": tones([50], 10_000, -20),
    "hum of 60 and 120 Hz": tones([60, 120], 10_000, -26),
    "rumble": rumble(10_000, -22),
}


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/pcmu", "audio/pcma"])
@pytest.mark.parametrize("below", BELOW_THE_VOICE)
async def test_what_lies_below_the_voice_neither_interrupts_nor_hides_who_does(
    server: RunningServer, model: Model, below: str, kind: str
) -> None:
    """By both detectors, over a reply."""
    said = within(room(10_000, -62), 5000, at_level(speech("wait, stop, I have another question"), -24))
    sound = pcm16(said + BELOW_THE_VOICE[below])
    if kind != "audio/pcm":
        narrow = decimate(np.frombuffer(sound, "<i2"), 3).astype(np.int16)
        sound = pcm16_to_ulaw(narrow) if kind == "audio/pcmu" else pcm16_to_alaw(narrow)
    async with connect(server.realtime_url) as caller:
        await spoken_to(caller, model)
        if kind != "audio/pcm":
            await caller.update_session(audio={"input": {"format": {"type": kind}}})
        for piece in cut(sound, [20 * len(sound) // 10_000]):
            await caller.append(piece)
        started = await caller.wait_for("input_audio_buffer.speech_started")
        done = await caller.wait_for("response.done")
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert 8000 - 400 <= started["audio_start_ms"] <= 8100
