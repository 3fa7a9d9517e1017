"""Making connections: name, TCP, proxy, TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from typing import Final

import aiohappyeyeballs
import certifi
from aiohappyeyeballs import AddrInfoType

from bargein.loop.patience import Patience
from bargein.loop.time_limit import expire
from bargein.upstream.http.connection import Connection, Owner
from bargein.upstream.http.errors import ConnectFailed, ConnectTimedOut, TlsFailed
from bargein.upstream.http.head import request_head
from bargein.upstream.http.origin import Origin
from bargein.upstream.http.proxies import Proxy

_NEXT_ADDRESS_S: Final = 0.25
"""After how long the next address is tried too (RFC 8305 section 5)."""
_NAMES_S: Final = 60.0
"""How long a resolved name is believed."""


def tls_context() -> ssl.SSLContext:
    """Trusts what ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` say, and else Mozilla's list.

    :raises OSError: there is no such file.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        context = ssl.create_default_context(cafile=file)
    elif folder := os.environ.get("SSL_CERT_DIR"):
        context = ssl.create_default_context(capath=folder)
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class Connector:
    """Connects to one server.

    :param timeout_s: for all of it, from the name to the end of the TLS handshake.
    """

    def __init__(self, origin: Origin, proxy: Proxy | None, timeout_s: float) -> None:
        self._origin = origin
        self._proxy = proxy
        self._first = proxy.origin if proxy is not None else origin
        self._timeout_s = timeout_s
        self._tls = tls_context() if origin.tls or self._first.tls else None
        self._addresses: Sequence[AddrInfoType] = ()
        self._resolved_at = 0.0

    async def connect(self, owner: Owner, limit: asyncio.Timeout) -> Connection:
        """A connection that is ready for a request. Cancelled, it leaves no socket.

        :param limit: entered here; whoever holds it can give up earlier.
        :raises ConnectFailed: or
        :raises ConnectTimedOut: or
        :raises TlsFailed: or
        :raises ConnectionCut: the proxy hung up.
        :raises InvalidHttp: the proxy does not speak HTTP.
        """
        loop = asyncio.get_running_loop()
        connection = Connection(owner, loop)
        patience = Patience(lambda: expire(limit))
        try:
            async with limit:
                patience.begin(self._timeout_s)
                await self._open(connection)
                if self._proxy is not None and self._origin.tls:
                    await self._tunnel(connection, self._proxy)
        except BaseException as error:
            connection.abort()
            match error:
                case TimeoutError() if limit.expired():
                    raise ConnectTimedOut(f"no connection to {self._first} in {self._timeout_s} s") from error
                case ssl.SSLError():
                    raise TlsFailed(f"no TLS with {self._first}") from error
                case OSError():
                    raise ConnectFailed(f"no connection to {self._first}") from error
            raise
        finally:
            patience.close()
        return connection

    async def _open(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        addresses = await self._resolve()
        try:
            sock = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, loop=loop)
        except OSError as error:
            self._addresses = ()
            # The frame that raised it holds on to it: a circle with all that waits for the connection, requests too.
            raise error.with_traceback(None) from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket = sock
        tls = self._tls if self._first.tls else None
        name = self._first.host if tls is not None else None
        await loop.create_connection(lambda: connection, sock=sock, ssl=tls, server_hostname=name)

    async def _resolve(self) -> Sequence[AddrInfoType]:
        loop = asyncio.get_running_loop()
        if not self._addresses or loop.time() - self._resolved_at > _NAMES_S:
            self._addresses = await loop.getaddrinfo(self._first.host, self._first.port, type=socket.SOCK_STREAM)
            self._resolved_at = loop.time()
        return self._addresses

    async def _tunnel(self, connection: Connection, proxy: Proxy) -> None:
        """Through the proxy to the server (RFC 9110 section 9.3.6), and TLS inside."""
        name = self._origin.netloc
        response = connection.ask(request_head("CONNECT", name, {"host": name} | proxy.headers), bodiless=True)
        await response.begin()
        raw = connection.transport
        if not 200 <= response.status_code < 300 or raw is None or self._tls is None or not connection.is_open:
            raise ConnectFailed(f"the proxy answered with status {response.status_code}")
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(raw, connection, self._tls, server_hostname=self._origin.host)
        if transport is None:
            raise ConnectFailed("the proxy hung up")
        connection.transport = transport
