"""Connections between requests: the last in goes out first, and the others age."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bargein.upstream.http.connection import Connection
from bargein.upstream.http.pool import Pool


class Keeper:
    """A pool, and a server whose connections go into it."""

    def __init__(self, keepalive_s: float) -> None:
        self.pool = Pool(keepalive_s)
        self.gone = asyncio.Event()

    async def __aenter__(self) -> Keeper:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.pool.close()
        await self.gone.wait()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        self.gone.set()

    def released(self, connection: Connection) -> None:
        self.pool.put(connection)

    def closed(self, connection: Connection) -> None:
        self.pool.discard(connection)

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        port = self._server.sockets[0].getsockname()[1]
        _, connection = await loop.create_connection(lambda: Connection(self, loop), "127.0.0.1", port)
        return connection


async def test_the_last_in_is_the_first_out() -> None:
    async with Keeper(60.0) as keeper:
        first, second = await keeper.connect(), await keeper.connect()
        keeper.released(first)
        keeper.released(second)
        assert keeper.pool.take() is second
        assert keeper.pool.take() is first
        assert keeper.pool.take() is None
        first.abort()
        second.abort()


async def test_what_nobody_uses_is_closed() -> None:
    async with Keeper(0.01) as keeper:
        keeper.released(await keeper.connect())
        await keeper.gone.wait()
        assert len(keeper.pool) == 0
        keeper.gone.clear()
        keeper.released(await keeper.connect())  # The timer is set again.
        await keeper.gone.wait()


async def test_what_is_dead_is_not_taken() -> None:
    async with Keeper(60.0) as keeper:
        connection = await keeper.connect()
        keeper.released(connection)
        connection.abort()
        assert keeper.pool.take() is None
