"""How connections end: dropped on this side, at once and whatever lies below, or cut on the other."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bargein.upstream.http import ConnectionCut, HttpClient
from support.raw_http import OK, Peer, client_of, post, serving, tunnelling, whole

ENDLESS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n"
RESET = struct.pack("ii", 1, 0)


def reset(peer: Peer) -> None:
    """End the connection as a crash does."""
    sock = peer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    peer.writer.transport.abort()


class BlockingServer:
    """A server in a thread: it sees a connection's end while the client's event loop stands still."""

    def __init__(self, tls: ssl.SSLContext | None = None, answer: bytes = ENDLESS) -> None:
        self._tls = tls
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.asked = threading.Event()
        self.gone = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener:
            self._listener.settimeout(10)
            connection, _ = self._listener.accept()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection:
            connection.settimeout(10)
            self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(self._answer)
        self.asked.set()
        with suppress(ConnectionError, ssl.SSLError):
            while connection.recv(65_536):
                pass
        self.gone.set()

    def join(self) -> None:
        self._thread.join()


@contextmanager
def blocking(tls: ssl.SSLContext | None = None, answer: bytes = ENDLESS) -> Iterator[BlockingServer]:
    server = BlockingServer(tls, answer)
    try:
        yield server
    finally:
        server.join()


async def dropped_at_once(client: HttpClient, url: str, server: BlockingServer) -> None:
    lease = client.lease()
    assert await (await post(client, url, lease=lease)).read() == b"hi"
    assert lease.drop()
    # From here to the end the loop does not go on.
    assert server.gone.wait(10)


async def test_a_dropped_connection_is_over_for_the_server_before_the_loop_comes_round() -> None:
    with blocking() as server:
        url = f"http://127.0.0.1:{server.port}/"
        async with client_of(url) as client:
            await dropped_at_once(client, url, server)
            assert server.gone.is_set()


async def test_over_tls_too(model_tls: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(model_tls[0]))
    with blocking(model_tls[1]) as server:
        url = f"https://127.0.0.1:{server.port}/"
        async with client_of(url) as client:
            await dropped_at_once(client, url, server)


async def test_before_the_head_too() -> None:
    with blocking(answer=b"") as server:
        url = f"http://127.0.0.1:{server.port}/"
        async with client_of(url) as client:
            lease = client.lease()
            asking = asyncio.create_task(post(client, url, lease=lease))
            await asyncio.to_thread(server.asked.wait)
            assert lease.drop()
            assert server.gone.wait(10)
            with pytest.raises(ConnectionCut):
                await asking


@pytest.mark.parametrize("tls", [False, True], ids=["forwarded", "tunnelled"])
@pytest.mark.parametrize("how", ["drop", "cancel"])
async def test_through_a_proxy_too(
    tls: bool, how: str, model_tls: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the proxy sees: the client's end of the tunnel is closed, without a farewell."""
    monkeypatch.setenv("SSL_CERT_FILE", str(model_tls[0]))
    reading, gone = asyncio.Event(), asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(ENDLESS)
        await peer.gone()
        gone.set()

    async with (
        serving(serve, model_tls[1] if tls else None) as server,
        tunnelling(lambda: server.port) as tunnel,
    ):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{tunnel.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        url = "https://model.invalid/" if tls else "http://model.invalid/"
        async with client_of(url) as client:
            lease = client.lease()

            async def read() -> None:
                response = await post(client, url, lease=lease)
                try:
                    await response.read()
                    reading.set()
                    await response.read()
                finally:
                    lease.drop()

            task = asyncio.create_task(read())
            await reading.wait()
            if how == "drop":
                assert lease.drop()
            else:
                task.cancel()
            await gone.wait()
            with pytest.raises(ConnectionCut if how == "drop" else asyncio.CancelledError):
                await task
            assert client.open_connections == 0


async def test_giving_up_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy listens, and says nothing."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def tunnel(peer: Peer) -> None:
        await peer.head()
        asked.set()
        await peer.gone()
        gone.set()

    async with serving(tunnel) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        async with client_of("https://model.invalid/") as client:
            lease = client.lease()
            asking = asyncio.create_task(post(client, "https://model.invalid/", lease=lease))
            await asked.wait()
            assert not lease.drop()
            with pytest.raises(ConnectionCut):
                await asking
            await gone.wait()


async def test_what_was_dropped_is_not_used_again() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(ENDLESS)
        await peer.gone()

    async with serving(serve) as server, client_of(server.url) as client:
        for count in range(1, 4):
            response = await post(client, server.url)
            assert await response.read() == b"hi"
            await response.aclose()
            assert len(server.peers) == count
        with pytest.raises(ConnectionCut):
            await response.read()


async def test_dropping_what_is_in_the_pool_costs_nobody_anything() -> None:
    async def serve(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(OK)

    async with serving(serve) as server, client_of(server.url) as client:
        leases = []
        for _ in range(3):
            lease = client.lease()
            response = await post(client, server.url, lease=lease)
            assert await whole(response) == b"hi"
            leases.append((lease, response))
        again = await post(client, server.url)
        for lease, response in leases:
            lease.drop()
            response.drop()
            await response.aclose()
        assert await whole(again) == b"hi"
        assert len(server.peers) == 1


async def test_a_lease_that_was_dropped_asks_nobody() -> None:
    async with client_of("http://127.0.0.1:9/") as client:
        lease = client.lease()
        lease.drop()
        with pytest.raises(ConnectionCut):
            await post(client, "http://127.0.0.1:9/", lease=lease)


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("head", [b"transfer-encoding: chunked\r\n\r\n30d40\r\n", b"content-length: 300000\r\n\r\n"])
async def test_what_came_before_a_cut_is_read(head: bytes, end: str) -> None:
    """More of it than is read at once, by a reader who comes late."""
    sound = bytes(range(250)) * 400

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + head + sound)
        sent.set()
        if end == "reset":
            await go_on.wait()
            reset(peer)

    sent, go_on = asyncio.Event(), asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:
        response = await post(client, server.url)
        await sent.wait()
        got = await response.read()
        while len(got) < 50_000:
            got += await response.read()
        go_on.set()
        with suppress(ConnectionCut):
            while True:
                got += await response.read()
        # The network itself may lose what a reset overtakes.
        assert got == sound[: len(got)]
        if end == "close":
            assert got == sound


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_body_that_ends_with_its_connection(end: str) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhi")
        await read.wait()
        if end == "reset":
            reset(peer)

    read = asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:
        response = await post(client, server.url)
        assert await response.read() == b"hi"
        read.set()
        if end == "close":
            assert await response.read() == b""
        else:
            with pytest.raises(ConnectionCut):
                await response.read()


async def test_our_own_end_is_not_the_body_s() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhi")
        await peer.gone()

    async with serving(serve) as server, client_of(server.url) as client:
        response = await post(client, server.url)
        assert await response.read() == b"hi"
        reading = asyncio.create_task(response.read())
        await asyncio.sleep(0)
        response.drop()
        with pytest.raises(ConnectionCut):
            await reading


async def test_a_pooled_connection_that_is_reset_instead_of_an_answer_is_replaced_once() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        if peer.number == 0:
            await peer.send(OK)
            await peer.request()
            reset(peer)
        elif peer.number == 1:
            await peer.send(OK)

    async with serving(serve) as server, client_of(server.url) as client:
        for _ in range(2):
            assert await whole(await post(client, server.url)) == b"hi"
        assert len(server.peers) == 2


async def test_one_dead_connection_is_not_replaced_by_another() -> None:
    """A server that goes leaves all of its connections dead at once."""
    dead = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        if peer.number < 5:
            together.append(peer)
            if len(together) == 5:
                all_here.set()
            await all_here.wait()
            await peer.send(OK)
            await peer.request()
        else:
            await peer.send(OK)

    together: list[Peer] = []
    all_here = asyncio.Event()
    async with serving(serve) as server, client_of(server.url) as client:
        for response in await asyncio.gather(*(post(client, server.url) for _ in range(5))):
            await whole(response)
        dead.set()
        assert await whole(await post(client, server.url)) == b"hi"
        assert len(server.peers) == 6


@contextmanager
def nothing_said() -> Iterator[None]:
    """Nothing is left to be complained about: no warning, no error that nobody has looked at."""
    said: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: said.append(context))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            yield
            gc.collect()
        finally:
            loop.set_exception_handler(None)
    assert said == []
    assert [str(warning.message) for warning in warned if warning.category is ResourceWarning] == []


