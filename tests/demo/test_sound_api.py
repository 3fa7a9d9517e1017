"""Transcriptions and speech."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from bargein.demo.process import DemoModelProcess
from bargein.sound.files import read
from bargein.sound.wav import wrap
from support.http import http_client
from support.listening import needs_listening

SPEECH = {"model": "demo-speech", "input": "What time is it?", "voice": "alloy"}
LOUD = np.random.default_rng(0).normal(0, 6000, 24_000).astype("<i2").tobytes()


async def transcribe(post: Callable[..., Any], wav: bytes, **fields: str) -> httpx.Response:
    data = {"model": "demo-transcribe"} | fields
    answer: httpx.Response = await post("/audio/transcriptions", files={"file": ("a.wav", wav, "audio/wav")}, data=data)
    return answer


@needs_listening
async def test_what_it_says_it_understands(post: Callable[..., Any]) -> None:
    spoken = await post("/audio/speech", json=SPEECH)
    assert spoken.headers["content-type"] == "audio/wav"
    assert read(spoken.content).rate_hz == 24_000

    answer = (await transcribe(post, spoken.content)).json()
    assert answer["text"] == "What time is it?"
    assert answer["usage"]["type"] == "tokens"
    assert answer["usage"]["total_tokens"] == answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"]
    assert (await transcribe(post, spoken.content, response_format="text")).text == "What time is it?\n"
    assert (await transcribe(post, spoken.content, response_format="verbose_json")).json()["duration"] > 0.5

    streamed = await transcribe(post, spoken.content, stream="true")
    events = [orjson.loads(line[6:]) for line in streamed.text.splitlines() if line]
    assert "".join(event["delta"] for event in events[:-1]) == "What time is it?"
    assert (events[-1]["type"], events[-1]["text"]) == ("transcript.text.done", "What time is it?")


async def test_raw_speech(post: Callable[..., Any]) -> None:
    spoken = await post("/audio/speech", json=SPEECH | {"response_format": "pcm"})
    assert len(spoken.content) > 24_000
    assert spoken.content[:4] != b"RIFF"


async def test_silence_is_an_empty_transcript(post: Callable[..., Any]) -> None:
    assert (await transcribe(post, wrap(bytes(32_000), 16_000))).json()["text"] == ""


async def test_what_is_not_understood_is_said_to_be(bare_demo: DemoModelProcess) -> None:
    async with http_client() as client:
        files = {"file": ("a.wav", wrap(LOUD, 24_000), "audio/wav")}
        url = f"{bare_demo.base_url}/audio/transcriptions"
        answer = await client.post(url, files=files, data={"model": "demo-transcribe"})
    assert answer.json()["text"] == "(speech, 1.0 s)"


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"data": {"model": "m"}, "files": {"other": b"x"}}, "file"),
        ({"data": {}, "files": {"file": ("a.wav", wrap(LOUD, 24_000))}}, "model"),
        ({"data": {"model": "m"}, "files": {"file": ("a.mp3", b"ID3")}}, "file"),
        (
            {"data": {"model": "m", "response_format": "srt"}, "files": {"file": ("a.wav", wrap(LOUD, 24_000))}},
            "response_format",
        ),
        ({"json": {"model": "m"}}, "content-type"),
    ],
)
async def test_a_wrong_form_is_refused_by_name(post: Callable[..., Any], request_: dict[str, Any], param: str) -> None:
    answer = await post("/audio/transcriptions", **request_)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"voice": 1}, "voice"),
        ({"response_format": "mp3"}, "response_format"),
        ({"input": " ... "}, "input"),
    ],
)
async def test_a_wrong_speech_request_is_refused_by_name(
    post: Callable[..., Any], change: dict[str, Any], param: str
) -> None:
    answer = await post("/audio/speech", json=SPEECH | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("path", ["transcriptions", "speech"])
async def test_faults_work_here_too(post: Callable[..., Any], path: str) -> None:
    headers = {"x-demo-fault": "status code=429 retry_after_s=2"}
    files = {"file": ("a.wav", wrap(LOUD, 24_000))}
    request = {"json": SPEECH} if path == "speech" else {"files": files, "data": {"model": "m"}}
    answer = await post(f"/audio/{path}", headers=headers, **request)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
