"""What carries one caller's WebSocket: the seam between the gateway and the libraries that can do it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from bargein.gateway.caller_session import CallerSession
from bargein.gateway.handshake import Handshake
from bargein.loop.chores import Chores
from bargein.metrics import Traffic
from bargein.session.timers import Timers

NOTSENT_LOWAT_BYTES: Final = 16_384
"""Unsent bytes that the kernel keeps for a slow caller: 2.6 s of audio, instead of a minute (measured)."""


@dataclass(frozen=True, slots=True)
class TransportContext:
    """What every transport works with."""

    timers: Timers
    traffic: Traffic
    chores: Chores
    max_message_bytes: int
    frames_per_s: float
    bytes_per_s: float
    pings_per_s: float
    unread_limit_bytes: int
    """Where so much waits to be read by the caller, nothing more is read of it."""


class CallerTransport(Protocol):
    """A caller's connection with its receiving half: a ``CallerConnection`` that feeds a session."""

    @property
    def backlog_bytes(self) -> int: ...

    def send_text(self, message: bytes) -> None: ...

    def send_long_text(self, pieces: Sequence[bytes]) -> None: ...

    def send_binary(self, message: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...

    def hold_back(self, duration_s: float, what: str) -> None: ...

    def attached(self) -> None:
        """The event loop knows :attr:`asyncio_protocol` now. Call with the transport's reading paused."""
        ...

    def accept(self, handshake: Handshake, subprotocol: str | None) -> bool:
        """Answer the opening handshake; false where it was malformed, and refused."""
        ...

    def start(self, session: CallerSession, ended: Callable[[int], None]) -> None:
        """Feed ``session`` from now on.

        :param ended: called once, after the session was told that it has ended, with the close code.
        """
        ...

    def let_go(self) -> None:
        """Nothing comes of the connection, or it is over: forget what would keep this for the garbage collector."""
        ...

    @property
    def asyncio_protocol(self) -> asyncio.BaseProtocol:
        """What the event loop is to feed."""
        ...

    def data_received(self, data: bytes) -> None:
        """Take bytes that were read before the event loop knew this protocol."""
        ...

    def eof_received(self) -> bool | None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


MakeTransport = Callable[[TransportContext, asyncio.Transport], CallerTransport]


def tune_socket(transport: asyncio.Transport) -> None:
    """Send small messages at once, and keep what a slow caller does not read out of the kernel's buffers."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None:
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, option, NOTSENT_LOWAT_BYTES)
