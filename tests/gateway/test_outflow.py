"""What leaves for one caller, through a real socket whose other end reads only when the test lets it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from bargein.gateway.outflow import UNSENT_HIGH_BYTES, Outflow
from bargein.loop.chores import chores_of

LONG = [bytes([number]) * 100_000 for number in range(80)]


class Fed(asyncio.Protocol):
    """Tells the outflow what the event loop tells of the socket."""

    transport: asyncio.Transport
    out: Outflow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.out = Outflow(self.transport, chores_of(asyncio.get_running_loop()))
        self.out.limit()

    def pause_writing(self) -> None:
        self.out.pause()

    def resume_writing(self) -> None:
        self.out.resume()


@asynccontextmanager
async def line() -> AsyncIterator[tuple[Fed, asyncio.StreamReader]]:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, fed = await loop.create_connection(Fed, sock=ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    try:
        async with asyncio.timeout(60):
            yield fed, reader
    finally:
        transport.abort()
        writer.close()


async def test_what_is_written_behind_a_long_frame_comes_behind_it_and_the_end_last() -> None:
    async with line() as (fed, reader):
        out = fed.out
        out.write(b"before")
        out.write_long(LONG)
        out.write(b"between")
        out.write_long(LONG[:2])
        out.writelines([b"be", memoryview(b"hind")])
        out.write_eof()
        read = await reader.read(-1)
    assert read == b"before" + b"".join(LONG) + b"between" + b"".join(LONG[:2]) + b"behind"


async def test_all_that_waits_is_told_and_little_of_it_is_given_to_the_loop() -> None:
    async with line() as (fed, reader):
        out = fed.out
        out.write_long(LONG)
        assert out.get_write_buffer_size() == sum(map(len, LONG))
        await reader.readexactly(2_000_000)
        left = sum(map(len, LONG)) - 2_000_000
        # What was read has left, and what the kernel and the reader hold; nothing else.
        assert out.get_write_buffer_size() > left - 2_000_000
        assert fed.transport.get_write_buffer_size() <= 2 * UNSENT_HIGH_BYTES
        out.let_go()
        await reader.readexactly(1)
        assert out.get_write_buffer_size() <= 2 * UNSENT_HIGH_BYTES


def test_a_connection_that_its_peer_has_reset_needs_no_end() -> None:
    """The loop has not told of it yet: nothing is read between the reset and the end. uvloop says nothing then."""

    async def end_after_a_reset() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            theirs = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
        transport, fed = await asyncio.get_running_loop().create_connection(Fed, sock=ours)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        fed.out.write_eof()
        transport.abort()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(end_after_a_reset())
