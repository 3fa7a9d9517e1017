"""A request that is much to read at once is read in pieces: others have their turn between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from bargein.gateway.http_protocol import punctual_protocol

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
CHUNKS = 40_000
CHUNKED = b"1\r\nx\r\n" * CHUNKS + b"0\r\n\r\n"


class Bodies:
    """An application that says how many bytes it was sent, and keeps how many came at once."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self.is_over = asyncio.Event()

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message: Message = await receive()
            if message["type"] == "http.disconnect":
                self.is_over.set()
                return
            size += len(message["body"])
            self.came.append(len(message["body"]))
            more = message["more_body"]
        body = b"%d" % size
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(app: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:  # noqa: ANN401
    config = uvicorn.Config(app, http=punctual_protocol(), lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    protocol: Any = config.http_protocol_class
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        server.close()


async def answers(reader: asyncio.StreamReader) -> list[bytes]:
    said = await asyncio.wait_for(reader.read(), 60)
    return [answer.partition(b"\r\n\r\n")[2] for answer in said.split(b"HTTP/1.1 200 OK")[1:]]


async def test_a_body_of_tiny_chunks_is_read_in_pieces_and_the_next_request_is_answered() -> None:
    app = Bodies()
    async with connected(app) as (reader, writer):
        writer.write(HEAD + CHUNKED + NEXT)
        assert await answers(reader) == [b"%d" % CHUNKS, b"0"]
    assert max(app.came) <= CHUNKS // 4


async def test_a_body_of_large_chunks_arrives_whole() -> None:
    app = Bodies()
    size = 3_000_000
    async with connected(app) as (reader, writer):
        writer.write(HEAD + b"%x\r\n" % size + bytes(size) + b"\r\n0\r\n\r\n" + NEXT)
        assert await answers(reader) == [b"%d" % size, b"0"]


async def test_a_body_of_a_known_length_arrives_whole() -> None:
    app = Bodies()
    size = 3_000_000
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size
    async with connected(app) as (reader, writer):
        writer.write(head + bytes(size) + NEXT)
        assert await answers(reader) == [b"%d" % size, b"0"]


async def test_many_requests_at_once_are_answered_in_their_order() -> None:
    app = Bodies()
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    sizes = range(0, 9000, 300)
    async with connected(app) as (reader, writer):
        writer.write(b"".join(head % size + bytes(size) for size in sizes) + NEXT)
        assert await answers(reader) == [*(b"%d" % size for size in sizes), b"0"]


async def test_who_leaves_within_a_body_is_gone() -> None:
    app = Bodies()
    async with connected(app) as (_, writer):
        writer.write(HEAD + b"1\r\nx\r\n" * CHUNKS)
        await writer.drain()
        writer.transport.abort()
        await asyncio.wait_for(app.is_over.wait(), 60)
