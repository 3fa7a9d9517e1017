"""One allowance for all that a caller brings, and one caller's work in turn with the others'. On both transports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.intake import BYTES_BURST_S, FRAMES_BURST_S, Intake
from bargein.gateway.picows_transport import PicowsTransport
from bargein.gateway.websockets_transport import WebsocketsTransport
from bargein.session.timers import Timers
from support.gateway import ScriptedSession, Serve


@pytest.fixture(params=[WebsocketsTransport, PicowsTransport])
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    connection: MakeTransport = request.param
    return connection


class HandClock:
    at_s = 0.0

    def now(self) -> float:
        return self.at_s


async def greeting(caller: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await caller.recv())
    assert event["type"] == "session.created"
    return event


async def ended(session: ScriptedSession) -> tuple[int, str]:
    await asyncio.wait_for(session.closed.wait(), 30)
    return session.ends[0]


async def closed(caller: ClientConnection) -> tuple[int, str, list[dict[str, Any]]]:
    """How the server closed, and the errors that it told before."""
    errors: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(30):
            while True:
                message = await caller.recv()
                if message and isinstance(message, str) and message.startswith("{"):
                    errors.append(json.loads(message))
    except ConnectionClosed:
        return caller.close_code or 0, caller.close_reason or "", [error for error in errors if "error" in error]


def frames(opcode: Opcode, payload: bytes, count: int, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin=fin).serialize(mask=True) * count


FLOODS = {
    "empty text": frames(Opcode.TEXT, b"", 100),
    "empty appends": frames(Opcode.TEXT, b'{"type":"input_audio_buffer.append","audio":""}', 100),
    "empty binary": frames(Opcode.BINARY, b"", 100),
    "pongs": frames(Opcode.PONG, b"", 100),
    "fragments": (
        frames(Opcode.TEXT, b"", 1, fin=False) + frames(Opcode.CONT, b"", 98, fin=False) + frames(Opcode.CONT, b"", 1)
    ),
}
"""A hundred frames of each kind."""


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
async def test_a_flood_of_frames_is_held_back_then_refused(serve: Serve, flood: bytes) -> None:
    """On a clock that stands still nobody gets a new allowance: what is beyond it is not read."""
    clock = HandClock()
    timers = Timers(clock)
    per_s = 300.0
    async with serve(timers=timers, frames_per_s=per_s) as running, connect(running.ws, max_queue=None) as caller:
        await greeting(caller)
        session = running.sessions[0]
        connection = intake_of(session)
        caller.transport.write(flood * 200)
        await until(lambda: connection.held_until > 0.0)
        await passes()
        used = connection.frames_in
        burst = FRAMES_BURST_S * per_s
        assert burst <= used <= burst + 3000
        assert session.ends == []
        await caller.ping()  # What is not read gets no answer.
        while not session.closes:
            clock.at_s = max(clock.at_s, connection.held_until) + 0.01
            timers.run_due()
            await passes()
        assert 4.0 < clock.at_s < 10.0
        clock.at_s += 10.0
        timers.run_due()
        code, reason, errors = await closed(caller)
        assert code == 4429
        assert reason.startswith("too many frames for too long (BARGEIN_FRAMES_PER_S); retry_after=")
        assert errors[-1]["error"]["retry_after"] >= 1


def intake_of(session: ScriptedSession) -> Intake:
    assert isinstance(session.connection, Intake)
    return session.connection


async def until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0)


async def passes() -> None:
    """Let the event loop do what it has to do, sockets included."""
    for _ in range(50):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


async def test_a_stalled_line_that_comes_back_is_not_held_back(serve: Serve) -> None:
    """Five minutes of frames of 20 ms, as fast as they can be sent, and two large ones. On a clock that stands still,
    who is held back stays so.
    """
    not_for_unread = {"slow_caller_bytes": 100_000_000}
    async with (
        serve(timers=Timers(HandClock()), **not_for_unread) as running,
        connect(running.ws, max_size=None) as caller,
    ):
        await greeting(caller)
        sizes = [960] * 15_000 + [1_000_000] * 2

        async def send() -> None:
            for size in sizes:
                await caller.send(bytes(size))

        async def receive() -> list[int]:
            return [len(await caller.recv()) for _ in sizes]

        connection = intake_of(running.sessions[0])
        sending, receiving = asyncio.create_task(send()), asyncio.create_task(receive())
        await until(lambda: receiving.done() or connection.held_until > 0.0)
        assert connection.held_until == 0.0
        assert await receiving == sizes
        await sending


async def test_what_is_answered_counts_too(serve: Serve) -> None:
    clock = HandClock()
    timers = Timers(clock)
    async with serve(timers=timers, bytes_per_s=65_536) as running, connect(running.ws, max_queue=None) as caller:
        await greeting(caller)
        session = running.sessions[0]
        received, connection = session.received, intake_of(session)
        for _ in range(60):
            await caller.send("send 200000")
        burst = int(BYTES_BURST_S * 65_536 / 200_000)
        for _ in range(burst):
            await caller.recv()
        await passes()
        assert len(received) == burst + 1
        clock.at_s = connection.held_until
        timers.run_due()
        await passes()
        assert len(received) == burst + 2
        while not session.closes:
            clock.at_s = connection.held_until
            timers.run_due()
            await passes()
        assert len(received) < 40
        clock.at_s += 10.0
        timers.run_due()
        code, reason, errors = await closed(caller)
        assert code == 4429
        assert "BARGEIN_BYTES_PER_S" in reason
        assert errors[-1]["error"]["retry_after"] >= 1


async def test_messages_wait_for_the_work_of_the_one_before(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        for message in ("work 3", "first", b"second", "work 1", "third"):
            await caller.send(message)
        said = [await caller.recv() for _ in range(7)]
        assert said == ["2 pieces left", "1 pieces left", "0 pieces left", "first", b"second", "0 pieces left", "third"]


async def test_small_messages_that_are_much_work_let_the_others_in(serve: Serve) -> None:
    """Forty of them fit into what is parsed at once: they are not dealt with at once."""
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        caller.transport.write(frames(Opcode.TEXT, b"busy 5", 40) + frames(Opcode.TEXT, b"the last", 1))
        session = running.sessions[0]
        await until(lambda: bool(session.received))
        assert len(session.received) < 10
        assert await caller.recv() == "the last"
        assert session.received == [b"busy 5"] * 40 + [b"the last"]


async def test_messages_that_come_one_by_one_never_wait_their_turn(serve: Serve) -> None:
    """However many came before, and long ago. To wait takes another pass of the event loop, and stops the socket."""
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        session = running.sessions[0]
        taken: list[int] = []
        for number in range(1, 22):
            caller.transport.write(frames(Opcode.TEXT, b"busy 1", 1))
            taken.append(0)
            while len(session.received) < number:
                await asyncio.sleep(0)
                taken[-1] += 1
        assert min(taken[-5:]) == min(taken[:2])


async def test_one_callers_work_lets_the_others_in(serve: Serve) -> None:
    async with serve() as running, connect(running.ws, max_queue=None) as busy, connect(running.ws) as other:
        await greeting(busy)
        await greeting(other)
        await busy.send("work 1000000")
        await busy.recv()
        for _ in range(10):
            await other.send("still served")
            assert await other.recv() == "still served"
        assert running.sessions[0].pieces > 0
        busy.transport.abort()
        await ended(running.sessions[0])


async def test_who_reads_nothing_is_not_read(serve: Serve) -> None:
    bounds = {"slow_caller_bytes": 65_536, "bytes_per_s": 100_000_000}
    async with serve(**bounds) as running, connect(running.ws, max_size=None, max_queue=1) as caller:
        await greeting(caller)
        session = running.sessions[0]
        caller.transport.pause_reading()
        for _ in range(20):
            await caller.send("send 4000000")
        await until(lambda: session.connection.backlog_bytes >= 65_536)
        await passes()
        assert len(session.received) < 5
        caller.transport.resume_reading()
        for _ in range(20):
            assert len(await caller.recv()) == 4_000_000


async def test_a_large_message_arrives_whole_between_small_ones(serve: Serve) -> None:
    async with serve() as running, connect(running.ws, max_size=None) as caller:
        await greeting(caller)
        messages = ["a", "b" * 3_000_000, "c", "d" * 20_000, "e" * 9_000, "f"]
        for message in messages:
            await caller.send(message)
        assert [await caller.recv() for _ in messages] == messages


async def test_a_caller_that_leaves_while_it_is_held_back_leaves_nothing(serve: Serve) -> None:
    clock = HandClock()
    timers = Timers(clock)
    async with serve(timers=timers, frames_per_s=300.0) as running, connect(running.ws) as caller:
        await greeting(caller)
        before = timers.pending
        caller.transport.write(FLOODS["empty text"] * 200)
        await until(lambda: intake_of(running.sessions[0]).held_until > 0.0)
        await passes()
        running.sessions[0].close(1001, "bye")
        caller.transport.abort()
        while not running.sessions[0].ends:
            clock.at_s += 1.0
            timers.run_due()
            await passes()
        assert timers.pending <= before
