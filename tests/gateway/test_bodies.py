"""Request bodies that never end, and answers that are never read: they cost those who send and ask, and nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from websockets.asyncio.client import connect

from bargein.gateway import http_protocol
from bargein.gateway.http import bodies
from bargein.upstream import UpstreamConfig
from support.gateway import Running, Serve
from support.scripted_upstream import Exchange, delta, scripted
from support.server_process import serve as serve_process

PROXIES = {"trusted_proxies": "127.0.0.0/8"}
MB = 1_000_000
REQUEST = b'{"messages": [{"role": "user", "content": "hello"}], "stream": true}'
STREAMED = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    % len(REQUEST)
) + REQUEST


class Upload:
    """A request to the completions whose body is written piece by piece."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, byte_count: int, request: bytes = b"") -> None:
        """So many bytes, of which ``request`` are the first."""
        self.writer.write(request.ljust(byte_count))
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        async with asyncio.timeout(30):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            return int(head.split()[1]), json.loads(await self._reader.readexactly(length))


@asynccontextmanager
async def uploading(running: Running, size: int, address: str = "") -> AsyncIterator[Upload]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    forwarded = f"X-Forwarded-For: {address}\r\n" if address else ""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{forwarded}Content-Length: {size}\r\n\r\n"
    writer.write(head.encode())
    try:
        yield Upload(reader, writer)
    finally:
        writer.transport.abort()


async def held(running: Running, byte_count: int) -> None:
    """Return when so many bytes of bodies are held."""
    async with asyncio.timeout(30):
        while running.metric("bargein_http_body_bytes") != byte_count:  # noqa: ASYNC110 (seen by a scrape only)
            await asyncio.sleep(0)


async def refused(upload: Upload) -> tuple[int, str]:
    status, answer = await upload.answer()
    return status, answer["error"]["code"]


async def test_bodies_that_never_end_make_room_for_one_that_comes(serve: Serve) -> None:
    async with (
        serve(max_bodies_bytes=3 * MB, max_body_bytes=2 * MB) as running,
        uploading(running, 2 * MB) as first,
        uploading(running, 2 * MB) as second,
        uploading(running, 2 * MB) as third,
        running.client() as client,
    ):
        await first.send(1_500_000)
        await held(running, 1_500_000)
        await second.send(1_000_000)
        await held(running, 2_500_000)
        await third.send(1_000_000)
        assert await refused(first) == (503, "server_full")
        await held(running, 2_000_000)
        # A wish too large is refused for itself; nobody has to make room for it.
        answer = await client.post("/v1/chat/completions", content=b"x" * (2 * MB + 1))
        assert answer.status_code == 413
        # Read, and no request.
        assert (await client.post("/v1/chat/completions", content=b"x" * MB)).status_code == 400
        await held(running, 2_000_000)
        await second.send(1_000_000)
        assert (await second.answer())[0] == 413


async def test_bodies_that_never_end_take_no_callers_place(serve: Serve) -> None:
    """A turn begins when it is there: until then nobody is kept out for it."""
    async with (
        serve(max_sessions=1) as running,
        uploading(running, 1000) as first,
        uploading(running, len(REQUEST)) as second,
    ):
        await first.send(100)
        await second.send(len(REQUEST) - 1, REQUEST[:-1])
        await held(running, 100 + len(REQUEST) - 1)
        async with connect(running.ws):
            await second.send(1, REQUEST[-1:])
            assert await refused(second) == (503, "server_full")


async def test_an_address_makes_room_for_itself(serve: Serve) -> None:
    async with (
        serve(max_bodies_bytes=4 * MB, max_body_bytes=2 * MB, **PROXIES) as running,
        uploading(running, 2 * MB, "198.51.100.1") as first,
        uploading(running, 2 * MB, "198.51.100.1") as second,
        uploading(running, 2 * MB, "198.51.100.2") as other,
    ):
        await other.send(100_000)
        await held(running, 100_000)
        await first.send(1_500_000)
        await held(running, 1_600_000)
        await second.send(1_000_000)
        assert await refused(first) == (429, "too_many_bytes")
        await held(running, 1_100_000)
        await other.send(1_900_000)
        assert (await other.answer())[0] == 413


