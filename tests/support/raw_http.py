"""Servers that say what they are told to, byte by byte, and clients of theirs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bargein.upstream.http import HttpClient, Lease, Response

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
Serve = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """A connection as the server sees it."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> list[str]:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")

    async def request(self) -> bytes:
        lengths = [line for line in await self.head() if line.lower().startswith("content-length: ")]
        return await self.reader.readexactly(int(lengths[0].partition(" ")[2]))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        with suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass


@dataclass
class Server:
    port: int = 0
    peers: list[Peer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/x"


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run ``serve`` for every connection and close it then."""
    tasks: set[asyncio.Task[None]] = set()
    server = Server()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peer = Peer(len(server.peers), reader, writer)
        server.peers.append(peer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(peer)
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[HttpClient]:
    client = HttpClient(url, 5.0)
    try:
        yield client
    finally:
        await client.aclose()


HEADERS = {
    "accept": "*/*",
    "accept-encoding": "identity",
    "user-agent": "bargein",
    "content-type": "application/json",
}


async def post(client: HttpClient, url: str, body: bytes = b"?", lease: Lease | None = None) -> Response:
    return await client.post(url, HEADERS, body, lease or client.lease())


async def whole(response: Response) -> bytes:
    body = b""
    while chunk := await response.read():
        body += chunk
    return body


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def tunnelling(to: Callable[[], int], heads: list[list[str]] | None = None) -> AsyncIterator[Server]:
    """A proxy that leads every tunnel to a port of this machine."""

    async def tunnel(peer: Peer) -> None:
        head = await peer.head()
        if heads is not None:
            heads.append(head)
        reader, writer = await asyncio.open_connection("127.0.0.1", to())
        await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))

    async with serving(tunnel) as proxy:
        yield proxy
