"""How replies end over real HTTP: promptly where nothing more can come, and never before."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import orjson
import pytest

from bargein.core.completion import (
    AudioPiece,
    CompletionRequest,
    Finished,
    StreamPiece,
    TextPiece,
    ToolCallPiece,
    TranscriptPiece,
    Usage,
    UserMessage,
    UserText,
)
from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamRateLimited, UpstreamRefused, UpstreamUnavailable
from bargein.upstream import ChatCompletions, UpstreamConfig
from support.scripted_upstream import DONE, Exchange, delta, event, scripted

REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=True, voice="alloy")
WORDS = delta(audio={"transcript": "Hello"})
SOUND = delta(audio={"data": "AAAA////"})
CALL = delta(tool_calls=[{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "{}"}}])
USAGE = event(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 5})
FOREVER_S = 600.0
"""A patience that ends only when the test does."""


def ends(reason: str, **more: object) -> bytes:
    return event(choices=[{"index": 0, "delta": {}, "finish_reason": reason}], **more)


async def pieces_of(url: str, *, audio: bool = True, patience_s: float = FOREVER_S) -> list[StreamPiece]:
    config = UpstreamConfig(base_url=url, model="m", chunk_timeout_s=patience_s, first_byte_timeout_s=60)
    async with ChatCompletions(config) as upstream, upstream.stream(replace(REQUEST, audio=audio)) as pieces:
        return [piece async for piece in pieces]


@pytest.mark.parametrize(
    ("chunks", "last"),
    [
        pytest.param([WORDS, SOUND, ends("stop")], [AudioPiece("AAAA////", 3), Finished("stop")], id="sound"),
        pytest.param([SOUND, ends("length")], [AudioPiece("AAAA////", 3), Finished("length")], id="cut short"),
        pytest.param(
            [CALL, ends("tool_calls")], [ToolCallPiece(0, "call_1", "f", "{}"), Finished("tool_calls")], id="call"
        ),
        pytest.param([CALL, ends("stop")], [ToolCallPiece(0, "call_1", "f", "{}"), Finished("stop")], id="call, stop"),
        pytest.param([SOUND, ends("stop"), USAGE], [Usage(3, 0, 0, 5), Finished("stop")], id="with usage"),
        pytest.param([SOUND, USAGE], [Usage(3, 0, 0, 5), Finished("stop")], id="usage alone"),
    ],
)
async def test_a_reply_that_is_over_needs_no_end(chunks: list[bytes], last: list[StreamPiece]) -> None:
    left = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        for chunk in chunks:
            await exchange.chunk(chunk)
        await exchange.gone()
        left.set()

    async with scripted(script) as server:
        assert (await pieces_of(server.url))[-2:] == last
        await left.wait()


async def test_a_reply_in_text_that_is_over_needs_no_end() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(delta(content="Hello") + ends("stop"))
        await exchange.gone()

    async with scripted(script) as server:
        assert (await pieces_of(server.url, audio=False))[-1] == Finished("stop")


async def test_signs_of_life_do_not_make_a_reply_longer() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(SOUND + ends("stop"))
        with suppress(ConnectionError):
            while True:
                await exchange.chunk(b": still here\n\n")
                await asyncio.sleep(0.02)

    async with scripted(script) as server:
        assert (await pieces_of(server.url))[-1] == Finished("stop")


async def test_usage_behind_the_finish_reason_is_counted() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(SOUND + ends("stop"))
        await asyncio.sleep(0.1)
        await exchange.chunk(USAGE)
        await exchange.gone()

    async with scripted(script) as server:
        assert (await pieces_of(server.url))[-2:] == [Usage(3, 0, 0, 5), Finished("stop")]


@pytest.mark.parametrize(
    "finished",
    [ends("stop"), ends("stop", modality="text"), SOUND + ends("stop", modality="text"), ends("length") + USAGE],
    ids=["before any sound", "of the text", "of the text, amid the sound", "with usage"],
)
async def test_sound_behind_the_end_of_the_words_is_waited_for(finished: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(WORDS + finished)
        await asyncio.sleep(0.8)
        await exchange.chunk(delta(audio={"data": "BBBB"}) + ends("stop") + DONE)
        await exchange.end()

    async with scripted(script) as server:
        pieces = await pieces_of(server.url)
    assert [piece.audio for piece in pieces if isinstance(piece, AudioPiece)][-1] != "AAAA////"


async def test_words_behind_the_usage_are_waited_for() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(USAGE)
        await asyncio.sleep(0.8)
        await exchange.chunk(delta(content="Hello") + ends("stop") + DONE)
        await exchange.end()

    async with scripted(script) as server:
        assert TextPiece("Hello") in await pieces_of(server.url, audio=False)


async def test_the_end_is_waited_for_only_while_the_reply_is_read() -> None:
    """A reader that is held up does not lose what had come by then."""
    sent = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(SOUND + ends("stop"))
        await sent.wait()
        await exchange.chunk(USAGE + DONE)
        await exchange.end()

    async with scripted(script) as server:
        config = UpstreamConfig(base_url=server.url, model="m")
        async with ChatCompletions(config) as upstream, upstream.stream(REQUEST) as pieces:
            await anext(pieces)
            sent.set()
            await asyncio.sleep(0.6)
            assert [piece async for piece in pieces] == [Usage(3, 0, 0, 5), Finished("stop")]


async def test_a_failure_as_a_finish_reason() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(WORDS + ends("error"))
        await exchange.gone()

    async with (
        scripted(script) as server,
        ChatCompletions(UpstreamConfig(base_url=server.url, model="m", chunk_timeout_s=FOREVER_S)) as upstream,
        upstream.stream(REQUEST) as pieces,
    ):
        assert await anext(pieces) == TranscriptPiece("Hello")
        with pytest.raises(UpstreamUnavailable, match="finish reason 'error'"):
            await anext(pieces)


# Bodies of another kind than their type says.

REPLY = orjson.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/plain", "text/html", ""])
@pytest.mark.parametrize(
    "body",
    [
        REPLY,
        b"\n  " + REPLY,
        WORDS + ends("stop"),
        b": hello\n\n" + WORDS + DONE,
        (WORDS + ends("stop") + DONE).replace(b"\n\n", b"\n"),
        WORDS + ends("stop") + b'data: "[done]"\n\n',
    ],
)
@pytest.mark.parametrize("packet_bytes", [1, 10_000])
async def test_the_body_tells_what_it_is(content_type: str, body: bytes, packet_bytes: int) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin(content_type)
        for at in range(0, len(body), packet_bytes):
            await exchange.chunk(body[at : at + packet_bytes])
        await exchange.end()

    async with scripted(script) as server:
        assert await pieces_of(server.url) == [TranscriptPiece("Hello"), Finished("stop")]


@pytest.mark.parametrize("body", [REPLY, WORDS + DONE])
@pytest.mark.parametrize("blank", [b"\n", b" ", b"\xef", b"\r\n\r\n"])
async def test_blanks_that_come_first_and_alone(blank: bytes, body: bytes) -> None:
    """Some gateways keep a connection alive by them, before an answer in one piece too."""

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        for _ in range(3):
            await exchange.chunk(blank)
            await asyncio.sleep(0.05)
        await exchange.chunk(body)
        await exchange.end()

    async with scripted(script) as server:
        assert await pieces_of(server.url) == [TranscriptPiece("Hello"), Finished("stop")]


@pytest.mark.parametrize("content_type", ["text/plain", "text/event-stream", "text/html", ""])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"Unauthorized", ": 'Unauthorized'"),
        (b"upstream connect error, key sk-abc", ": 'upstream connect error, key ***'"),
        (b"no " * 1000, ""),
        (b"\x00\x01\x02", ""),
    ],
)
async def test_a_body_that_is_no_answer_is_told_where_it_is_words(content_type: str, body: bytes, words: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, body, content_type=content_type)

    async with scripted(script) as server:
        with pytest.raises(UpstreamMalformed) as raised:
            await pieces_of(server.url)
    assert raised.value.code == "not_a_stream"
    assert raised.value.message == (
        f"The model's server answered with something that is no event stream{words}. The operator has to check its "
        "base URL."
    )


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "text/event-stream"])
async def test_a_web_page_as_a_success(content_type: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, b"\n<!doctype html><p>Hello</p>", content_type=content_type)

    async with scripted(script) as server:
        with pytest.raises(UpstreamMalformed, match="with a web page"):
            await pieces_of(server.url)


@pytest.mark.parametrize("status", [201, 203])
async def test_what_lies_before_a_model_may_have_a_success_of_its_own(status: int) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, REPLY)

    async with scripted(script) as server:
        assert await pieces_of(server.url) == [TranscriptPiece("Hello"), Finished("stop")]


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"error": {"message": "No.", "code": 429}}, UpstreamRateLimited, "No."),
        ({"error": "It broke."}, UpstreamUnavailable, "It broke."),
        ({"detail": "It broke."}, UpstreamUnavailable, "It broke."),
        ({"status": "error"}, UpstreamMalformed, "The model's server answered without a reply."),
        ({}, UpstreamMalformed, "The model's server answered without a reply."),
        ({"choices": []}, UpstreamMalformed, "The model's server answered without a reply."),
    ],
)
async def test_an_error_that_came_as_a_success(
    content_type: str, body: object, kind: type[UpstreamError], message: str
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, orjson.dumps(body), content_type=content_type)

    async with scripted(script) as server:
        with pytest.raises(kind) as raised:
            await pieces_of(server.url)
    assert raised.value.message == message


async def test_a_failure_in_a_field_of_its_own_is_no_end() -> None:
    """As llama.cpp told of one until autumn 2025."""
    refused = {
        "code": 400,
        "message": "the request exceeds the available context size",
        "type": "invalid_request_error",
    }

    async def script(exchange: Exchange) -> None:
        await exchange.stream([b"error: %s\n\n" % orjson.dumps(refused), DONE])

    async with scripted(script) as server:
        with pytest.raises(UpstreamRefused, match="exceeds the available context size"):
            await pieces_of(server.url)


async def test_an_end_with_blanks() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(WORDS + b"data:  [DONE] \n\n")
        await exchange.end()

    async with scripted(script) as server:
        assert await pieces_of(server.url) == [TranscriptPiece("Hello"), Finished("stop")]