async def test_who_holds_the_most_makes_room(serve: Serve) -> None:
    async with (
        serve(max_bodies_bytes=3 * MB, max_body_bytes=2 * MB, **PROXIES) as running,
        uploading(running, 2 * MB, "198.51.100.1") as small,
        uploading(running, 2 * MB, "198.51.100.2") as large,
        uploading(running, 2 * MB, "198.51.100.3") as middling,
        uploading(running, 2 * MB, "198.51.100.4") as new,
    ):
        sent = 0
        for upload, byte_count in ((small, 200_000), (large, 1_400_000), (middling, 1_300_000)):
            await upload.send(byte_count)
            sent += byte_count
            await held(running, sent)
        await new.send(1_000_000)
        assert await refused(large) == (503, "server_full")
        await held(running, 2_500_000)


async def test_a_body_counts_until_the_model_has_answered(serve: Serve) -> None:
    answering = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await answering.wait()
        await exchange.answer(200, b'{"choices":[{"message":{"content":"Hello."}}]}')

    async with (
        scripted(script) as model,
        serve(
            upstream=UpstreamConfig(base_url=model.url, model="m"), max_bodies_bytes=MB, max_body_bytes=MB
        ) as running,
        uploading(running, 600_000) as waiting,
        uploading(running, 600_000) as refused_one,
    ):
        await waiting.send(600_000, REQUEST.replace(b"true", b"false"))
        await held(running, 600_000)
        await refused_one.send(600_000, REQUEST)
        assert await refused(refused_one) == (503, "server_full")
        answering.set()
        status, answer = await waiting.answer()
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "Hello.")
        await held(running, 0)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/realtime/client_secrets"])
async def test_a_body_that_drips_in_ends_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(bodies, "STEP_TIMEOUT_S", 0.2)
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        upload = Upload(reader, writer)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n".encode())

        async def drip() -> None:
            for byte_count in count(1):
                await upload.send(1)
                await held(running, byte_count)

        dripping = asyncio.create_task(drip())
        try:
            assert await refused(upload) == (408, "timeout")
        finally:
            dripping.cancel()
            writer.transport.abort()


async def test_a_large_body_that_keeps_coming_is_taken(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STEP_TIMEOUT_S", 5.0)
    monkeypatch.setattr(bodies, "STEP_BYTES", 1000)
    loop = asyncio.get_running_loop()
    async with serve() as running, uploading(running, 200_000) as upload:
        began = loop.time()
        # Longer than a step may take. Nothing is waited for: this is how slowly it comes.
        while loop.time() < began + 6:
            await upload.send(2000)
            await asyncio.sleep(0.1)
        # However many have come by now: the rest at once.
        await upload.send(200_000)
        assert (await upload.answer())[0] == 400


async def test_an_endless_declared_length_is_too_large(serve: Serve) -> None:
    async with serve() as running, uploading(running, 10**15) as upload:
        assert await refused(upload) == (413, "request_too_large")


async def test_an_answer_that_is_never_read_ends(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "READ_TIMEOUT_S", 0.2)
    left = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        try:
            while True:
                await exchange.chunk(delta(content="x" * 100_000))
        finally:
            left.set()

    async with scripted(script) as model, serve(upstream=UpstreamConfig(base_url=model.url, model="m")) as running:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", running.port))
        sock.send(STREAMED)
        await asyncio.wait_for(left.wait(), 30)
        sock.close()


@pytest.mark.parametrize("end", ["cut", "stall"])
async def test_an_answer_that_the_model_cuts_is_one_line_of_the_log(end: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(delta(content="hello"))
        if end == "cut":
            exchange.cut()
        else:
            await exchange.gone()

    async with scripted(script) as model:
        settings = {"BARGEIN_UPSTREAM_CHUNK_TIMEOUT_S": "0.1"}
        with serve_process("--upstream", model.url, settings=settings) as server:
            host, _, port = server.address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(STREAMED)
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            # Both SDKs raise what the last event holds, and miss the end mark.
            assert b"hello" in answer
            assert b'data: {"error":{"message":' in answer.rpartition(b"\n\n")[0].splitlines()[-1]
            assert b"[DONE]" not in answer
            server.end()
            said = [line for line in server.lines if "completion" in line]
            assert len(said) == 1, server.log
            assert "completion failed" in said[0]
            assert "Traceback" not in server.log
