"""Leaving a stream, wherever it is, closes its connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bargein.core.completion import CompletionRequest, UserMessage, UserText
from bargein.errors import UpstreamError
from bargein.upstream import ChatCompletions, UpstreamConfig
from support.full_listener import full_listener
from support.scripted_upstream import DONE, Exchange, delta, scripted

REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=True, voice="alloy")
HELLO = delta(audio={"transcript": "Hello"})


class Call:
    """A caller of one stream, to be cancelled."""

    def __init__(self, upstream: ChatCompletions, request: CompletionRequest = REQUEST) -> None:
        self.hearing = asyncio.Event()
        self.closed = asyncio.Event()
        self.closed_count = 0
        self.task = asyncio.create_task(self._run(upstream, request))

    async def _run(self, upstream: ChatCompletions, request: CompletionRequest) -> None:
        async with upstream.stream(request, on_closed=self._on_closed) as pieces:
            async for _ in pieces:
                self.hearing.set()

    def _on_closed(self) -> None:
        self.closed_count += 1
        self.closed.set()

    async def cancel(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        assert self.task.cancelled()
        await self.closed.wait()
        assert self.closed_count == 1


class Stalling:
    """A script that gets as far as told, then waits for the client to go."""

    def __init__(self, *sent: bytes) -> None:
        self.sent = sent
        self.reached = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        if self.sent:
            await exchange.begin()
        for data in self.sent:
            await exchange.chunk(data)
        self.reached.set()
        await exchange.gone()
        self.gone.set()


def open_sockets() -> int:
    return sum(1 for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink() and "socket:" in _target(entry))


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:
        return ""


def config(url: str) -> UpstreamConfig:
    return UpstreamConfig(base_url=url, model="gpt-audio")


async def test_in_mid_stream() -> None:
    script = Stalling(HELLO)
    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        call = Call(upstream)
        await call.hearing.wait()
        await call.cancel()
        await script.gone.wait()


async def test_before_the_headers() -> None:
    script = Stalling()
    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        call = Call(upstream)
        await script.reached.wait()
        await call.cancel()
        await script.gone.wait()


async def test_before_the_first_byte() -> None:
    script = Stalling(b": no data yet\n")
    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        call = Call(upstream)
        await script.reached.wait()
        await call.cancel()
        await script.gone.wait()


async def test_while_an_error_is_read() -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 500 x\r\ncontent-length: 100\r\n\r\n{")
        reached.set()
        await exchange.gone()
        gone.set()

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        call = Call(upstream)
        await reached.wait()
        await call.cancel()
        await gone.wait()


async def test_while_connecting() -> None:
    before = open_sockets()
    with full_listener() as url:
        async with ChatCompletions(config(url)) as upstream:
            held = open_sockets()
            call = Call(upstream)
            while open_sockets() == held:  # noqa: ASYNC110  # there is no event for a socket that comes to be
                await asyncio.sleep(0)
            await call.cancel()
            assert open_sockets() == held
    assert open_sockets() == before


async def test_before_it_has_begun() -> None:
    async with ChatCompletions(config("http://127.0.0.1:9/v1")) as upstream:
        call = Call(upstream)
        call.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call.task


async def test_while_the_request_is_sent() -> None:
    """The server reads nothing: a polite close would wait for it."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await go_on.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, ChatCompletions(config(url)) as upstream:
        request = replace(REQUEST, messages=(UserMessage((UserText("x" * 40_000_000),)),))
        call = Call(upstream, request)
        await arrived.wait()
        connected = open_sockets()
        await call.cancel()
        assert open_sockets() == connected - 1
        go_on.set()


async def test_leaving_without_cancellation() -> None:
    script = Stalling(HELLO)
    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        async with upstream.stream(REQUEST) as pieces:
            await anext(pieces)
        await script.gone.wait()


async def fail(upstream: ChatCompletions) -> None:
    async with upstream.stream(REQUEST) as pieces:
        await anext(pieces)
        raise TimeoutError("mine")


async def test_an_error_of_the_caller_is_not_touched() -> None:
    script = Stalling(HELLO)
    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        with pytest.raises(TimeoutError, match="mine"):
            await fail(upstream)
        await script.gone.wait()


async def test_the_others_go_on() -> None:
    go_on = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(HELLO)
        await go_on.wait()
        await exchange.chunk(HELLO + DONE)
        await exchange.end()

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        calls = [Call(upstream) for _ in range(10)]
        for call in calls:
            await call.hearing.wait()
        for call in calls[::2]:
            await call.cancel()
        go_on.set()
        await asyncio.gather(*(call.task for call in calls[1::2]))


async def test_closing_the_upstream_fails_what_runs() -> None:
    script = Stalling(HELLO)
    async with scripted(script) as server:
        upstream = ChatCompletions(config(server.url))
        call = Call(upstream)
        await call.hearing.wait()
        await upstream.aclose()
        with pytest.raises(UpstreamError):
            await call.task
        await script.gone.wait()
