"""What is needed no longer goes back to the operating system, from those who stay too."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from bargein.gateway import memory
from bargein.gateway.memory import Tidying, give_back
from support.server_process import ServerProcess, serve

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; elsewhere nothing is given back")
MB = 1_000_000


@pytest.mark.parametrize(("sessions", "collected"), [(0, True), (memory.QUIET_SESSIONS, True), (51, False)])
async def test_a_quiet_process_collects(monkeypatch: pytest.MonkeyPatch, sessions: int, collected: bool) -> None:
    class Circle:
        def __init__(self) -> None:
            self.me = self

    monkeypatch.setattr(memory, "TIDY_INTERVAL_S", 0.01)
    rounds = 0
    asked = asyncio.Event()

    def open_sessions() -> int:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            asked.set()
        return sessions

    gc.collect()
    gc.disable()
    tidying = Tidying(asyncio.get_running_loop(), open_sessions)
    try:
        circle = weakref.ref(Circle())
        tidying.start()
        await asked.wait()
        assert (circle() is None) is collected
    finally:
        tidying.stop()
        gc.enable()


@on_linux
def test_what_is_given_back_is_zeros_and_its_neighbours_stay() -> None:
    buffer = bytearray(b"x" * (3 * memory.LARGE_BYTES))
    with memoryview(buffer) as view, view[1000:-1000] as free:
        give_back(free)
    assert set(buffer[:1000]) == set(buffer[-1000:]) == {ord("x")}
    assert buffer.count(0) >= 2 * memory.LARGE_BYTES
    buffer[:] = b"y" * len(buffer)
    assert buffer.count(b"y") == len(buffer)


def test_little_stays() -> None:
    buffer = bytearray(b"x" * (memory.LARGE_BYTES - 1))
    give_back(memoryview(buffer))
    assert buffer.count(b"x") == len(buffer)


@on_linux
@pytest.mark.parametrize("transport", ["websockets", "picows"])
async def test_a_large_message_is_held_by_nobody_when_it_has_been_dealt_with(transport: str) -> None:
    """Neither by callers who stay and say nothing, nor for those who have gone."""
    callers = 20
    with serve("--transport", transport, "--upstream", "http://127.0.0.1:9/v1") as server:
        async with AsyncExitStack() as stack:
            waiting = [
                await stack.enter_async_context(connect(server.realtime_url, max_size=None)) for _ in range(callers)
            ]
            for caller in waiting:
                await caller.recv()
            at_first = resident(server)
            for caller in waiting:
                await large_message(caller)
            # Half of what they have sent would be 40 MB.
            await resident_below(server, at_first + 20 * MB)
        for _ in range(3):
            async with AsyncExitStack() as stack:
                for _ in range(callers):
                    caller = await stack.enter_async_context(connect(server.realtime_url, max_size=None))
                    await large_message(caller)
                    caller.transport.abort()
        await resident_below(server, at_first + 20 * MB)


async def large_message(caller: ClientConnection) -> None:
    """Send one that is refused, and wait until it is."""
    await caller.send('{"type":"nonsense","more":"' + "A" * 4_000_000 + '"}')
    while '"error"' not in str(await caller.recv()):
        pass


def resident(server: ServerProcess) -> int:
    """Bytes."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * 4096


async def resident_below(server: ServerProcess, byte_count: int) -> None:
    """Wait for it. The system tells nobody when a process gives memory back: it has to be looked at."""
    async with asyncio.timeout(60):
        while resident(server) >= byte_count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
