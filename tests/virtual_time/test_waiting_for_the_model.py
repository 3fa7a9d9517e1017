"""How long a model is waited for whose server keeps the connection alive."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from bargein.core.completion import CompletionRequest, Finished, StreamPiece, TextPiece, UserMessage, UserText
from bargein.errors import UpstreamTimedOut
from bargein.testing.loop import run
from bargein.upstream import ChatCompletions, UpstreamConfig
from bargein.upstream.answer import ALIVE_S
from support.scripted_upstream import DONE, Exchange, Script, delta, scripted

REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=False, voice=None)
PROCESSING = b": OPENROUTER PROCESSING\n\n"
THOUGHT = delta(reasoning_content="hm")


async def asked(script: Script) -> tuple[list[StreamPiece], float, UpstreamTimedOut | None]:
    """What came, how long it took, and how it failed."""
    loop, pieces = asyncio.get_running_loop(), list[StreamPiece]()
    async with scripted(script) as server:
        config = UpstreamConfig(base_url=server.url, model="m")
        began_s, failure = loop.time(), None
        async with ChatCompletions(config) as upstream:
            try:
                async with upstream.stream(REQUEST) as stream:
                    async for piece in stream:
                        pieces.append(piece)
            except UpstreamTimedOut as error:
                failure = error
        return pieces, loop.time() - began_s, failure


@pytest.mark.parametrize(
    ("begin", "code"), [(b"", "first_byte_timeout"), (delta(content="Hello"), "stall_timeout")], ids=["never", "stuck"]
)
def test_a_server_that_only_says_it_is_there_is_not_waited_for_without_end(begin: bytes, code: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(PROCESSING + begin)
        with suppress(ConnectionError):
            for _ in range(400):
                await asyncio.sleep(2.0)
                await exchange.chunk(PROCESSING)
            await exchange.chunk(DONE)

    _, took_s, failure = run(asked(script))
    assert failure is not None
    assert failure.code == code
    assert ALIVE_S <= took_s <= ALIVE_S + 5.0


@pytest.mark.parametrize("between", [PROCESSING, THOUGHT], ids=["comments", "thoughts"])
def test_a_model_that_takes_its_time_is_waited_for(between: bytes) -> None:
    """Comments for a while; thoughts for as long as it likes."""
    times = 40 if between is PROCESSING else 400

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        for _ in range(times):
            await exchange.chunk(between)
            await asyncio.sleep(2.0)
        await exchange.chunk(delta(content="Hello") + DONE)
        await exchange.end()

    pieces, took_s, failure = run(asked(script))
    assert failure is None
    assert pieces == [TextPiece("Hello"), Finished("stop")]
    assert took_s >= times * 2.0