async def left(client: HttpClient, url: str) -> None:
    await (await post(client, url)).read()


async def dropped(client: HttpClient, url: str) -> None:
    lease = client.lease()
    response = await post(client, url, lease=lease)
    await response.read()
    lease.drop()


async def cancelled(client: HttpClient, url: str) -> None:
    task = asyncio.create_task(whole(await post(client, url)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def never_connected(client: HttpClient, url: str) -> None:
    asyncio.create_task(post(client, url)).cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize("leave", [left, dropped, cancelled, never_connected])
async def test_an_end_leaves_no_task_and_no_complaint(leave: Callable[[HttpClient, str], Any]) -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(ENDLESS)
        await peer.gone()

    with nothing_said():
        async with serving(serve) as server:
            before = asyncio.all_tasks()
            async with client_of(server.url) as client:
                for _ in range(3):
                    await leave(client, server.url)
            assert client.open_connections == 0
            # A connection's task on the server's side is not the client's.
            assert {task for task in asyncio.all_tasks() - before if "serving" not in repr(task)} == set()


async def test_a_stream_that_is_dropped_between_two_reads_makes_no_task() -> None:
    """Generators that are left to the collector are ended by tasks of the event loop."""

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(ENDLESS)
        await peer.gone()

    made: list[Any] = []
    loop = asyncio.get_running_loop()
    async with serving(serve) as server, client_of(server.url) as client:
        response = await post(client, server.url)
        await response.read()

        def make(loop: asyncio.AbstractEventLoop, coro: Any, **how: Any) -> asyncio.Task[Any]:  # noqa: ANN401
            made.append(coro)
            return asyncio.Task(coro, loop=loop, **how)

        loop.set_task_factory(make)
        try:
            await response.aclose()
            del response
            gc.collect()
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            loop.set_task_factory(None)
    assert made == []


async def test_what_is_sent_is_let_go() -> None:
    """Requests hold the sound of conversations: none is kept while it is answered, nor waits for the collector."""

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(ENDLESS)
        await peer.gone()

    async with serving(serve) as server, client_of(server.url) as client:
        await dropped(client, server.url)
        gc.collect()
        gc.disable()
        try:
            sound = bytes(500_000)
            response = await post(client, server.url, sound)
            assert await response.read() == b"hi"
            # From Python 3.14 on this test's own coroutine is told beside its frame.
            own = test_what_is_sent_is_let_go.__code__
            holders = [holder for holder in gc.get_referrers(sound) if getattr(holder, "cr_code", None) is not own]
            assert [type(holder) for holder in holders if not hasattr(holder, "f_code")] == []
        finally:
            gc.enable()
