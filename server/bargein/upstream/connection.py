"""The HTTP client, and a hold on the socket under each of its requests.

The transport is aiohttp's: httpx's own collapses under hundreds of streams with churn. What aiohttp does not do by
itself is to drop a connection *at once*: its ``close`` waits for the request to be written out and, under TLS, for the
peer's farewell. A reply that was talked over must stop being paid for now, so :class:`Lease` aborts the socket instead.
"""

from __future__ import annotations

import asyncio
import functools
import urllib.request
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.tracing import Trace
from httpx_aiohttp import AiohttpTransport

_KEEPALIVE_S: Final = 60.0
"""A caller listens to a reply, answers, and the next request comes: longer than that gap, shorter than servers wait."""
_NAMES_S: Final = 60
"""How long a resolved name is believed."""
_AT_ONCE_BYTES: Final = 1024 * 1024
_SLICE_BYTES: Final = 65_536


class Lease:
    """The connection that carries one request, from the moment it has one, and the body that comes back on it."""

    __slots__ = ("__weakref__", "_body", "_connection", "_transport")

    def __init__(self) -> None:
        self._body: aiohttp.StreamReader | None = None
        self._connection: aiohttp.connector.Connection | None = None
        self._transport: asyncio.Transport | None = None

    def take(self, connection: aiohttp.connector.Connection) -> None:
        self._connection, self._transport = connection, connection.transport

    def answered(self, body: aiohttp.StreamReader) -> None:
        self._body = body

    async def read(self) -> bytes:
        """The bytes of the body that have come, at least one; empty at its end. Not decompressed.

        The same as ``aiter_raw`` of the response, without the four generators that a chunk passes through there.
        """
        if self._body is None:
            raise RuntimeError("read before there was an answer")
        return await self._body.readany()

    def drop(self) -> None:
        """Abort the socket, unless it has gone back to the pool: there it may serve somebody else already."""
        if self._connection is None or self._transport is None:
            return
        if self._connection.transport is not None or self._transport.is_closing():
            self._transport.abort()


_lease: ContextVar[Lease | None] = ContextVar("bargein_upstream_lease", default=None)


class LeasingConnector(aiohttp.TCPConnector):
    """Tells the :class:`Lease` of the running task which connection its request got."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's signature
    ) -> aiohttp.connector.Connection:
        """Get a connection from the pool or make one, as its base does."""
        connection = await super().connect(req, traces, timeout)
        if (lease := _lease.get()) is not None:
            lease.take(connection)
        return connection


class LeasingResponse(aiohttp.ClientResponse):
    """Gives the :class:`Lease` of the running task its body."""

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """Read the headers, as its base does."""
        response = await super().start(connection)
        if (lease := _lease.get()) is not None:
            lease.answered(self.content)
        return response


class HttpClient:
    """Posts to one server: any number of connections, no retries, no redirects, no timeout but the one for connecting.

    ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` are honoured, but never for this machine itself.
    """

    def __init__(self, url: str, connect_timeout_s: float) -> None:
        context = httpx.create_ssl_context()

        def session() -> aiohttp.ClientSession:
            connector = LeasingConnector(limit=0, ssl=context, keepalive_timeout=_KEEPALIVE_S, ttl_dns_cache=_NAMES_S)
            return aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), response_class=LeasingResponse
            )

        proxy = _proxy_for(url)
        transport = AiohttpTransport(verify=context, client=session, proxy=httpx.Proxy(proxy) if proxy else None)
        # aiohttp's time for getting a connection is httpx's "pool"; it holds name resolution and TLS too.
        timeout = httpx.Timeout(None, connect=connect_timeout_s, pool=connect_timeout_s)
        self._extensions = {"timeout": timeout.as_dict()}
        self._client = httpx.AsyncClient(transport=transport, follow_redirects=False)
        self._leases: WeakSet[Lease] = WeakSet()

    def lease(self) -> Lease:
        """A hold on the connection of one request to come."""
        lease = Lease()
        self._leases.add(lease)
        return lease

    async def post(self, url: str, headers: dict[str, str], body: bytes, lease: Lease) -> httpx.Response:
        """Send ``body``, return with the answer's headers. Cancelled, it leaves no socket once ``lease`` is dropped."""
        if len(body) > _AT_ONCE_BYTES:
            # In slices, so that writing it does not hold up every other caller.
            headers = headers | {"content-length": str(len(body))}
        content = body if len(body) <= _AT_ONCE_BYTES else _slices(body)
        # Not `build_request`, which would parse the URL anew and merge defaults that we override all the same.
        request = httpx.Request("POST", _parsed(url), headers=headers, content=content, extensions=self._extensions)
        token = _lease.set(lease)
        try:
            return await self._client.send(request, stream=True)
        finally:
            _lease.reset(token)

    async def aclose(self) -> None:
        """Close every connection; whoever reads from one fails at once."""
        for lease in list(self._leases):
            lease.drop()
        # Readers are told of their loss in the loop's next pass, but not once aiohttp has closed.
        await asyncio.sleep(0)
        await self._client.aclose()


_parsed = functools.lru_cache(16)(httpx.URL)


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _SLICE_BYTES):
        yield body[start : start + _SLICE_BYTES]


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.hostname in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
