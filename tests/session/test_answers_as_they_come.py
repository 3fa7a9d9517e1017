"""Odd streams of model servers, and what a caller gets of them over its socket."""

from __future__ import annotations

import base64
import io
import math
import struct
from typing import Any

import pytest
import soundfile

from support.model import Answer, Model, spoken
from support.realtime_client import RealtimeClient, connect
from support.scripted_upstream import DONE, Exchange, delta, event
from support.server import RunningServer

SOUND = struct.pack("<4800h", *(round(8000 * math.sin(2 * math.pi * 440 * n / 24_000)) for n in range(4800)))
TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("get", "get_weather")]
FINISHED = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])


def streams(*chunks: bytes) -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.stream([*chunks, DONE])

    return answer


def sound_of(raw: bytes) -> bytes:
    return delta(audio={"data": base64.b64encode(raw).decode()})


def halves(before: bytes, after: bytes) -> list[bytes]:
    """A smiling face, its halves between ``before`` and ``after``."""
    return [b"data: " + before + half + after + b"\n\n" for half in (rb"A \ud83d", rb"\ude00 B")]


async def ask(caller: RealtimeClient, **response: object) -> dict[str, Any]:
    mark = caller.mark()
    await caller.say_text("hello", **response)
    return dict((await caller.wait_for("response.done", since=mark))["response"])


async def test_the_halves_of_a_letter_are_told_as_one(server: RunningServer, model: Model) -> None:
    words = halves(b'{"choices": [{"delta": {"audio": {"transcript": "', b'"}}}]}')
    model.will(streams(*words, sound_of(SOUND), FINISHED))
    async with connect(server.realtime_url) as caller:
        (item,) = (await ask(caller))["output"]
        assert item["content"][0]["transcript"] == caller.transcript() == "A \U0001f600 B"


async def test_half_a_letter_is_told_as_a_letter_that_is_none(server: RunningServer, model: Model) -> None:
    model.will(streams(halves(b'{"choices": [{"delta": {"content": "', b'"}}]}')[0], FINISHED), spoken("and again"))
    async with connect(server.realtime_url) as caller:
        (item,) = (await ask(caller, output_modalities=["text"]))["output"]
        assert item["content"][0]["text"] == "A \ufffd"
        assert (await ask(caller))["status"] == "completed"
    assert model.told(1)[:2] == ["user: hello", "assistant: A \ufffd"]


async def test_a_call_whose_name_and_letters_are_cut(server: RunningServer, model: Model) -> None:
    names = [delta(tool_calls=[{"index": 0, "function": {"name": name}}]) for name in ("get", "_weather")]
    begin = b'{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "'
    opening = delta(tool_calls=[{"index": 0, "function": {"arguments": '{"city":"'}}])
    closing = delta(tool_calls=[{"index": 0, "function": {"arguments": '"}'}}])
    model.will(streams(*names, opening, *halves(begin, b'"}}]}}]}'), closing, FINISHED))
    async with connect(server.realtime_url) as caller:
        (call,) = (await ask(caller, tools=TOOLS))["output"]
        assert (call["name"], call["arguments"]) == ("get_weather", '{"city":"A \U0001f600 B"}')
        (added,) = caller.events_of("response.output_item.added")
        assert added["item"]["name"] == "get_weather"
        told = caller.events_of("response.function_call_arguments.delta")
        assert "".join(piece["delta"] for piece in told) == call["arguments"]


@pytest.mark.parametrize("kind", ["MP3", "OGG", "FLAC"])
async def test_a_voice_that_goes_on_as_a_file_fails_in_words(server: RunningServer, model: Model, kind: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, [0.1 * math.sin(n / 9) for n in range(24_000)], 24_000, format=kind)
    model.will(streams(delta(audio={"transcript": "Hello"}), sound_of(SOUND), sound_of(file.getvalue()), FINISHED))
    async with connect(server.realtime_url) as caller:
        response = await ask(caller)
        assert response["status"] == "failed"
        error = response["status_details"]["error"]
        assert error["code"] == "invalid_audio"
        assert f"as {kind.title() if kind == 'OGG' else kind}" in str(caller.events)
        assert caller.audio() == SOUND
        assert (await ask(caller))["status"] == "completed"


async def test_a_voice_that_goes_on_as_wav_is_played(server: RunningServer, model: Model) -> None:
    file = io.BytesIO()
    soundfile.write(file, [0.1 * math.sin(n / 9) for n in range(2400)], 24_000, format="WAV")
    model.will(streams(delta(audio={"transcript": "Hello"}), sound_of(SOUND), sound_of(file.getvalue()), FINISHED))
    async with connect(server.realtime_url) as caller:
        assert (await ask(caller))["status"] == "completed"
        assert len(caller.audio()) == len(SOUND) + 4800


async def test_an_only_choice_with_another_number_is_heard(server: RunningServer, model: Model) -> None:
    chunks = [{"audio": {"transcript": "Hello"}}, {"audio": {"data": base64.b64encode(SOUND).decode()}}]
    model.will(streams(*(event(choices=[{"index": 1, "delta": one}]) for one in chunks)))
    async with connect(server.realtime_url) as caller:
        assert (await ask(caller))["status"] == "completed"
        assert (caller.transcript(), caller.audio()) == ("Hello", SOUND)


async def test_an_error_that_looks_like_silence_fails(server: RunningServer, model: Model) -> None:
    model.will(streams(b'error: {"code":500,"message":"out of memory","type":"server_error"}\n\n'))
    async with connect(server.realtime_url) as caller:
        response = await ask(caller)
    assert (response["status"], response["output"]) == ("failed", [])
    assert "out of memory" in str(caller.events)
