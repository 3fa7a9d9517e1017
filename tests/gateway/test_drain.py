"""How a server ends: turns in progress first, then everybody."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from support.gateway import Serve


async def test_a_turn_in_progress_is_finished_and_nobody_new_comes_in(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as idle, connect(running.ws) as busy:
        await idle.recv()
        await busy.recv()
        await busy.send("turn")
        session = running.sessions[1]
        await session.in_turn.wait()
        running.server.end()
        await asyncio.wait_for(idle.wait_closed(), 30)
        assert idle.close_code == 1012
        async with running.client() as client:
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["error"]["code"]) == (503, "server_draining")
            assert "Retry-After" in ready.headers
            assert (await client.get("/healthz")).status_code == 200
        with pytest.raises(InvalidStatus) as caught:
            await connect(running.ws)
        assert caught.value.response.status_code == 503
        await busy.send("not cut")
        assert await busy.recv() == "not cut"
        assert running.metric("bargein_draining") == 1
        session.turn_over.set()
        await asyncio.wait_for(busy.wait_closed(), 30)
        assert busy.close_code == 1012
        await asyncio.wait_for(running.serving, 30)


async def test_the_deadline_ends_a_turn_that_does_not(serve: Serve) -> None:
    async with serve(drain_s=0.2) as running, connect(running.ws) as busy:
        await busy.recv()
        await busy.send("turn")
        await running.sessions[0].in_turn.wait()
        running.server.end()
        await asyncio.wait_for(busy.wait_closed(), 30)
        assert busy.close_code == 1012
        await asyncio.wait_for(running.serving, 30)


async def test_a_second_signal_is_now(serve: Serve) -> None:
    async with serve(drain_s=3600) as running, connect(running.ws) as busy:
        await busy.recv()
        await busy.send("turn")
        await running.sessions[0].in_turn.wait()
        running.server.end()
        await asyncio.sleep(0)
        running.server.end()
        await asyncio.wait_for(busy.wait_closed(), 30)
        assert busy.close_code == 1012
        await asyncio.wait_for(running.serving, 30)


async def test_nobody_there_ends_at_once(serve: Serve) -> None:
    async with serve(drain_s=3600) as running:
        running.server.end()
        await asyncio.wait_for(running.serving, 30)
