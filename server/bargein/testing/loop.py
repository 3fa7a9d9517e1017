"""An event loop whose time is virtual, and whose network is in memory.

Where nothing is ready, :func:`asyncio.sleep` and every deadline are waited for by moving the clock, not by waiting: an
hour of silence takes as long as what happens in it. Time stands still while anything is computed, and for as long as
work runs in a thread. So what happens at which moment does not depend on the machine, and is the same each time.

Connections are pairs of sockets of this process (``socketpair``), whatever host they are made to: the port finds the
server. What one side has written the other can read at once, and there is no other network: names are not looked up,
and a port at which nobody listens refuses.
"""

from __future__ import annotations

import asyncio
import errno
import selectors
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary, WeakSet

T = TypeVar("T")

START_S: Final = 1000.0
PASS_S: Final = 1e-9
"""How long a pass of the loop takes: who asks again for what is due now must find that time has passed."""
FIRST_PORT: Final = 49_152
"""What is given to a server that asks for any port."""
HOST: Final = "127.0.0.1"

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """As :func:`asyncio.run`, in virtual time."""
    with asyncio.Runner(debug=debug, loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For ``asyncio.Runner(loop_factory=VirtualTimeLoop)``, and for test frameworks that ask for such a factory.

    Its :meth:`time` is the only clock that the server reads.
    """

    def __init__(self) -> None:
        self._virtual = _Selector()
        self._began_unix_s = time.time()
        self._listeners: dict[int, _VirtualServer] = {}
        self._dialled: WeakKeyDictionary[socket.socket, int] = WeakKeyDictionary()
        self._last_port = FIRST_PORT - 1
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds. Moves only where the loop would have waited."""
        return self._virtual.now_s

    def unix_time(self) -> float:
        """The time of day: that of the loop's beginning, and what has passed since in virtual time."""
        return self._began_unix_s + self._virtual.now_s - START_S

    # Threads work in real time: meanwhile the clock stands still.

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """As in any loop. The clock stands still until ``func`` has returned."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._virtual.working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _: object) -> None:
        self._virtual.working -= 1

    async def shutdown_default_executor(self, *timeout: Any, **named: Any) -> None:
        """As in any loop. Its limit, which Python 3.12 brought, does not pass while the threads end."""
        self._virtual.working += 1
        try:
            await super().shutdown_default_executor(*timeout, **named)
        finally:
            self._virtual.working -= 1

    # The network.

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[tuple[Any, ...]]:
        """Every host is this process: no name is looked up."""
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (HOST, int(port or 0)))]

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: ProtocolFactory,
        host: Any = None,
        port: int | None = None,
        *,
        sock: socket.socket | None = None,
        ssl: Any = None,
        **_: Any,
    ) -> asyncio.AbstractServer:
        """Listen in this process.

        :raises OSError: somebody listens at the port already.
        """
        port = sock.getsockname()[1] if sock is not None else port
        if not port:
            self._last_port += 1
            port = self._last_port
        if port in self._listeners:
            raise OSError(errno.EADDRINUSE, f"port {port} is taken")
        listener = self._listeners[port] = _VirtualServer(self, protocol_factory, port, ssl, self._listeners.pop)
        return listener

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Remember where to; :meth:`create_connection` connects what is given to it."""
        self._listener(address[1])
        self._dialled[sock] = address[1]

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: ProtocolFactory,
        host: Any = None,
        port: int | None = None,
        *,
        sock: socket.socket | None = None,
        ssl: Any = None,
        server_hostname: str | None = None,
        **_: Any,
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """Connect to a server of this process.

        :raises ConnectionRefusedError: nobody listens there.
        """
        if sock is not None:
            port = self._dialled.pop(sock)
            sock.close()
        listener = self._listener(port)
        if ssl is not None and server_hostname is None:
            server_hostname = str(host)
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        accepting = self.create_task(listener.accept(far))
        try:
            return await super().create_connection(
                protocol_factory, sock=near, ssl=ssl, server_hostname=server_hostname if ssl is not None else None
            )
        except BaseException:
            near.close()
            raise
        finally:
            listener.note(accepting)

    def _listener(self, port: int | None) -> _VirtualServer:
        listener = self._listeners.get(port or 0)
        if listener is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at port {port} of this process")
        return listener


class _Selector(selectors.BaseSelector):
    """Looks whether anything is ready. Where the loop would wait, time moves on to when it would have waited to."""

    def __init__(self) -> None:
        self.now_s = START_S
        self.working = 0
        """Threads that work for the loop."""
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; if nothing is, time passes."""
        self.now_s += PASS_S
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.working or timeout is None:
            return self._real.select(None)
        self.now_s += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()


class _Address:
    """What servers are asked for where they listen."""

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return HOST, self._port


class _VirtualServer(asyncio.AbstractServer):
    def __init__(
        self,
        loop: VirtualTimeLoop,
        factory: ProtocolFactory,
        port: int,
        ssl: Any,
        forget: Callable[[int, None], object],
    ) -> None:
        self._loop = loop
        self._factory = factory
        self._port = port
        self._ssl = ssl
        self._forget = forget
        self._accepting: set[asyncio.Task[None]] = set()
        self._clients: WeakSet[asyncio.Transport] = WeakSet()
        self._closed = loop.create_future()

    @property
    def sockets(self) -> tuple[_Address, ...]:
        return () if self._closed.done() else (_Address(self._port),)

    async def accept(self, sock: socket.socket) -> None:
        """A connection was made."""
        try:
            transport, _ = await self._loop.connect_accepted_socket(self._factory, sock, ssl=self._ssl)
            self._clients.add(transport)
        except OSError:  # A handshake that failed is the client's to tell.
            sock.close()

    def note(self, accepting: asyncio.Task[None]) -> None:
        """Keep it until it is done."""
        self._accepting.add(accepting)
        accepting.add_done_callback(self._accepting.discard)

    def close(self) -> None:
        if not self._closed.done():
            self._forget(self._port, None)
            self._closed.set_result(None)

    def close_clients(self) -> None:
        """As Python 3.13 has it: end every connection, once what waits to be sent is."""
        for transport in list(self._clients):
            transport.close()

    def abort_clients(self) -> None:
        """As Python 3.13 has it: end every connection at once."""
        for transport in list(self._clients):
            transport.abort()

    async def wait_closed(self) -> None:
        await self._closed

    def is_serving(self) -> bool:
        return not self._closed.done()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    async def start_serving(self) -> None:
        """It does from the beginning."""

    async def serve_forever(self) -> None:
        await self._closed
