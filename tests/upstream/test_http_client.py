"""The HTTP client over real sockets: what servers and proxies do to connections, and what stays of them."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from bargein.errors import SettingsError
from bargein.upstream.http import ConnectFailed, ConnectionCut, HttpClient, InvalidHttp, UnknownEncoding, body_reader
from bargein.upstream.http.client import SLICE_BYTES
from bargein.upstream.http.proxies import check_url
from support.raw_http import OK, Peer, client_of, post, serving, tunnelling, whole


async def test_a_connection_is_used_again() -> None:
    async def serve(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(OK)

    async with serving(serve) as server, client_of(server.url) as client:
        for _ in range(3):
            assert await whole(await post(client, server.url)) == b"hi"
        assert len(server.peers) == 1


async def test_what_is_asked() -> None:
    heads: list[list[str]] = []

    async def serve(peer: Peer) -> None:
        heads.append(await peer.head())
        await peer.send(OK)

    async with serving(serve) as server:
        url = f"http://127.0.0.1:{server.port}/grün/a%20b?x=ü"
        async with client_of(url) as client:
            await whole(await post(client, url))
        request, *fields = heads[0]
        assert request == "POST /gr%C3%BCn/a%20b?x=%C3%BC HTTP/1.1"
        assert {line.partition(":")[0].lower(): line.partition(": ")[2] for line in fields if line} == {
            "host": f"127.0.0.1:{server.port}",
            "accept": "*/*",
            "content-length": "1",
            "content-type": "application/json",
            "user-agent": "bargein",
            "accept-encoding": "identity",
        }


async def test_a_pooled_connection_that_the_server_closes_instead_of_an_answer_is_replaced_once() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        if peer.number == 0:
            await peer.send(OK)
            await peer.request()  # Read, and closed without a byte.

        elif peer.number == 1:
            await peer.send(OK)

    async with serving(serve) as server, client_of(server.url) as client:
        await whole(await post(client, server.url))
        assert await whole(await post(client, server.url)) == b"hi"
        assert len(server.peers) == 2
        # The second connection is closed after its answer; the third, a new one, before it.
        with pytest.raises(ConnectionCut):
            await post(client, server.url)
        assert len(server.peers) == 3


async def test_nothing_is_asked_again_once_an_answer_has_begun() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"H")

    async with serving(serve) as server, client_of(server.url) as client:
        await whole(await post(client, server.url))
        with pytest.raises(ConnectionCut):
            await post(client, server.url)
        assert len(server.peers) == 1


@pytest.mark.parametrize("surplus", [b"x", OK])
@pytest.mark.parametrize("passes", [0, 10], ids=["not yet seen", "seen"])
async def test_what_nobody_asked_for_spoils_a_connection(surplus: bytes, passes: int) -> None:
    """Else it would be taken for the next request's answer."""

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 0:
            await idle.wait()
            await peer.send(surplus)
            sent.set()
            await peer.gone()
            gone.set()

    idle, sent, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:
        await whole(await post(client, server.url))
        idle.set()
        await sent.wait()
        for _ in range(passes):
            await asyncio.sleep(0)
        assert await whole(await post(client, server.url)) == b"hi"
        await gone.wait()
        assert len(server.peers) == 2


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
    ],
)
async def test_answers_that_end_their_connection(answer: bytes) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        if b"content-length" in answer:
            await peer.gone()

    async with serving(serve) as server, client_of(server.url) as client:
        for _ in range(2):
            assert await whole(await post(client, server.url)) == b"hi"
        assert len(server.peers) == 2


async def test_too_many_headers() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000)

    async with serving(serve) as server, client_of(server.url) as client:
        with pytest.raises(InvalidHttp):
            await post(client, server.url)


@pytest.mark.parametrize("end", [b"x\r\n", b"2\r\nhi!\r\n", b"-1\r\n"])
async def test_a_body_that_goes_wrong_is_read_until_then(end: bytes) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
        await read.wait()
        await peer.send(end)
        await peer.gone()

    read = asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:
        response = await post(client, server.url)
        assert await response.read() == b"hi"
        read.set()
        with pytest.raises(InvalidHttp):
            await whole(response)


async def test_an_answer_before_the_request_is_read() -> None:
    """The rest of the request is of no use to anybody, and the connection neither."""
    gone = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK.replace(b"200", b"413"))
        await answered.wait()
        await peer.gone()
        gone.set()

    answered = asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:
        response = await post(client, server.url, bytes(40_000_000))
        assert (response.status_code, await whole(response)) == (413, b"hi")
        answered.set()
        await gone.wait()


