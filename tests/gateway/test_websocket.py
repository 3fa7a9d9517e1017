"""The caller's socket: both directions, limits, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.picows_transport import PicowsTransport
from bargein.gateway.websockets_transport import WebsocketsTransport
from bargein.session.timers import Timers
from support.gateway import Serve


@pytest.fixture(params=[WebsocketsTransport, PicowsTransport])
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    transport: MakeTransport = request.param
    return transport


async def greeting(caller: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await caller.recv())
    assert event["type"] == "session.created"
    return event


async def closed(caller: ClientConnection) -> tuple[int, str, list[str | bytes]]:
    """How the server closed, and what it said before."""
    said: list[str | bytes] = []
    try:
        async with asyncio.timeout(30):
            while True:
                said.append(await caller.recv())
    except ConnectionClosed:
        return caller.close_code or 0, caller.close_reason or "", said


def raw(caller: ClientConnection, *frames: Frame) -> None:
    """Send frames as they are, past the client's own rules."""
    for frame in frames:
        caller.transport.write(frame.serialize(mask=True))


async def test_text_and_binary_go_both_ways(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        await caller.send("grüße")
        await caller.send(b"\x00\xff")
        assert await caller.recv() == "grüße"
        assert await caller.recv() == b"\x00\xff"
        assert running.sessions[0].received == ["grüße".encode(), b"\x00\xff"]
        assert running.metric('bargein_messages_total{direction="in"}') == 2
        assert running.metric('bargein_message_bytes_total{direction="in"}') == 9
        assert running.metric('bargein_messages_total{direction="out"}') == 3


async def test_a_malformed_upgrade_is_refused_and_leaves_nothing_behind(serve: Serve) -> None:
    async with serve() as running:
        for written, instead in (
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
            ("Sec-WebSocket-Key: dGhl", "Sec-WebSocket-Key: "),
            ("Sec-WebSocket-Version: 13\r\n", ""),
            ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12"),
            ("GET", "POST"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            head = (
                "GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            writer.write(head.replace(written, instead).encode())
            assert (await reader.read()).split()[1] in {b"400", b"405", b"426"}
            writer.close()
        assert running.gateway.open_sessions == 0


@pytest.mark.parametrize(("offered", "answered"), [((), None), (("realtime", "x"), "realtime"), (("no",), None)])
async def test_the_subprotocol_is_answered(serve: Serve, offered: tuple[str, ...], answered: str | None) -> None:
    subprotocols = [Subprotocol(entry) for entry in offered] or None
    async with serve() as running, connect(running.ws, subprotocols=subprotocols) as caller:
        assert caller.subprotocol == answered


async def test_a_session_that_does_not_start_is_1011_and_leaves_nothing_behind(serve: Serve) -> None:
    async with serve() as running, connect(f"{running.ws}?model=broken") as caller:
        code, _, said = await closed(caller)
        assert (code, said) == (1011, [])
        await asyncio.wait_for(running.sessions[0].closed.wait(), 30)
        assert running.gateway.open_sessions == 0


async def test_nothing_is_compressed(serve: Serve) -> None:
    async with serve() as running, connect(running.ws, compression="deflate") as caller:
        assert caller.response is not None
        assert "Sec-WebSocket-Extensions" not in caller.response.headers


async def test_many_messages_keep_their_order_and_fragments_are_joined(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        messages = [f"message {number} " + "x" * (number * 37 % 5000) for number in range(300)]
        for message in messages:
            await caller.send([message[:5], message[5:9], message[9:]] if len(message) % 2 else message)
        assert [await caller.recv() for _ in messages] == messages


async def test_a_close_by_the_caller_reaches_the_session_once(serve: Serve) -> None:
    async with serve() as running:
        async with connect(running.ws) as caller:
            await greeting(caller)
            await caller.close(4000, "bye")
        session = running.sessions[0]
        await asyncio.wait_for(session.closed.wait(), 30)
        assert session.ends == [(4000, "bye")]
        assert running.gateway.open_sessions == 0
        session.connection.send_text(b"too late")
        session.connection.close(1000, "too late")
        assert running.metric("bargein_sessions_open") == 0
        assert running.metric('bargein_sessions_closed_total{code="other"}') == 1


async def test_a_close_within_a_fragmented_message_is_a_close(serve: Serve) -> None:
    """Control frames may stand between fragments (RFC 6455 section 5.4), and who ends a call need not end a message."""
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        raw(caller, Frame(Opcode.TEXT, b"{", fin=False), Frame(Opcode.CLOSE, b"\x03\xe9"))
        code, _, _ = await closed(caller)
        assert code == 1001
        session = running.sessions[0]
        await asyncio.wait_for(session.closed.wait(), 30)
        assert session.ends == [(1001, "")]
        assert running.gateway.open_sessions == 0


async def test_a_caller_who_vanishes_is_1006(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        caller.transport.abort()
        session = running.sessions[0]
        await asyncio.wait_for(session.closed.wait(), 30)
        assert session.ends == [(1006, "")]


async def test_a_close_by_the_session_sends_what_is_queued_first(serve: Serve) -> None:
    async with serve() as running, connect(running.ws, max_size=None) as caller:
        await greeting(caller)
        await caller.send("send 2000000")
        await caller.send("close 1001")
        code, reason, said = await closed(caller)
        assert (code, reason) == (1001, "as asked")
        assert [len(message) for message in said] == [2_000_000]
        await asyncio.wait_for(running.sessions[0].closed.wait(), 30)
        assert running.sessions[0].ends == [(1001, "as asked")]


async def test_a_long_reason_is_cut_between_characters(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        running.sessions[0].connection.close(1008, "ü" * 100)
        code, reason, _ = await closed(caller)
        assert (code, reason) == (1008, "ü" * 61)


@pytest.mark.parametrize("fragments", [1, 5])
async def test_a_message_too_big_is_1009_and_names_the_setting(serve: Serve, fragments: int) -> None:
    async with serve(max_message_bytes=100_000) as running, connect(running.ws) as caller:
        await greeting(caller)
        await caller.send("x" * 100_000)
        assert await caller.recv() == "x" * 100_000
        piece = "y" * (100_001 // fragments + 1)
        with suppress(ConnectionClosed):
            await caller.send([piece] * fragments)
        code, reason, said = await closed(caller)
        assert code == 1009
        assert "BARGEIN_MAX_MESSAGE_BYTES" in reason
        assert [json.loads(message)["type"] for message in said] == ["error"]
        await asyncio.wait_for(running.sessions[0].closed.wait(), 30)
        assert [end[0] for end in running.sessions[0].ends] == [1009]


async def test_a_giant_frame_is_refused_by_its_header(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        caller.transport.write(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"\x00\x00\x00\x00" + b"x" * 1000)
        code, reason, _ = await closed(caller)
        assert code == 1009
        assert "4194304" in reason


async def test_a_flood_of_empty_fragments_is_1009(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        raw(caller, Frame(Opcode.TEXT, b"", fin=False), *[Frame(Opcode.CONT, b"", fin=False)] * 3000)
        code, _, _ = await closed(caller)
        assert code == 1009


async def test_bad_utf8_is_1007(serve: Serve) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        raw(caller, Frame(Opcode.TEXT, b"\xff\xfe"))
        code, reason, _ = await closed(caller)
        assert code == 1007
        assert "UTF-8" in reason
        assert running.sessions[0].received == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x03abc",  # not masked
        b"\xc1\x83\x00\x00\x00\x00abc",  # a reserved bit
        b"\x83\x83\x00\x00\x00\x00abc",  # a reserved opcode
        b"\x80\x83\x00\x00\x00\x00abc",  # a continuation of nothing
        b"\x89\xfe\x01\x00" + bytes(4 + 256),  # a long control frame
        b"\x88\x82\x00\x00\x00\x00\x00\x00",  # a close code that there is not
        b"\x88\x82\x00\x00\x00\x00\x03\xee",  # one that no frame may hold (1006)
        b"\x88\x82\x00\x00\x00\x00\x13\x88",  # one beyond all (5000)
    ],
)
async def test_malformed_frames_are_1002(serve: Serve, data: bytes) -> None:
    async with serve() as running, connect(running.ws) as caller:
        await greeting(caller)
        caller.transport.write(data)
        code, _, _ = await closed(caller)
        assert code == 1002
        await asyncio.wait_for(running.sessions[0].closed.wait(), 30)
        assert [end[0] for end in running.sessions[0].ends] == [1002]


async def test_pings_are_answered_until_there_are_too_many(serve: Serve) -> None:
    async with serve(pings_per_s=5.0) as running, connect(running.ws) as caller:
        await greeting(caller)
        await (await caller.ping())
        raw(caller, *[Frame(Opcode.PING, b"x")] * 500)
        code, reason, _ = await closed(caller)
        assert code == 4429
        assert "BARGEIN_PINGS_PER_S" in reason


class HandClock:
    at_s = 0.0

    def now(self) -> float:
        return self.at_s


async def test_a_silent_peer_is_pinged_and_then_dropped(serve: Serve) -> None:
    clock = HandClock()
    timers = Timers(clock)
    async with serve(timers=timers) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        head = (
            "GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        writer.write(head.encode())
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        session = await running.opened.get()
        for second in range(1, 20):
            clock.at_s = float(second)
            timers.run_due()
        assert session.ends == []
        clock.at_s = 20.0
        timers.run_due()
        await asyncio.wait_for(session.closed.wait(), 30)
        assert [code for code, _ in session.ends] == [1006]
        assert b"\x89\x00" in await reader.read()
        writer.close()


async def test_a_peer_that_answers_pings_stays(serve: Serve) -> None:
    clock = HandClock()
    timers = Timers(clock)
    async with serve(timers=timers) as running, connect(running.ws) as caller:
        await greeting(caller)
        for second in range(0, 200, 5):
            clock.at_s = float(second)
            timers.run_due()
            await (await caller.ping())
        await caller.send("still here")
        assert await caller.recv() == "still here"


async def test_a_peer_that_never_ends_the_closing_handshake_is_cut_off(serve: Serve) -> None:
    clock = HandClock()
    timers = Timers(clock)
    async with serve(timers=timers) as running, connect(running.ws) as caller:
        await greeting(caller)
        caller.transport.pause_reading()
        session = running.sessions[0]
        session.connection.close(1001, "")
        clock.at_s = 3.0
        timers.run_due()
        await asyncio.wait_for(session.closed.wait(), 30)
        assert session.ends == [(1001, "")]
        caller.transport.abort()


async def test_what_a_slow_reader_leaves_is_its_backlog_not_the_kernels(serve: Serve) -> None:
    async with serve() as running:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", running.port))
        async with connect(running.ws, sock=sock, max_size=None, max_queue=1) as slow, connect(running.ws) as other:
            await greeting(slow)
            await greeting(other)
            slow.transport.pause_reading()
            session = running.sessions[0]
            for _ in range(100):
                session.connection.send_binary(bytes(10_000))
                await asyncio.sleep(0)
            assert session.connection.backlog_bytes > 500_000
            await other.send("unharmed")
            assert await other.recv() == "unharmed"
            session.close(4408, "too slow")
            slow.transport.resume_reading()
            code, _, said = await closed(slow)
            assert code == 4408
            assert sum(len(message) for message in said if isinstance(message, bytes)) == 1_000_000
