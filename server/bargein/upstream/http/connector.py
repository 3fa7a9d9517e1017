"""Making connections, name, TCP, proxy and TLS, and keeping them."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import ssl
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary, WeakSet, ref

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from bargein.errors import SettingsError
from bargein.loop.patience import Patience
from bargein.loop.time_limit import expire
from bargein.upstream.http.errors import (
    ConnectFailed,
    ConnectionCut,
    ConnectTimedOut,
    HttpError,
    InvalidHttp,
    TlsFailed,
)
from bargein.upstream.http.lease import LEASE, Lease

if TYPE_CHECKING:
    from aiohttp.tracing import Trace

KEEPALIVE_S: Final = 60.0
"""A caller listens to a reply, answers, and the next request comes: longer than that gap, shorter than servers wait."""
_NAMES_S: Final = 60
"""How long a resolved name is believed."""
_HANGUP: Final = getattr(select, "poll", None)  # There is none on Windows.


def tls_context() -> ssl.SSLContext:
    """Trusts what ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` say, and else Mozilla's list.

    :raises SettingsError: there is no such file, or no certificate in it.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        try:
            context = ssl.create_default_context(cafile=file)
        except OSError as error:
            reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else str(error.strerror)
            raise SettingsError(f"SSL_CERT_FILE: {file!r} cannot be used: {reason}") from None
    elif folder := os.environ.get("SSL_CERT_DIR"):
        context = ssl.create_default_context(capath=folder)
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class Connector(aiohttp.TCPConnector):
    """aiohttp's, with any number of connections, a limit for making one that forgives time in which this process did
    not run, and a second look at what comes from the pool.

    :param timeout_s: from the name to the end of the TLS handshake.
    """

    def __init__(self, tls: ssl.SSLContext, timeout_s: float) -> None:
        super().__init__(
            ssl=tls,
            limit=0,
            keepalive_timeout=KEEPALIVE_S,
            ttl_dns_cache=_NAMES_S,
            resolver=_Resolver(),
            socket_factory=self._make_socket,
        )
        self._limit_s = timeout_s
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._carried: WeakKeyDictionary[ResponseHandler, ref[Lease]] = WeakKeyDictionary()
        self._leases: set[Lease] = set()
        self._nothing_left: asyncio.Event | None = None

    @property
    def open_sockets(self) -> int:
        """How many there are, idle ones and those that are being made included."""
        return sum(sock.fileno() >= 0 for sock in self._sockets)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's signature
    ) -> Connection:
        """A connection that is ready for a request, for the lease of the task. Cancelled, it leaves no socket.

        :raises HttpError: there is none.
        """
        lease = LEASE.get()
        limit = asyncio.timeout(None)
        patience = Patience(lambda: expire(limit))
        lease.connects(limit)
        self._leases.add(lease)
        try:
            async with limit:
                patience.begin(self._limit_s)
                connection = await super().connect(req, traces, timeout)
                while (reused := connection.protocol in self._carried) and (lease.needs_new or _is_spoilt(connection)):
                    connection.close()
                    connection = await super().connect(req, traces, timeout)
        except (HttpError, aiohttp.ClientError, OSError, ValueError) as error:
            self.clear_dns_cache()
            raise self._named(error, req, limit, lease) from _alone(error)
        finally:
            patience.close()
            lease.connects(None)
            self._leases.discard(lease)
            if self._nothing_left is not None and not self._leases:
                self._nothing_left.set()
        lease.reused = reused
        self._watch(connection.protocol, lease)
        return connection

    async def give_up(self) -> None:
        """Make no connection any more. Returns when none is being made."""
        self._nothing_left = asyncio.Event()
        for lease in self._leases:
            lease.drop()
        if self._leases:
            await self._nothing_left.wait()

    def _watch(self, protocol: ResponseHandler | None, lease: Lease) -> None:
        if protocol is None:
            return
        if protocol not in self._carried and (closed := protocol.closed) is not None:
            closed.add_done_callback(lambda closed: self._lost(closed, protocol))
        self._carried[protocol] = ref(lease)

    def _lost(self, closed: asyncio.Future[None], protocol: ResponseHandler) -> None:
        closed.exception()  # Else the event loop complains that nobody has looked.
        carried = self._carried.get(protocol)
        lease = carried() if carried is not None else None
        if lease is not None and lease.answer is not None:
            lease.answer.lost()

    def _named(self, error: Exception, req: aiohttp.ClientRequest, limit: asyncio.Timeout, lease: Lease) -> HttpError:
        to = (req.proxy or req.url).origin()
        match error:
            case TimeoutError() if limit.expired():
                if lease.dropped:
                    return ConnectionCut("given up while connecting")
                return ConnectTimedOut(f"no connection to {to} in {self._limit_s} s")
            case aiohttp.ClientSSLError() | ssl.SSLError():
                return TlsFailed(f"no TLS with {to}")
            case aiohttp.ClientHttpProxyError(status=status):
                return ConnectFailed(f"the proxy answered with status {status}")
            case aiohttp.ClientResponseError():
                return InvalidHttp("the proxy does not speak HTTP")
            case aiohttp.ServerDisconnectedError():
                return ConnectionCut("the proxy hung up")
            case _:
                return ConnectFailed(f"no connection to {to}")

    def _make_socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = address
        sock = socket.socket(family, kind, protocol)
        self._sockets.add(sock)
        return sock


class _Resolver(AbstractResolver):
    """The operating system's answer, whole: aiohttp's own resolvers leave out ``::1`` on machines that have no IPv6
    beyond themselves, and take another library where one is installed.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        return [
            ResolveResult(
                hostname=host,
                host=f"{address[0]}%{address[3]}" if len(address) == 4 and address[3] else str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        pass


def _alone(error: Exception) -> Exception:
    """``error`` without the frames that have raised it. Some hold on to it: a circle with all that waits for the
    connection, requests too.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _is_spoilt(connection: Connection) -> bool:
    """Whether something has come while nobody had asked: the connection's end, or what would be taken for the next
    request's answer. Also where the event loop has not looked at it yet.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close:
        return True
    if _HANGUP is None:
        return False
    poll = _HANGUP()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
