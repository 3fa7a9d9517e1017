"""Speech to words over real HTTP."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from email.message import Message
from email.parser import BytesParser
from typing import ParamSpec, TypeVar

import orjson
import pytest

from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat
from bargein.core.config import Transcription
from bargein.core.items import InputAudio
from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamRateLimited, UpstreamTimedOut
from bargein.upstream import Transcript, Transcriptions, UpstreamConfig
from support.scripted_upstream import Exchange, scripted

P = ParamSpec("P")
T = TypeVar("T")

SPEECH = InputAudio(bytes(range(200)), PCM16_24K)
WHISPER = Transcription("whisper-1")


def config(url: str) -> UpstreamConfig:
    return UpstreamConfig(base_url=url, model="gpt-audio", api_key="sk-secret")


def form(exchange: Exchange) -> dict[str, Message]:
    """The parts of a multipart body, by name."""
    return dict(form_fields(exchange))


def form_fields(exchange: Exchange) -> list[tuple[str, Message]]:
    """Names and parts: a name may stand before several."""
    head = f"content-type: {exchange.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + exchange.body).get_payload()
    assert isinstance(parts, list)
    named = [part for part in parts if isinstance(part, Message)]
    return [(str(part.get_param("name", header="content-disposition")), part) for part in named]


def value(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


@pytest.mark.parametrize(
    ("today", "named", "asked", "warnings"),
    [
        (date(2026, 11, 1), "whisper-1", b"whisper-1", 0),
        (date(2026, 12, 1), "whisper-1", b"whisper-1", 1),
        (date(2027, 2, 26), "whisper-1", b"gpt-transcribe", 1),
        (date(2026, 11, 1), "gpt-realtime-whisper", b"gpt-transcribe", 1),
        (date(2027, 2, 26), "gpt-transcribe", b"gpt-transcribe", 0),
    ],
)
async def test_a_recogniser_that_ends(
    today: date, named: str, asked: bytes, warnings: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(exchange: Exchange) -> None:
        assert value(form(exchange)["model"]) == asked
        await exchange.answer(200, b'{"text":"Hello"}')

    async with scripted(script) as server:
        at_openai = replace(config(server.url), flavour="openai")
        async with Transcriptions(at_openai, lambda: today) as transcriptions:
            for _ in range(2):
                assert await transcriptions.transcribe(SPEECH, Transcription(named)) == Transcript("Hello")
    assert capsys.readouterr().out.count("cannot be counted on") == warnings


@pytest.mark.parametrize(
    ("fmt", "rate_hz", "byte_count"), [(PCM16_24K, 24_000, 200), (PCMU_8K, 8000, 400)], ids=["pcm16", "pcmu"]
)
async def test_a_transcript(fmt: AudioFormat, rate_hz: int, byte_count: int) -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.path == "/v1/audio/transcriptions"
        assert exchange.headers["authorization"] == "Bearer sk-secret"
        parts = form(exchange)
        with wave.open(io.BytesIO(value(parts.pop("file")))) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate_hz, 1, 2)
            assert len(file.readframes(1000)) == byte_count
        assert {name: value(part) for name, part in parts.items()} == {
            "model": b"gpt-4o-transcribe",
            "response_format": b"json",
            "language": b"de",
            "prompt": "Grüße".encode(),
        }
        await exchange.answer(200, '{"text":" Grüß Gott. ","usage":{"type":"duration","seconds":1}}'.encode())

    async with scripted(script) as server, Transcriptions(config(server.url)) as transcriber:
        said = await transcriber.transcribe(
            InputAudio(SPEECH.audio, fmt), Transcription("gpt-4o-transcribe", language="de", prompt="Grüße")
        )
    assert said == Transcript("Grüß Gott.")


class CountedThreads(ThreadPoolExecutor):
    """Counts what is done beside the event loop."""

    submitted = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self.submitted += 1
        return super().submit(fn, *args, **kwargs)


@pytest.mark.parametrize("fmt", [PCM16_24K, PCMU_8K], ids=["pcm16", "pcmu"])
async def test_minutes_of_sound_are_written_beside_the_loop_and_arrive_whole(fmt: AudioFormat) -> None:
    sound = bytes(range(256)) * 12_000
    threads = CountedThreads()
    asyncio.get_running_loop().set_default_executor(threads)

    async def script(exchange: Exchange) -> None:
        with wave.open(io.BytesIO(value(form(exchange)["file"]))) as file:
            frames = file.readframes(10_000_000)
        assert (frames == sound) if fmt is PCM16_24K else (len(frames) == 2 * len(sound))
        await exchange.answer(200, b'{"text":"Hello"}')

    async with scripted(script) as server, Transcriptions(config(server.url)) as transcriber:
        for speech, submitted in ((InputAudio(sound, fmt), 1), (SPEECH, 1)):
            if speech is SPEECH:
                sound = SPEECH.audio
            said = await transcriber.transcribe(InputAudio(speech.audio, fmt), WHISPER)
            assert (said, threads.submitted) == (Transcript("Hello"), submitted)


HINTED = Transcription("gpt-transcribe", languages=("de", "en"), keywords=("Bargein",), logprobs=True)
TOKEN = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("gpt-transcribe", {b"languages[]": [b"de", b"en"], b"keywords[]": [b"Bargein"]}),
        ("gpt-4o-transcribe", {b"include[]": [b"logprobs"]}),
        ("gpt-4o-mini-transcribe-2025-12-15", {b"include[]": [b"logprobs"]}),
        ("gpt-4o-transcribe-diarize", {}),
        ("whisper-1", {}),
        ("a-recogniser-of-ones-own", {}),
    ],
)
async def test_what_only_some_recognisers_take(model: str, sent: dict[bytes, list[bytes]]) -> None:
    async def script(exchange: Exchange) -> None:
        fields: dict[bytes, list[bytes]] = {}
        for name, part in form_fields(exchange):
            fields.setdefault(name.encode(), []).append(value(part))
        assert fields.pop(b"model") == [model.encode()]
        del fields[b"file"], fields[b"response_format"]
        assert fields == sent
        await exchange.answer(200, orjson.dumps({"text": "Hi", "logprobs": [TOKEN]}))

    async with scripted(script) as server, Transcriptions(config(server.url)) as transcriber:
        said = await transcriber.transcribe(SPEECH, replace(HINTED, model=model))
    assert said == Transcript("Hi", (TOKEN,) if b"include[]" in sent else None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([TOKEN, {"token": "ü", "logprob": 0}], (TOKEN, {"token": "ü", "logprob": 0, "bytes": [195, 188]})),
        ([7, None, {"token": 7, "logprob": 1}, {"token": "x"}, TOKEN], (TOKEN,)),
        ([], None),
        (None, None),
        ({"a": 1}, None),
    ],
)
async def test_how_sure_it_was(given: object, told: tuple[object, ...] | None) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, orjson.dumps({"text": "Hi", "logprobs": given}))

    async with scripted(script) as server, Transcriptions(config(server.url)) as transcriber:
        said = await transcriber.transcribe(SPEECH, Transcription("gpt-4o-transcribe", logprobs=True))
    assert said.logprobs == told


async def test_another_server_and_model() -> None:
    async def script(exchange: Exchange) -> None:
        assert "authorization" not in exchange.headers
        assert value(form(exchange)["model"]) == b"local"
        await exchange.answer(200, b'{"text":""}')

    async with scripted(script) as server:
        elsewhere = replace(
            config("http://127.0.0.1:9"), transcription_base_url=server.url, transcription_model="local"
        )
        async with Transcriptions(elsewhere) as transcriber:
            assert await transcriber.transcribe(SPEECH, WHISPER) == Transcript("")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, b'{"error":{"message":"slow down"}}', UpstreamRateLimited),
        (401, b'{"error":{"message":"key sk-secret is wrong"}}', UpstreamError),
        (200, b"<html>", UpstreamMalformed),
        (200, b"[]", UpstreamMalformed),
        (200, b'{"text":7}', UpstreamMalformed),
    ],
)
async def test_failures(status: int, body: bytes, error: type[UpstreamError]) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, body)

    async with scripted(script) as server, Transcriptions(config(server.url)) as transcriber:
        with pytest.raises(error) as raised:
            await transcriber.transcribe(SPEECH, WHISPER)
    assert "sk-secret" not in str(raised.value)


async def test_a_stall() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\n{")
        await exchange.gone()

    async with scripted(script) as server:
        impatient = replace(config(server.url), transcription_timeout_s=0.05)
        async with Transcriptions(impatient) as transcriber:
            with pytest.raises(UpstreamTimedOut):
                await transcriber.transcribe(SPEECH, WHISPER)


async def test_cancelling_closes_the_connection() -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        reached.set()
        await exchange.gone()
        gone.set()

    async with scripted(script) as server, Transcriptions(config(server.url)) as transcriber:
        task = asyncio.create_task(transcriber.transcribe(SPEECH, WHISPER))
        await reached.wait()
        task.cancel()
        await gone.wait()
