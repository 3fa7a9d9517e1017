"""Requests whose end two readers may find at different places (request smuggling), and requests that are none."""

from __future__ import annotations

import asyncio
import json

import pytest

from support.gateway import Running, Serve
from support.server_process import serve as serve_process

SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED_AND_COUNTED = (
    b"POST /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n" % (5 + len(SMUGGLED))
)


async def answered(running: Running, *requests: bytes) -> tuple[list[int], bytes]:
    """The statuses of all that is answered until the server closes, and the last body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        for request in requests:
            writer.write(request)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.transport.abort()
    parts = answer.split(b"HTTP/1.1 ")[1:]
    return [int(part[:3]) for part in parts], parts[-1].partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("path", ["/v1/models", "/", "/v1/chat/completions", "/healthz"])
async def test_a_body_of_two_lengths_is_refused_and_nothing_behind_it_is_read(serve: Serve, path: str) -> None:
    async with serve() as running:
        head = CHUNKED_AND_COUNTED.replace(b"/v1/models", path.encode())
        statuses, body = await answered(running, head + SMUGGLED)
        assert statuses == [400]
        assert json.loads(body)["error"]["code"] == "invalid_body_length"


async def test_transfer_encoding_is_unknown_to_http_1_0(serve: Serve) -> None:
    async with serve() as running:
        head = b"POST /v1/models HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        assert (await answered(running, head + SMUGGLED))[0] == [400]


@pytest.mark.parametrize(
    "length",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length : 5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"\x00X: y\r\n",
    ],
)
async def test_lengths_that_are_none_end_the_connection(serve: Serve, length: bytes) -> None:
    async with serve() as running:
        head = b"POST /v1/models HTTP/1.1\r\nHost: localhost\r\n" + length + b"\r\nhello"
        statuses, body = await answered(running, head + SMUGGLED)
        assert len(statuses) == 1
        assert statuses[0] in {400, 501}
        assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("body", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
async def test_a_request_for_a_websocket_has_no_body(serve: Serve, body: bytes) -> None:
    async with serve() as running:
        head = (
            b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        )
        statuses, answer = await answered(running, head + body)
        assert statuses == [400]
        assert json.loads(answer)["error"]["code"] == "invalid_handshake"


async def test_nonsense_behind_an_answer_is_no_fault_of_ours() -> None:
    """In the middle of a body whose request was answered, and behind an answer that is being given."""
    with serve_process("--upstream", "http://127.0.0.1:9/v1", settings={"BARGEIN_API_KEYS": "k"}) as server:
        host, _, port = server.address.rpartition(":")
        for request in (
            b"POST /v1/models HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: a\r\napi-key: k\r\nTransfer-Encoding: chunked\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            await writer.drain()
            if b"api-key" not in request:
                assert b"HTTP/1.1" in await reader.readline()
            writer.write(b"\xff\x00nonsense\r\n\r\n")
            await asyncio.wait_for(reader.read(), 60)
            writer.close()
        server.end()
        assert "Traceback" not in server.log
        refused = [line for line in server.lines if "no HTTP request" in line]
        assert len(refused) == 3, server.log
        assert all("address=127.0.0.1" in line for line in refused)


@pytest.mark.parametrize("authority", ["http://localhost:1", "HTTPS://voice.example.org", "http://user@[::1]:80"])
async def test_a_request_may_name_the_whole_address(serve: Serve, authority: str) -> None:
    """RFC 9112 section 3.2.2: a server must accept it, though only clients of proxies send it."""
    async with serve() as running:
        ask = "%s %s%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for path, status in [("/healthz", 200), ("/healthz?x=http://y/z", 200), ("/nothing", 404), ("", 200)]:
            assert (await answered(running, (ask % ("GET", authority, path)).encode()))[0] == [status], path
        upgrade = (
            f"GET {authority}/v1/realtime?model=x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(upgrade.encode())
        assert b" 101 " in await asyncio.wait_for(reader.readline(), 60)
        writer.transport.abort()
