"""Completion streams over real HTTP, as they should go."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import orjson
import pytest

from bargein.core.audio import audio_bytes
from bargein.core.completion import (
    AssistantMessage,
    AudioPiece,
    CompletionRequest,
    Finished,
    StreamPiece,
    ToolCallPiece,
    TranscriptPiece,
    UserMessage,
    UserText,
)
from bargein.errors import AudioGone
from bargein.upstream import ChatCompletions, UpstreamConfig
from bargein.upstream.plain import PlainRequest
from support.scripted_upstream import DONE, Exchange, delta, event, scripted

REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=True, voice="alloy")
SPOKEN = [delta(audio={"transcript": "Hello"}), delta(audio={"data": "AAAA////"}), DONE]


def config(url: str) -> UpstreamConfig:
    return UpstreamConfig(base_url=url, model="gpt-audio", api_key="sk-secret")


async def ask(upstream: ChatCompletions, request: CompletionRequest = REQUEST) -> list[StreamPiece]:
    async with upstream.stream(request) as pieces:
        return [piece async for piece in pieces]


async def test_a_reply() -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.path == "/v1/chat/completions"
        assert exchange.headers["authorization"] == "Bearer sk-secret"
        assert exchange.headers["content-type"] == "application/json"
        assert exchange.json["model"] == "gpt-audio"
        await exchange.stream(SPOKEN)

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        assert await ask(upstream) == [TranscriptPiece("Hello"), AudioPiece("AAAA////", 3), Finished("stop")]


NAMES = ("get", "get_weather", "get_time")
"""Of tools."""


@pytest.mark.parametrize(
    ("names", "called"),
    [(["get", "_weather"], ["get_weather"]), (["get_weather", "get_time"], ["get_weather", "get_time"])],
)
@pytest.mark.parametrize("plain", [True, False], ids=["a caller's own request", "a turn"])
async def test_names_in_pieces_are_told_from_names_of_two_calls(
    names: list[str], called: list[str], plain: bool
) -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.json["tools"] == nested
        calls = [delta(tool_calls=[{"index": 0, "function": {"name": name, "arguments": ""}}]) for name in names]
        await exchange.stream([*calls, DONE])

    nested = [{"type": "function", "function": {"name": name}} for name in NAMES]
    own = PlainRequest("gpt-audio", [{"role": "user", "content": "Hi"}], "alloy", {"tools": nested})
    turn = replace(REQUEST, tools=tuple([{"type": "function", "name": name} for name in NAMES]))
    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        asked: AbstractAsyncContextManager[AsyncIterator[object]]
        asked = upstream.stream_plain(own) if plain else upstream.stream(turn)
        async with asked as pieces:
            told = [piece.name async for piece in pieces if isinstance(piece, ToolCallPiece)]
    assert told == called


async def test_azure() -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.path == "/openai/deployments/voice/chat/completions?api-version=2025-01-01-preview"
        assert exchange.headers["api-key"] == "sk-secret"
        assert "authorization" not in exchange.headers
        await exchange.stream(SPOKEN)

    async with scripted(script) as server:
        azure = replace(config(server.url.removesuffix("/v1")), flavour="azure", azure_deployment="voice")
        async with ChatCompletions(azure) as upstream:
            assert (await ask(upstream))[-1] == Finished("stop")


async def test_pieces_come_as_they_are_sent() -> None:
    heard = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(SPOKEN[0])
        await heard.wait()
        await exchange.chunk(b"".join(SPOKEN[1:]))
        await exchange.end()

    async with (
        scripted(script) as server,
        ChatCompletions(config(server.url)) as upstream,
        upstream.stream(REQUEST) as pieces,
    ):
        assert await anext(pieces) == TranscriptPiece("Hello")
        heard.set()
        assert [piece async for piece in pieces][-1] == Finished("stop")


@pytest.mark.parametrize("size", [1, 7])
async def test_small_packets(size: int) -> None:
    stream = b"".join([delta(content="Grüß Gott 👋"), *SPOKEN[1:]])

    async def script(exchange: Exchange) -> None:
        await exchange.stream(stream[at : at + size] for at in range(0, len(stream), size))

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        assert (await ask(upstream))[0] == TranscriptPiece("Grüß Gott 👋")


async def test_a_finished_stream_gives_its_connection_back() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(SPOKEN)

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        for _ in range(3):
            await ask(upstream)
        assert [exchange.connection for exchange in server.exchanges] == [0, 0, 0]


async def test_leaving_an_ended_stream_early_does_not_harm_who_has_its_connection_now() -> None:
    closed = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(b"".join(SPOKEN)))
        await exchange.send(b"".join(SPOKEN))

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        async with upstream.stream(REQUEST, on_closed=closed.set) as first:
            await anext(first)
            async with upstream.stream(REQUEST) as second:
                assert await anext(second) == TranscriptPiece("Hello")
                await first.aclose()  # type: ignore[attr-defined]
                assert [piece async for piece in second][-1] == Finished("stop")
        await closed.wait()
        assert {exchange.connection for exchange in server.exchanges} == {0}


async def test_a_whole_answer_instead_of_a_stream() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, event(choices=[{"message": {"content": "Hello"}}]).removeprefix(b"data: "))

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        assert await ask(upstream) == [TranscriptPiece("Hello"), Finished("stop")]


async def test_a_large_request_arrives_whole() -> None:
    text = "x" * 3_000_000

    async def script(exchange: Exchange) -> None:
        assert exchange.json["messages"] == [{"role": "user", "content": text}]
        await exchange.stream(SPOKEN)

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        large = replace(REQUEST, messages=(UserMessage((UserText(text),)),))
        assert (await ask(upstream, large))[-1] == Finished("stop")


async def test_a_compressed_stream() -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.headers["accept-encoding"] == "identity"
        await exchange.begin(content_encoding="gzip")
        await exchange.chunk(gzip.compress(b"".join(SPOKEN)))
        await exchange.end()

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        assert (await ask(upstream))[0] == TranscriptPiece("Hello")


FORGOTTEN = (
    b'{"error":{"message":"Assistant audio audio_1 not found.","type":"invalid_request_error",'
    b'"param":"content.messages[0].audio.id","code":"audio_not_found"}}'
)


async def test_forgotten_audio_is_told_as_text() -> None:
    async def script(exchange: Exchange) -> None:
        if b"audio_1" in exchange.body:
            await exchange.answer(400, FORGOTTEN)
        else:
            await exchange.stream(SPOKEN)

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        referring = replace(
            REQUEST, messages=(AssistantMessage("As I said.", audio_id="audio_1"), UserMessage((UserText("And?"),)))
        )
        assert (await ask(upstream, referring))[-1] == Finished("stop")
        assert [exchange.json["messages"] for exchange in server.exchanges] == [
            [{"role": "assistant", "audio": {"id": "audio_1"}}, {"role": "user", "content": "And?"}],
            [{"role": "assistant", "content": "As I said."}, {"role": "user", "content": "And?"}],
        ]


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "Assistant audio audio_1 not found."), (400, "The audio audio_1 has expired, and so has its transcript.")],
)
async def test_forgotten_audio_without_a_code(status: int, message: str) -> None:
    async def script(exchange: Exchange) -> None:
        if b"audio_1" in exchange.body:
            await exchange.answer(status, orjson.dumps({"error": {"message": message, "code": None}}))
        else:
            await exchange.stream(SPOKEN)

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        referring = replace(REQUEST, messages=(AssistantMessage("As I said.", audio_id="audio_1"),))
        assert (await ask(upstream, referring))[-1] == Finished("stop")


@pytest.mark.parametrize(("audio_id", "requests"), [(None, 1), ("audio_1", 2)])
async def test_audio_that_stays_forgotten(audio_id: str | None, requests: int) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(400, FORGOTTEN)

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        with pytest.raises(AudioGone, match="audio_1 not found"):
            await ask(upstream, replace(REQUEST, messages=(AssistantMessage("As I said.", audio_id=audio_id),)))
        assert len(server.exchanges) == requests


async def test_nothing_is_read_while_nobody_iterates() -> None:
    """Also, the time between chunks is not counted meanwhile."""
    full = asyncio.Event()
    sound = delta(audio={"data": "AAAA" * 20_000})
    sent = 0

    async def script(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.begin()
        while not full.is_set():
            sending = asyncio.ensure_future(exchange.chunk(sound))
            sent += 1
            # Far longer than the client's patience: it must not be counting.
            if not (await asyncio.wait([sending], timeout=1.3))[0]:
                full.set()
            await sending
        await exchange.chunk(DONE)
        await exchange.end()

    async with scripted(script) as server:
        impatient = replace(config(server.url), chunk_timeout_s=1.0)
        async with ChatCompletions(impatient) as upstream, upstream.stream(REQUEST) as pieces:
            await anext(pieces)
            await full.wait()
            rest = [piece async for piece in pieces]
        sounds = [piece for piece in rest if isinstance(piece, AudioPiece)]
        assert len(sounds) == sent - 1
        assert sum(len(audio_bytes(piece.audio)) for piece in sounds) == (sent - 1) * 60_000


async def test_many_streams_at_once() -> None:
    """More than the hundred connections that HTTP clients allow by default, half of them left in mid-stream."""
    everybody_is_here = asyncio.Event()
    gone: list[int] = []
    all_gone = asyncio.Event()
    count = 120

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(SPOKEN[0])
        if len(server.exchanges) == count:
            everybody_is_here.set()
        await everybody_is_here.wait()
        if exchange.json["max_completion_tokens"] == 1:
            await exchange.gone()
            gone.append(exchange.connection)
            if len(gone) == count // 2:
                all_gone.set()
        else:
            for _ in range(20):
                await exchange.chunk(SPOKEN[1])
            await exchange.chunk(DONE)
            await exchange.end()

    async def call(number: int) -> None:
        leaves = number % 2
        async with upstream.stream(replace(REQUEST, max_output_tokens=leaves)) as pieces:
            assert await anext(pieces) == TranscriptPiece("Hello")
            await everybody_is_here.wait()
            if not leaves:
                assert len([piece async for piece in pieces]) == 21

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        await asyncio.gather(*(call(number) for number in range(count)))
        await all_gone.wait()
