"""A model's server that says very much at once: the event loop is everybody's, and turns all the while."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bargein.core.completion import CompletionRequest, Finished, UserMessage, UserText
from bargein.upstream import ChatCompletions, UpstreamConfig
from bargein.upstream.answer import STRETCH_BYTES, STRETCH_EVENTS
from support.scripted_upstream import DONE, Exchange, delta, scripted

REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=False, voice=None)
DELTAS = 40_000


def config(url: str) -> UpstreamConfig:
    return UpstreamConfig(base_url=url, model="gpt-audio")


class Turns:
    """Counts what is done between two turns of the event loop."""

    def __init__(self) -> None:
        self.done = 0
        self.most = 0
        self.count = 0
        self._before = 0
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self.most = max(self.most, self.done - self._before)
        self._before = self.done
        self.count += 1
        self._next = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        self._turn()
        self._next.cancel()


@contextmanager
def turns() -> Iterator[Turns]:
    counted = Turns()
    try:
        yield counted
    finally:
        counted.stop()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
async def test_tiny_deltas_without_number_let_the_loop_turn(packed: bool) -> None:
    stream = delta(content="a") * DELTAS + DONE

    async def script(exchange: Exchange) -> None:
        if packed:
            await exchange.answer(200, gzip.compress(stream), content_type="text/event-stream", content_encoding="gzip")
        else:
            await exchange.stream([stream])

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        with turns() as counted:
            async with upstream.stream(REQUEST) as pieces:
                async for piece in pieces:
                    counted.done += 1
                    last = piece
    assert last == Finished("stop")
    assert counted.done == DELTAS + 1
    assert counted.most <= STRETCH_EVENTS


@pytest.mark.parametrize("said", [b": wait\n", b"\n", b"data: {}\n\n"], ids=["comments", "blank lines", "empty events"])
async def test_what_says_nothing_lets_the_loop_turn_too(said: bytes) -> None:
    stream = said * (2_000_000 // len(said)) + delta(content="Hi") + DONE

    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, gzip.compress(stream), content_type="text/event-stream", content_encoding="gzip")

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        with turns() as counted:
            async with upstream.stream(REQUEST) as pieces:
                assert [piece async for piece in pieces][-1] == Finished("stop")
    assert counted.count >= len(stream) // STRETCH_BYTES


async def test_a_whole_answer_that_inflates_lets_the_loop_turn() -> None:
    body = b'{"choices": [{"message": {"content": "Hi"}}]}' + b" " * 32_000_000

    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, gzip.compress(body), content_encoding="gzip")

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        with turns() as counted:
            async with upstream.stream(REQUEST) as pieces:
                assert [piece async for piece in pieces][-1] == Finished("stop")
    assert counted.count >= len(body) // STRETCH_BYTES


async def test_a_flood_is_dropped_between_two_deltas() -> None:
    gone = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(delta(content="a") * DELTAS)
        await exchange.gone()
        gone.set()

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        read, begun = 0, asyncio.Event()

        async def reading() -> None:
            nonlocal read
            async with upstream.stream(REQUEST) as pieces:
                async for _ in pieces:
                    read += 1
                    begun.set()

        task = asyncio.create_task(reading())
        await begun.wait()
        before = read
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert read == before
        assert read <= STRETCH_EVENTS
        await gone.wait()
