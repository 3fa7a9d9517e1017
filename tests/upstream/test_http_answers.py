"""What servers answer that is HTTP, or nearly: what is taken, and what is refused."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from bargein.upstream.http import ConnectionCut, InvalidHttp
from support.raw_http import OK, Peer, client_of, post, serving, whole

STATUS = b"HTTP/1.1 200 OK\r\n"
BODY = b"data: {}\n\n"
LENGTH = STATUS + b"Content-Length: 10\r\nX-A: 1\r\nx-a: 2\r\n\r\n" + BODY
CHUNKED = STATUS + b"Transfer-Encoding: chunked\r\n\r\n4;a=b\r\ndata\r\n6\r\n: {}\n\n\r\n0\r\nX-Trailer: 1\r\n\r\n"
UNTIL_CLOSE = STATUS + b"Content-Type: text/event-stream\r\n\r\n" + BODY
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"


async def answered(answer: bytes) -> bytes:
    """The body of what a server says before it closes."""

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)

    async with serving(serve) as server, client_of(server.url) as client:
        return await whole(await post(client, server.url))


@pytest.mark.parametrize("answer", [LENGTH, CHUNKED, UNTIL_CLOSE, INTERIM + LENGTH, INTERIM + CHUNKED])
async def test_byte_by_byte_and_cut_short(answer: bytes) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        for at in range(lengths[peer.number]):
            await peer.send(answer[at : at + 1])
            await asyncio.sleep(0)

    # The last line ends of a chunked body may be missing: nothing else can follow.
    lengths = [*range(0, len(answer) - 2, 7), len(answer)]
    async with serving(serve) as server, client_of(server.url) as client:
        for length in lengths[:-1]:
            if answer is UNTIL_CLOSE and length >= len(answer) - len(BODY):
                assert await whole(await post(client, server.url)) == BODY[: length - len(answer)]
            else:
                with pytest.raises(ConnectionCut):
                    await whole(await post(client, server.url))
        assert await whole(await post(client, server.url)) == BODY


async def test_headers() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(INTERIM + LENGTH)

    async with serving(serve) as server, client_of(server.url) as client:
        response = await post(client, server.url)
        assert response.headers["X-a"] == "1, 2"
        assert response.headers.get("link") is None


@pytest.mark.parametrize("status", [204, 304])
async def test_no_body(status: int) -> None:
    async def serve(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(b"HTTP/1.1 %d x\r\n\r\n" % status)

    async with serving(serve) as server, client_of(server.url) as client:
        for _ in range(2):
            response = await post(client, server.url)
            assert (response.status_code, await whole(response)) == (status, b"")
        assert len(server.peers) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        STATUS + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        STATUS + b"Content-Length: -1\r\n\r\n",
        STATUS + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        STATUS + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        STATUS + b"Transfer-Encoding: gzip\r\n\r\n",
        STATUS + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        STATUS + b"X: a\0b\r\n\r\n",
    ],
)
async def test_what_is_not_http(answer: bytes) -> None:
    with pytest.raises(InvalidHttp):
        await answered(answer)


async def test_a_long_header_is_one() -> None:
    """As gateways send them, policies and cookies: longer than what aiohttp takes by itself."""
    assert await answered(STATUS + b"x: " + b"a" * 30_000 + b"\r\ncontent-length: 2\r\n\r\nhi") == b"hi"


ENDLESS = {
    "one header": (STATUS + b"X: ", b"a"),
    "many headers": (STATUS, b"X: a\r\n"),
    "one trailer": (STATUS + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a"),
    "trailers": (STATUS + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n"),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_everything_but_the_body_has_an_end(what: str) -> None:
    start, more = ENDLESS[what]

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(more * (10_000 // len(more)))
            await asyncio.sleep(0)

    async with serving(serve) as server, client_of(server.url) as client:
        with pytest.raises(InvalidHttp):
            await whole(await post(client, server.url))


async def test_a_long_body_in_small_chunks_is_no_header() -> None:
    chunks = b"1\r\na\r\n" * 50_000
    assert await answered(STATUS + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n") == b"a" * 50_000


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\rb", "a\0b"])
async def test_a_header_stays_on_its_line(value: str) -> None:
    asked: list[list[str]] = []

    async def serve(peer: Peer) -> None:
        asked.append(await peer.head())
        await peer.send(OK)

    async with serving(serve) as server, client_of(server.url) as client:
        with pytest.raises(ValueError, match=r"."):
            await client.post(server.url, {"authorization": value}, b"?", client.lease())
    assert asked == []


async def test_a_server_s_cookies_and_places_are_not_followed() -> None:
    heads: list[list[str]] = []

    async def serve(peer: Peer) -> None:
        while True:
            heads.append(await peer.head())
            await peer.reader.readexactly(1)
            fields = b"set-cookie: a=b; Path=/\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
            await peer.send(b"HTTP/1.1 307 Temporary Redirect\r\n" + fields)

    async with serving(serve) as server, client_of(server.url) as client:
        for _ in range(2):
            response = await post(client, server.url)
            assert (response.status_code, await whole(response)) == (307, b"")
    assert len(heads) == 2
    assert not [line for head in heads for line in head if line.lower().startswith("cookie")]


async def test_an_address_of_ip_version_6() -> None:
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    heads: list[bytes] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)
            await reader.read()
        writer.close()

    port = listening.getsockname()[1]
    server = await asyncio.start_server(accept, sock=listening)
    async with server, client_of(f"http://[::1]:{port}/") as client:
        assert await whole(await post(client, f"http://[::1]:{port}/")) == b"hi"
    assert f"host: [::1]:{port}\r\n".encode() in heads[0].lower()


async def test_many_connections_at_once() -> None:
    """More than what aiohttp and httpx allow by themselves, and no more than there are streams."""
    count = 150

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(STATUS + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
        if peer.number == count - 1:
            everybody.set()
        await everybody.wait()
        await peer.send(b"0\r\n\r\n")
        await peer.gone()

    everybody = asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:

        async def ask() -> bytes:
            return await whole(await post(client, server.url))

        assert await asyncio.gather(*(ask() for _ in range(count))) == [b"hi"] * count
        assert client.open_connections == count
