"""One process that listens: uvicorn with our upgrades, and the order of its end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from bargein.errors import SettingsError
from bargein.gateway.gateway import Gateway
from bargein.gateway.http_protocol import MAX_HEAD_BYTES, punctual_protocol
from bargein.gateway.upgrade import upgrade_protocol

BACKLOG: Final = 2048
HIGHEST_PORT: Final = 65_535
NEIGHBOURS: Final = 20
"""So many ports behind one that is in use are tried."""
HTTP_GRACE_S: Final = 5
"""For answers that are being given when the process ends."""


class _Uvicorn(uvicorn.Server):
    """Leaves the signals alone, whose meaning the process decides, and says when it listens."""

    listening: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """Serves HTTP and WebSockets on one listening socket, until it is told to end.

    :param sock: bound; from :func:`bind`.
    """

    def __init__(self, gateway: Gateway, app: ASGIApp, sock: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http=punctual_protocol(gateway.room, lambda: gateway.open_sessions),
            ws=upgrade_protocol(gateway),
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            timeout_graceful_shutdown=HTTP_GRACE_S,
        )
        self._gateway = gateway
        self._uvicorn = _Uvicorn(config)
        self._sock = sock
        self._ending: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: host and port."""
        host, port, *_ = self._sock.getsockname()
        return host, port

    @property
    def connections(self) -> int:
        """How many are open, callers' and others'."""
        return len(self._uvicorn.server_state.connections)

    async def serve(self, listening: Callable[[], None]) -> None:
        """Serve until :meth:`end` has done its work. Cancelling it stops listening and ends every session.

        :param listening: called when connections are accepted.
        """
        self._uvicorn.listening = listening
        try:
            await self._uvicorn.serve(sockets=[self._sock])
        finally:
            self._gateway.stop()

    def end(self) -> None:
        """Drain, then stop. The second call stops now."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())
        else:
            self._gateway.stop()
            self._uvicorn.force_exit = True

    async def _end(self) -> None:
        await self._gateway.drain()
        self._uvicorn.should_exit = True


class PortInUse(SettingsError):
    """Somebody listens there already.

    :param free: a port that is free by now.
    """

    def __init__(self, host: str, port: int, free: int) -> None:
        super().__init__(f"BARGEIN_PORT: {host} port {port} is in use; port {free} is free: set BARGEIN_PORT={free}")
        self.host = host
        self.port = port
        self.free = free


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket bound to ``host`` and ``port``, not yet listening.

    :param shared: other processes will bind the same port (``SO_REUSEPORT``).
    :raises SettingsError: it cannot be bound; :class:`PortInUse` where somebody else has it.
    """
    try:
        return _bound(host, port, shared=shared)
    except socket.gaierror:
        raise SettingsError(f"BARGEIN_HOST: {host!r} is no address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE and (free := _free_port_after(host, port)):
            raise PortInUse(host, port, free) from None
        reason = (error.strerror or str(error)).lower()
        if error.errno == errno.EADDRNOTAVAIL:
            raise SettingsError(f"BARGEIN_HOST: cannot listen on {host}: it is no address of this machine") from None
        raise SettingsError(f"BARGEIN_PORT: cannot listen on {host} port {port} ({reason}): choose another") from None


def _free_port_after(host: str, port: int) -> int | None:
    """One of the next ports, which can be remembered; else any; ``None``: there is none."""
    for candidate in (*range(port + 1, min(port + NEIGHBOURS, HIGHEST_PORT) + 1), 0):
        with contextlib.suppress(OSError), _bound(host, candidate) as sock:
            found: int = sock.getsockname()[1]
            return found
    return None


def _bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """:raises OSError: it cannot be bound; :class:`socket.gaierror` where there is no such host."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
