"""The HTTP client, and what it answers."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final
from weakref import WeakSet

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from bargein.upstream.http.connector import Connector, tls_context
from bargein.upstream.http.errors import FOREIGN, ConnectionCut, HttpError, InvalidHttp, named
from bargein.upstream.http.lease import LEASE, CarriedResponse, Lease
from bargein.upstream.http.proxies import check_url, proxy_for

AT_ONCE_BYTES: Final = 1024 * 1024
"""A body up to this size is written together with its head."""
SLICE_BYTES: Final = 65_536
"""A larger one in slices of this size, each in a pass of its own of the event loop, so that nobody is held up."""
READ_BYTES: Final = 65_536
"""Where twice as much of an answer waits for its reader, no more is read from the socket."""
FIELD_LIMIT_BYTES: Final = 65_536
"""The longest header field; aiohttp's own limit is below what gateways send."""
FIELDS_LIMIT: Final = 256

_SENT: Final = httpx.Request("POST", "http://sent/")
"""Stands for a request that is on its way, whose body may be the sound of a whole conversation."""
_NOTHING: Final = httpx.ByteStream(b"")
"""Stands for a body that nobody will read any more. httpx's own holds on to its response: a circle."""

_url: Final = functools.lru_cache(64)(httpx.URL)


class Response:
    """One answer: its head, and its body as it comes. Read by one task at a time."""

    __slots__ = ("_answer", "_error", "_response", "headers", "status_code")

    def __init__(self, response: httpx.Response, answer: CarriedResponse) -> None:
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._answer = answer
        self._error: HttpError | None = None

    async def read(self) -> bytes:
        """What has come of the body, at least one byte; empty at its end.

        :raises HttpError: the body stops before its end, or goes on as something else. What came before is read first.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        try:
            # As httpx's ``aiter_raw``, without its three generators, which cost as much as all the rest of a delta.
            data = await self._answer.content.readany()
        except FOREIGN as error:
            if left_over := self._answer.left_over():
                self._error = named(error)
                return left_over
            raise named(error) from error
        if not data and (self._answer.was_cut or self._answer.was_reset):
            raise ConnectionCut("the connection was reset")
        return data

    def drop(self) -> None:
        """Abort the socket, unless the answer is complete: then it may serve somebody else already."""
        self._answer.abort()

    async def aclose(self) -> None:
        """As :meth:`drop`, and forget the rest of the answer."""
        self._answer.abort()
        with suppress(*FOREIGN):
            await self._response.aclose()
        self._response.stream = _NOTHING


class HttpClient:
    """Asks one server: any number of connections, no redirects, no cookies, no timeout but the one for connecting.

    ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` are honoured, but never for this machine itself.

    :param url: any of the server's.
    :param connect_timeout_s: for name resolution, TCP, a proxy's tunnel and TLS.
    :raises SettingsError: the URL, or a proxy's, cannot be one; ``SSL_CERT_FILE`` names no certificates.
    """

    def __init__(self, url: str, connect_timeout_s: float) -> None:
        check_url(url)
        proxy = proxy_for(url)
        self._connect_timeout_s = connect_timeout_s
        tls = url.startswith("https:")
        needs_tls = tls or (proxy is not None and proxy.url.scheme == "https")
        self._tls = tls_context() if needs_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Through a tunnel, only the server at its end is spoken to.
        self._for_proxy = dict(proxy.headers) if proxy is not None and not tls else {}
        # Without httpx's client above it: what that adds - redirects, cookies, timeouts - is not wanted here.
        self._transport = AiohttpTransport(verify=self._tls, proxy=proxy, client=self._open)
        self._connector: Connector | None = None
        self._leases: WeakSet[Lease] = WeakSet()
        self._is_closed = False

    @property
    def open_connections(self) -> int:
        """How many there are, idle ones and those that are being made included."""
        return self._connector.open_sockets if self._connector is not None else 0

    def lease(self) -> Lease:
        """A hold on the connection of one request to come."""
        lease = Lease()
        self._leases.add(lease)
        return lease

    async def get(self, url: str, headers: Mapping[str, str], lease: Lease) -> Response:
        """As :meth:`post`, for what is only read."""
        return await self._send("GET", url, headers, None, lease)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, lease: Lease) -> Response:
        """Send ``body``, return with the answer's head. Cancelled, it leaves no socket once ``lease`` is dropped.

        A connection from the pool that the server closes without a single byte of an answer is replaced once by a new
        one. Servers close idle connections when they like, and that may cross a request on the way. A client may send
        again what it knows to be idempotent whatever its method (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1): a
        completion or a transcript changes nothing on the server. A new connection that is closed in this way is not a
        crossing but a failure, and after the first byte of an answer something has been heard: neither is tried again.

        :param url: of the server that this client is for.
        :raises HttpError: there is no answer.
        :raises ValueError: a header breaks its line.
        """
        return await self._send("POST", url, headers, body, lease)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, lease: Lease
    ) -> Response:
        if self._is_closed or lease.dropped:
            raise ConnectionCut("the client is closed" if self._is_closed else "given up before it was asked")
        headers = {**headers, **self._for_proxy}
        token = LEASE.set(lease)
        try:
            try:
                return await self._ask(_request(method, url, headers, body), lease)
            except ConnectionCut as cut:
                if not _may_ask_again(lease, cut):
                    raise
            lease.needs_new = True
            return await self._ask(_request(method, url, headers, body), lease)
        finally:
            LEASE.reset(token)

    async def _ask(self, request: httpx.Request, lease: Lease) -> Response:
        try:
            response = await self._transport.handle_async_request(request)
        except FOREIGN as error:
            raise named(error) from error
        if lease.answer is None:
            raise RuntimeError("an answer that came without a connection")
        response.request = _SENT
        answer = Response(response, lease.answer)
        version, coding = lease.answer.version, response.headers.get("transfer-encoding", "chunked")
        if version is None or version.major != 1 or coding.lower() != "chunked":
            await answer.aclose()
            raise InvalidHttp("a version of HTTP, or a transfer coding, that was not asked for")
        return answer

    async def aclose(self) -> None:
        """Close every connection; whoever reads from one, or waits for one, fails at once. Returns when all sockets
        are closed.
        """
        self._is_closed = True
        answers = [lease.answer for lease in self._leases if lease.answer is not None]
        going = [gone for answer in answers if (gone := answer.gone()) is not None]
        for lease in list(self._leases):
            lease.drop()
        if self._connector is not None:
            await self._connector.give_up()
        await self._transport.aclose()
        await asyncio.gather(*going, return_exceptions=True)
        # A transport tells of its end and closes its socket then.
        await asyncio.sleep(0)

    def _open(self) -> aiohttp.ClientSession:
        self._connector = Connector(self._tls, self._connect_timeout_s)
        return aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=CarriedResponse,
            read_bufsize=READ_BYTES,
            max_line_size=FIELD_LIMIT_BYTES,
            max_field_size=FIELD_LIMIT_BYTES,
            max_headers=FIELDS_LIMIT,
        )


class _Slices(httpx.AsyncByteStream):
    """A large body. aiohttp waits after each slice for the socket to take it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _SliceIterator(self._body)


class _SliceIterator:
    """No generator, which would outlive a request that is dropped."""

    def __init__(self, body: bytes) -> None:
        self._rest = memoryview(body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._rest:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        head, self._rest = self._rest[:SLICE_BYTES], self._rest[SLICE_BYTES:]
        return bytes(head)


def _request(method: str, url: str, headers: dict[str, str], body: bytes | None) -> httpx.Request:
    if body is not None and len(body) > AT_ONCE_BYTES:
        headers["content-length"] = str(len(body))
        return httpx.Request(method, _url(url), headers=headers, stream=_Slices(body))
    return httpx.Request(method, _url(url), headers=headers, content=body)


def _may_ask_again(lease: Lease, cut: ConnectionCut) -> bool:
    """Whether a server has closed a connection from the pool without a word. Of a reset it cannot be told whether half
    a head came first.
    """
    if lease.dropped or not lease.reused:
        return False
    error: BaseException | None = cut
    while error is not None:
        match error:
            case aiohttp.ServerDisconnectedError(message=message):
                return isinstance(message, str)  # Else it is the half of a head.
            case aiohttp.ClientOSError():
                return True
        error = error.__cause__
    return False
