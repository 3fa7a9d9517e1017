"""The HTTP client, and a hold on the socket under each of its requests.

A reply that was talked over must stop being paid for now: :meth:`Lease.drop` closes its socket at once, where a polite
close would wait for the request to be written out and, under TLS, for the peer's farewell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bargein.upstream.http.connection import Connection, Response
from bargein.upstream.http.connector import Connector
from bargein.upstream.http.errors import ConnectionCut, ConnectTimedOut
from bargein.upstream.http.head import request_head
from bargein.upstream.http.origin import parse_url
from bargein.upstream.http.pool import Pool
from bargein.upstream.http.proxies import proxy_for


class Lease:
    """The connection that carries one request, from the first name lookup on."""

    __slots__ = ("_connecting", "_response", "gave_up")

    def __init__(self) -> None:
        self.gave_up = False
        """Whether it was dropped before there was a connection."""
        self._connecting: asyncio.Timeout | None = None
        self._response: Response | None = None

    def connects(self, limit: asyncio.Timeout | None) -> None:
        """For the client: what ends connecting."""
        self._connecting = limit

    def holds(self, response: Response) -> None:
        """For the client: what came of it."""
        self._response = response

    def drop(self) -> bool:
        """Give up connecting; abort the socket, unless it has gone back to the pool: there it may serve somebody else
        already. May be called twice, and from any callback of the event loop.

        :returns: whether the connection is over, for the other side too; only connecting takes a while to give up.
        """
        if self._connecting is not None and not self._connecting.expired():
            self.gave_up = True
            self._connecting.reschedule(0.0)
        if self._response is not None:
            self._response.drop()
        return self._connecting is None


class HttpClient:
    """Posts to one server: any number of connections, no redirects, no timeout but the one for connecting.

    ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` are honoured, but never for this machine itself.

    :param url: any of the server's.
    :param connect_timeout_s: for name resolution, TCP, a proxy's tunnel and TLS.
    :raises SettingsError: the URL, or a proxy's, cannot be one.
    :raises OSError: ``SSL_CERT_FILE`` names no file.
    """

    def __init__(self, url: str, connect_timeout_s: float) -> None:
        self._origin, _ = parse_url(url)
        proxy = proxy_for(url)
        self._connector = Connector(self._origin, proxy, connect_timeout_s)
        # Through a tunnel, only the server at its end is spoken to.
        self._forwarding = proxy if not self._origin.tls else None
        self._pool = Pool()
        self._connections: set[Connection] = set()
        self._connecting: set[Lease] = set()
        self._is_closed = False
        self._nothing_left: asyncio.Event | None = None

    @property
    def open_connections(self) -> int:
        """How many there are, idle ones and those that are being made included."""
        return len(self._connections) + len(self._connecting)

    def lease(self) -> Lease:
        """A hold on the connection of one request to come."""
        return Lease()

    async def get(self, url: str, headers: Mapping[str, str], lease: Lease) -> Response:
        """As :meth:`post`, for what is only read."""
        return await self._send(self._head("GET", url, headers), b"", lease)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, lease: Lease) -> Response:
        """Send ``body``, return with the answer's head. Cancelled, it leaves no socket once ``lease`` is dropped.

        A connection from the pool that the server closes without a single byte of an answer is replaced once by a new
        one. Servers close idle connections when they like, and that may cross a request on the way. A client may send
        again what it knows to be idempotent whatever its method (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1): a
        completion or a transcript changes nothing on the server. A new connection that is closed in this way is not a
        crossing but a failure, and after the first byte of an answer something has been heard: neither is tried again.

        :param url: of the server that this client is for.
        :raises HttpError: there is no answer.
        :raises ValueError: it is another server's URL, or a header breaks its line.
        """
        return await self._send(self._head("POST", url, {**headers, "content-length": str(len(body))}), body, lease)

    async def _send(self, head: bytes, body: bytes, lease: Lease) -> Response:
        if self._is_closed:
            raise ConnectionCut("the client is closed")
        if (pooled := self._pool.take()) is not None:
            response = pooled.ask(head, body)
            lease.holds(response)
            try:
                await response.begin()
            except ConnectionCut:
                if not response.replaceable:
                    raise
            else:
                return response
        connection = await self._connect(lease)
        response = connection.ask(head, body)
        lease.holds(response)
        await response.begin()
        return response

    async def aclose(self) -> None:
        """Close every connection; whoever reads from one, or waits for one, fails at once. Returns when all sockets
        are closed.
        """
        self._is_closed = True
        for lease in list(self._connecting):
            lease.drop()
        self._pool.close()
        for connection in list(self._connections):
            connection.abort()
        if self._connecting or self._connections:
            self._nothing_left = asyncio.Event()
            await self._nothing_left.wait()
        # A transport tells of its end and closes its socket then; what was connecting closes it in the next pass.
        await asyncio.sleep(0)

    def released(self, connection: Connection) -> None:
        """For a connection: it may carry another request."""
        if connection in self._connections:
            self._pool.put(connection)

    def closed(self, connection: Connection) -> None:
        """For a connection: it has no socket any more."""
        self._pool.discard(connection)
        self._connections.discard(connection)
        self._look_whether_anything_is_left()

    async def _connect(self, lease: Lease) -> Connection:
        limit = asyncio.timeout(None)
        lease.connects(limit)
        self._connecting.add(lease)
        try:
            connection = await self._connector.connect(self, limit)
        except ConnectTimedOut:
            if lease.gave_up:
                raise ConnectionCut("given up while connecting") from None
            raise
        finally:
            self._connecting.discard(lease)
            lease.connects(None)
            self._look_whether_anything_is_left()
        if self._is_closed or not connection.is_open:
            connection.abort()
            raise ConnectionCut("closed before it could be used")
        self._connections.add(connection)
        return connection

    def _look_whether_anything_is_left(self) -> None:
        if self._nothing_left is not None and not self._connecting and not self._connections:
            self._nothing_left.set()

    def _head(self, method: str, url: str, headers: Mapping[str, str]) -> bytes:
        origin, target = parse_url(url)
        if origin != self._origin:
            raise ValueError(f"this client is for {self._origin}, not for {origin}")
        if self._forwarding is not None:
            # RFC 9112 section 3.2.2.
            target = f"{origin}{target}"
            headers = {**headers, **self._forwarding.headers}
        return request_head(method, target, {"host": origin.host_header, **headers})
