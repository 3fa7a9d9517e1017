"""Every way in which the model's server can fail, over real HTTP: one clear error, and the key in none of it."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest

from bargein.core.completion import CompletionRequest, Finished, StreamPiece, TranscriptPiece, UserMessage, UserText
from bargein.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnavailable,
)
from bargein.loop.clock import unix_s
from bargein.testing import run as run_in_virtual_time
from bargein.upstream import ChatCompletions, UpstreamConfig, failures, http
from support.full_listener import full_listener
from support.scripted_upstream import DONE, Exchange, delta, event, scripted

KEY = "sk-a-key-that-nobody-may-see"
REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=True, voice="alloy")
HELLO = delta(audio={"transcript": "Hello"})


@pytest.fixture(autouse=True)
def _logs_hold_no_key(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    assert KEY not in caplog.text


async def ask(url: str, **patience_s: float) -> list[StreamPiece]:
    config = replace(UpstreamConfig(base_url=url, model="gpt-audio", api_key=KEY), **patience_s)  # type: ignore[arg-type]
    async with ChatCompletions(config) as upstream, upstream.stream(REQUEST) as pieces:
        return [piece async for piece in pieces]


async def failure(url: str, **patience_s: float) -> UpstreamError:
    """The error of a request, which shows the key nowhere."""
    with pytest.raises(UpstreamError) as raised:
        await ask(url, **patience_s)
    error = raised.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    assert KEY not in shown
    assert "127.0.0.1" not in error.message
    return error


@asynccontextmanager
async def answering(status: int, body: object, **headers: str) -> AsyncIterator[str]:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, body if isinstance(body, bytes) else orjson.dumps(body), **headers)

    async with scripted(script) as server:
        yield server.url
        assert len(server.exchanges) == 1, "nothing is asked twice"


def said(message: str, kind: str | None = None, code: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


async def test_401() -> None:
    body = said(f"Incorrect API key provided: {KEY[:8]}****see.", "invalid_request_error", "invalid_api_key")
    async with answering(401, body) as url:
        error = await failure(url)
    assert isinstance(error, UpstreamRefused)
    assert (error.http_status, error.code) == (401, "invalid_api_key")
    assert "****" not in error.message
    assert KEY[:8] not in error.message


@pytest.mark.parametrize(("status", "code"), [(403, "unsupported_country"), (404, "model_not_found"), (400, None)])
async def test_refused(status: int, code: str | None) -> None:
    async with answering(status, said(f"No, not with {KEY}.", "invalid_request_error", code)) as url:
        error = await failure(url)
    assert type(error) is UpstreamRefused
    assert error.message == "No, not with ***."
    assert (error.http_status, error.code, error.type) == (status, code, "invalid_request_error")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, None), ({"retry_after": "7"}, 7), ({"retry_after": "x"}, None), ({"retry_after_ms": "250"}, 0.25)],
)
async def test_429(headers: dict[str, str], seconds: float | None) -> None:
    body = said("Rate limit reached.", "tokens", "rate_limit_exceeded")
    async with answering(429, body, **headers) as url:
        error = await failure(url)
    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after_s == seconds
    assert (error.message, error.type, error.code) == ("Rate limit reached.", "tokens", "rate_limit_exceeded")


async def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    seconds = failures.retry_after({"retry-after": later})
    assert seconds is not None
    assert 0 < seconds <= 100


def test_a_date_is_by_the_time_of_day_of_the_loop() -> None:
    """As all that carries one: where an hour passes in no time, a date an hour away has come near."""

    async def main() -> float | None:
        later = format_datetime(datetime.fromtimestamp(unix_s(), UTC) + timedelta(seconds=3660), usegmt=True)
        await asyncio.sleep(3600)
        return failures.retry_after({"retry-after": later})

    assert run_in_virtual_time(main()) == pytest.approx(60, abs=1.5)


@pytest.mark.parametrize("status", [500, 502, 503, 529])
@pytest.mark.parametrize("body", [said("It broke.", "server_error"), b"<html>Bad gateway</html>", b""])
async def test_5xx(status: int, body: object) -> None:
    async with answering(status, body) as url:
        error = await failure(url)
    assert type(error) is UpstreamUnavailable
    assert error.http_status == status
    assert error.message in {"It broke.", f"The model's server failed with status {status}."}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "plain"}, "plain"),
        ({"object": "error", "message": "vllm", "code": 400}, "vllm"),
        ({"code": "InvalidParameter", "message": "dashscope", "request_id": "1"}, "dashscope"),
        ({"detail": "fastapi"}, "fastapi"),
        ({"detail": [{"loc": ["body"]}]}, '[{"loc":["body"]}]'),
        ([], "The model's server refused the request with status 400."),
        ([{"error": {"code": 400, "message": "gemini", "status": "INVALID_ARGUMENT"}}], "gemini"),
        ({"errors": [{"message": "cloudflare", "code": 1}]}, "cloudflare"),
        ({"error_code": 336, "error_msg": "baidu"}, "baidu"),
        ({"error": {"code": 1214, "msg": "gateway"}}, "gateway"),
        ({"error": True, "message": "flag"}, "flag"),
        (b"Method not allowed here", "Method not allowed here"),
        (b"<html><body>no</body></html>", "The model's server refused the request with status 400."),
        (b"\x00\xff", "The model's server refused the request with status 400."),
        (b"x" * 200_000, "The model's server refused the request with status 400."),
        (said("long" * 1000), "long" * 250),
    ],
)
async def test_errors_in_other_shapes(body: object, message: str) -> None:
    async with answering(400, body) as url:
        assert (await failure(url)).message == message


@pytest.mark.parametrize("status", [204, 301, 307])
async def test_an_answer_that_makes_no_sense(status: int) -> None:
    async with answering(status, b"", location="http://127.0.0.1:1/") as url:
        assert isinstance(await failure(url), UpstreamMalformed)


async def test_a_web_page() -> None:
    async with answering(200, b"<html></html>", content_type="text/html; charset=utf-8") as url:
        assert (await failure(url)).code == "not_a_stream"


async def test_connection_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
    assert isinstance(error, UpstreamUnavailable)
    assert error.code == "connect_failed"


async def test_a_name_that_does_not_exist() -> None:
    error = await failure("http://no-such-host.invalid/v1")
    assert (type(error), error.code) == (UpstreamUnavailable, "connect_failed")


async def test_connect_timeout() -> None:
    with full_listener() as url:
        error = await failure(url, connect_timeout_s=0.05)
    assert (type(error), error.code) == (UpstreamTimedOut, "connect_timeout")


Script = Callable[[Exchange], Awaitable[None]]


async def run(script: Script, **patience_s: float) -> UpstreamError:
    async with scripted(script) as server:
        return await failure(server.url, **patience_s)


async def test_stall_before_the_headers() -> None:
    error = await run(Exchange.gone, first_byte_timeout_s=0.05)
    assert (type(error), error.code) == (UpstreamTimedOut, "first_byte_timeout")


async def test_stall_before_the_first_byte() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.gone()

    error = await run(script, first_byte_timeout_s=0.05)
    assert (type(error), error.code) == (UpstreamTimedOut, "first_byte_timeout")


async def test_stall_in_mid_stream() -> None:
    gone = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(HELLO)
        await exchange.gone()
        gone.set()

    async with scripted(script) as server:
        error = await failure(server.url, chunk_timeout_s=0.05)
        await gone.wait()
    assert (type(error), error.code) == (UpstreamTimedOut, "stall_timeout")


async def test_stall_in_an_error() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 500 x\r\ncontent-length: 100\r\n\r\n{")
        await exchange.gone()

    assert isinstance(await run(script, first_byte_timeout_s=0.05), UpstreamTimedOut)


async def test_cut_before_the_headers() -> None:
    async def script(exchange: Exchange) -> None:
        exchange.cut()

    error = await run(script)
    assert (type(error), error.code) == (UpstreamUnavailable, "cut")


@pytest.mark.parametrize("after", [b"", HELLO, HELLO[:-10]])
async def test_cut_in_mid_stream(after: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        if after:
            await exchange.chunk(after)
        exchange.cut()

    error = await run(script)
    assert (type(error), error.code) == (UpstreamUnavailable, "cut")


async def test_an_end_in_mid_stream() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream([HELLO])

    assert (await run(script)).code == "cut"


@pytest.mark.parametrize(
    "last",
    [
        event(choices=[{"delta": {}, "finish_reason": "stop"}]),
        event(choices=[], usage={"prompt_tokens": 1}),
        delta(audio={"expires_at": 1}),
    ],
)
@pytest.mark.parametrize("ending", ["closed", "cut", "silent"])
async def test_a_complete_reply_needs_no_proper_end(last: bytes, ending: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(HELLO + last)
        match ending:
            case "closed":
                await exchange.end()
            case "cut":
                exchange.cut()
            case _:
                await exchange.gone()

    async with scripted(script) as server:
        pieces = await ask(server.url, chunk_timeout_s=0.05)
    assert pieces[0] == TranscriptPiece("Hello")
    assert pieces[-1] == Finished("stop")


@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        ([b"data: {no json}\n\n"], "invalid_json"),
        ([b"data: [1]\n\n"], "invalid_json"),
        ([delta(audio={"data": "!!!!"})], "invalid_audio"),
        ([b"data: " + b"x" * 2000], "line_too_long"),
        ([b"<!doctype html>"], "not_a_stream"),
    ],
)
async def test_malformed_streams(chunks: list[bytes], code: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(chunks)

    assert (await run(script, max_line_bytes=1000)).code == code


async def test_no_http() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    error = await run(script)
    assert (type(error), error.code) == (UpstreamMalformed, "invalid_http")


async def test_an_error_in_mid_stream() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream([HELLO, event(error={"message": "It broke.", "type": "server_error"}), DONE])

    error = await run(script)
    assert (type(error), error.message) == (UpstreamUnavailable, "It broke.")


async def test_what_came_with_an_error_in_one_packet_is_given_before_it() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream([HELLO + event(error={"message": "It broke.", "type": "server_error"})])

    async with (
        scripted(script) as server,
        ChatCompletions(UpstreamConfig(base_url=server.url, model="m")) as upstream,
        upstream.stream(REQUEST) as pieces,
    ):
        assert await anext(pieces) == TranscriptPiece("Hello")
        with pytest.raises(UpstreamUnavailable, match="It broke"):
            await anext(pieces)


async def test_the_next_request_works() -> None:
    async def script(exchange: Exchange) -> None:
        if len(server.exchanges) == 1:
            exchange.cut()
        else:
            await exchange.stream([HELLO, DONE])

    async with scripted(script) as server, ChatCompletions(UpstreamConfig(base_url=server.url, model="m")) as upstream:
        with pytest.raises(UpstreamUnavailable):
            async with upstream.stream(REQUEST):
                pass
        async with upstream.stream(REQUEST) as pieces:
            assert [piece async for piece in pieces] == [TranscriptPiece("Hello"), Finished("stop")]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UpstreamTimedOut("x"), 504),
        (UpstreamUnavailable("x", http_status=500), 502),
        (UpstreamMalformed("x"), 502),
        (UpstreamRefused("x", http_status=401), 502),
        (UpstreamRefused("x", http_status=400), 400),
        (UpstreamRateLimited("x", http_status=429, retry_after_s=0.25), 429),
    ],
)
def test_as_an_answer(error: UpstreamError, status: int) -> None:
    answered, headers, body = failures.to_answer(error)
    assert answered == status
    assert orjson.loads(body) == {"error": {"message": "x", "type": "server_error", "param": None, "code": None}}
    assert headers.get("retry-after") == ("1" if status == 429 else None)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (http.InvalidHttp("x"), UpstreamMalformed, "invalid_http"),
        (http.UnknownEncoding("x"), UpstreamMalformed, "unknown_encoding"),
        (http.ConnectFailed("x"), UpstreamUnavailable, "connect_failed"),
        (http.TlsFailed("x"), UpstreamUnavailable, "tls_failed"),
        (http.ConnectionCut("x"), UpstreamUnavailable, "cut"),
        (ConnectionResetError(), UpstreamUnavailable, "cut"),
        (http.ConnectTimedOut("x"), UpstreamTimedOut, "connect_timeout"),
    ],
)
def test_what_the_client_raises(error: Exception, kind: type[UpstreamError], code: str) -> None:
    told = failures.from_exception(error)
    assert (type(told), told.code) == (kind, code)
