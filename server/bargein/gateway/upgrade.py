"""The moment at which an HTTP connection becomes a caller's WebSocket.

uvicorn parses the request and, for an upgrade, hands the connection over to the protocol class that it was configured
with. That is :class:`Upgrade`: it decides, answers, and passes the connection on to a transport, all in the callback
that read the request.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

import structlog

from bargein.gateway.admission import Admitted
from bargein.gateway.caller_session import CallerSession
from bargein.gateway.caller_transport import CallerTransport, tune_socket
from bargein.gateway.handshake import Handshake, parse_handshake
from bargein.gateway.refusal import OUR_FAULT, Refusal

_log: Final = structlog.get_logger(__name__)


class Host(Protocol):
    """What an upgrade needs of the gateway."""

    def admit(self, handshake: Handshake) -> Admitted | Refusal: ...

    def carry(self, transport: asyncio.Transport) -> CallerTransport: ...

    def make_session(self, admitted: Admitted, caller_transport: CallerTransport) -> CallerSession | Refusal: ...

    def begin(self, admitted: Admitted, caller_transport: CallerTransport, session: CallerSession) -> None: ...


class Upgrade(asyncio.Protocol):
    """One request for a WebSocket."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport
        self._caller_transport: CallerTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take the request's head, whole; later, bytes that came before the transport took over."""
        if self._caller_transport is not None:
            self._caller_transport.data_received(data)
        elif not self._transport.is_closing():
            try:
                self._decide(data)
            except Exception:
                _log.exception("upgrade failed")
                self._fail()

    def eof_received(self) -> bool | None:
        return self._caller_transport.eof_received() if self._caller_transport is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._caller_transport is not None:
            self._caller_transport.connection_lost(exc)

    def _decide(self, head: bytes) -> None:
        transport = self._transport
        peer = transport.get_extra_info("peername")
        handshake = parse_handshake(head, peer[0] if isinstance(peer, tuple) else "")
        outcome = self._host.admit(handshake)
        if isinstance(outcome, Refusal):
            self._refuse(outcome)
            return
        caller_transport = self._host.carry(transport)
        session = self._host.make_session(outcome, caller_transport)
        if isinstance(session, Refusal):
            caller_transport.let_go()
            self._refuse(session)
        elif caller_transport.accept(handshake, outcome.subprotocol):
            tune_socket(transport)
            self._caller_transport = caller_transport
            # uvicorn sets this object as the protocol when it has fed it the request.
            asyncio.get_running_loop().call_soon(self._pass_on, caller_transport)
            self._host.begin(outcome, caller_transport, session)

    def _fail(self) -> None:
        if self._caller_transport is None:
            self._refuse(OUR_FAULT)
        else:
            self._transport.abort()

    def _refuse(self, refusal: Refusal) -> None:
        self._transport.write(_response(refusal))
        self._transport.close()

    def _pass_on(self, caller_transport: CallerTransport) -> None:
        transport = self._transport
        if transport.get_protocol() is self and not transport.is_closing():
            # Paused, because uvloop chooses between its two ways of reading when it begins to.
            transport.pause_reading()
            transport.set_protocol(caller_transport.asyncio_protocol)
            caller_transport.attached()


def upgrade_protocol(host: Host) -> type[asyncio.Protocol]:
    """What uvicorn's ``Config(ws=...)`` wants: it makes an :class:`Upgrade` for every request."""

    class BoundUpgrade(Upgrade):
        def __init__(self, **_: Any) -> None:  # noqa: ANN401 (uvicorn's own configuration and state, not needed)
            super().__init__(host)

    return BoundUpgrade


def _response(refusal: Refusal) -> bytes:
    """A whole HTTP/1.1 response, after which the connection is closed."""
    body = refusal.body()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **refusal.headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}\r\n{lines}\r\n".encode("latin-1") + body
