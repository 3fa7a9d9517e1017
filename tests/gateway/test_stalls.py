"""The whole process stands still, as on a paused machine: nobody is blamed for it.

A real server, stopped by a signal.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from support.model import Model, event, scripted_model, speech
from support.realtime_client import RealtimeClient, connect
from support.scripted_upstream import Exchange
from support.server_process import ServerProcess, serve

STALL_S = 2.5
LIMITS = {
    "BARGEIN_UPSTREAM_FIRST_BYTE_TIMEOUT_S": "2",
    "BARGEIN_UPSTREAM_CHUNK_TIMEOUT_S": "2",
    "BARGEIN_CONTROL_MESSAGES_PER_S": "6",
    "BARGEIN_IDLE_LIMIT_S": "2",
}
"""None of them would allow as much as there is in a stall."""
PERIOD_S = 0.2
"""Of a caller's control messages: fewer than allowed."""


@asynccontextmanager
async def stopped(server: ServerProcess) -> AsyncIterator[None]:
    """The server stands still from before the block until :data:`STALL_S` after it."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
        await asyncio.sleep(STALL_S)
    finally:
        server.process.send_signal(signal.SIGCONT)


async def chatter(caller: RealtimeClient) -> None:
    """Send control messages evenly, for ever."""
    while True:
        await caller.send({"type": "input_audio_buffer.clear"})
        await asyncio.sleep(PERIOD_S)


@asynccontextmanager
async def chattering(caller: RealtimeClient) -> AsyncIterator[None]:
    task = asyncio.create_task(chatter(caller))
    try:
        yield
    finally:
        task.cancel()


@pytest.mark.parametrize("transport", ["websockets", "picows"])
async def test_a_stall_is_charged_to_nobody(transport: str) -> None:
    async with scripted_model() as model:
        server = serve("--upstream", model.url, "--transport", transport, settings=LIMITS)
        with server as process:
            await survive(process, model)


async def survive(server: ServerProcess, model: Model) -> None:
    asked, begun, stalled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        asked.set()
        await begun.wait()
        await exchange.begin()
        for chunk in speech("once upon"):
            await exchange.chunk(chunk)
        await stalled.wait()
        for chunk in speech("a time"):
            await exchange.chunk(chunk)
        await exchange.chunk(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.end()

    model.will(answer)
    async with connect(server.realtime_url) as caller, connect(server.realtime_url) as quiet:
        async with chattering(caller), chattering(quiet):
            await caller.say_text("tell me a story")
            await asked.wait()
            async with stopped(server):
                begun.set()
            await caller.wait_for("response.output_audio.delta")
            async with stopped(server):
                stalled.set()
            done = await caller.wait_for("response.done")
        for each in (caller, quiet):
            await each.say_text("are you there?")
            assert (await each.wait_for("response.done"))["response"]["status"] == "completed"
            assert each.errors == []
    assert done["response"]["status"] == "completed"
    assert caller.transcript(done["response"]["id"]).strip() == "once upon a time"