async def test_a_large_request_to_a_slow_reader_holds_nobody_up() -> None:
    body = bytes(range(256)) * (16 * SLICE_BYTES // 256 * 4 + 1)

    async def serve(peer: Peer) -> None:
        if peer.number == 0:
            head = await peer.head()
            assert f"content-length: {len(body)}" in head
            began.set()
            await go_on.wait()
            assert await peer.reader.readexactly(len(body)) == body
        else:
            await peer.request()
        await peer.send(OK)

    began, go_on = asyncio.Event(), asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:
        slow = asyncio.create_task(post(client, server.url, body))
        await began.wait()
        assert await whole(await post(client, server.url)) == b"hi"
        assert not slow.done()
        go_on.set()
        assert await whole(await slow) == b"hi"


async def test_an_encoding_that_nobody_knows() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK.replace(b"\r\n\r\n", b"\r\ncontent-encoding: br\r\n\r\n"))

    async with serving(serve) as server, client_of(server.url) as client:
        with pytest.raises(UnknownEncoding):
            body_reader(await post(client, server.url))


async def test_closing_fails_whoever_waits() -> None:
    reached = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        reached.set()
        await peer.gone()

    async with serving(serve) as server:
        client = HttpClient(server.url, 5.0)
        waiting = asyncio.create_task(post(client, server.url))
        await reached.wait()
        await client.aclose()
        with pytest.raises(ConnectionCut):
            await waiting
        with pytest.raises(ConnectionCut):
            await post(client, server.url)
        await client.aclose()


@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_giving_up_in_the_middle_of_a_handshake(how: str) -> None:
    """The server accepts, and says nothing."""
    accepted, gone = asyncio.Event(), asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.reader.readexactly(1)
        accepted.set()
        await peer.gone()
        gone.set()

    async with serving(serve) as server:
        url = server.url.replace("http:", "https:")
        async with client_of(url) as client:
            connecting = asyncio.create_task(post(client, url))
            await accepted.wait()
            if how == "cancel":
                connecting.cancel()
            else:
                await client.aclose()
            with pytest.raises(asyncio.CancelledError if how == "cancel" else ConnectionCut):
                await connecting
            await gone.wait()


@pytest.mark.parametrize("url", ["http://a..b/", "http://a:99999/", "http:///x", "ftp://a/", "http://a b/"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(SettingsError):
        check_url(url)


# Proxies.


async def test_through_a_tunnel(model_tls: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[list[str]] = []
    gone = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhi")
        await peer.gone()
        gone.set()

    async with serving(serve, model_tls[1]) as server, tunnelling(lambda: server.port, heads) as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(model_tls[0]))
        monkeypatch.setenv("https_proxy", f"http://me:a%20b@127.0.0.1:{proxy.port}")
        url = "https://model.invalid/v1"
        async with client_of(url) as client:
            assert await whole(await post(client, url)) == b"hi"
            lease = client.lease()
            assert await (await post(client, url, lease=lease)).read() == b"hi"
            lease.drop()
            await gone.wait()
        ((connect, *fields),) = heads
        assert connect == "CONNECT model.invalid:443 HTTP/1.1"
        assert "proxy-authorization: Basic bWU6YSBi" in fields


async def test_a_proxy_that_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    async def tunnel(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 2\r\n\r\nno")

    async with serving(tunnel) as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        async with client_of("https://model.invalid/") as client:
            with pytest.raises(ConnectFailed):
                await post(client, "https://model.invalid/")


async def test_a_proxy_s_password_is_for_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[list[str]] = []

    async def forward(peer: Peer) -> None:
        heads.append(await peer.head())
        await peer.send(OK)

    async with serving(forward) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
        async with client_of("http://model.invalid/v1?a=b") as client:
            assert await whole(await post(client, "http://model.invalid/v1?a=b")) == b"hi"
    assert heads[0][0] == "POST http://model.invalid/v1?a=b HTTP/1.1"
    assert "host: model.invalid" in heads[0]
    assert "proxy-authorization: Basic bWU6c2VjcmV0" in heads[0]


@pytest.mark.parametrize("proxy", ["socks5://me:secret@127.0.0.1:1080", "http://me:secret@:3128"])
def test_what_is_no_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(SettingsError, match="HTTP_PROXY") as raised:
        HttpClient("http://model.invalid/", 1.0)
    assert "secret" not in str(raised.value)
