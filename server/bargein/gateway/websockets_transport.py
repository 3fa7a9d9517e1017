"""A caller's socket on the sans-I/O protocol of the ``websockets`` library.

Frames, masking, limits and the handshakes are the library's. What is added is that messages reach the session in the
callback that read them, and leave it by a plain write: no queue, no task and no future on either way. What the kernel
does not take waits in the event loop's own buffer, whose size is the caller's backlog.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import CLOSED, OPEN
from websockets.server import ServerProtocol

from bargein.errors import CallerGone
from bargein.gateway.caller_session import CallerSession
from bargein.gateway.carrier import Carriage
from bargein.gateway.handshake import Handshake
from bargein.gateway.liveness import CLOSE_TIMEOUT_S, Liveness, PingAllowance
from bargein.gateway.messages import Assembler, check_utf8, cut_reason, too_big

# Its own name and level: at the debug level the library would print every frame, keys and all.
_logger: Final = logging.getLogger("bargein.websockets")
_logger.setLevel(logging.WARNING)


class _Protocol(ServerProtocol):
    """Lets the session say what went wrong before the library closes the connection for it."""

    def __init__(self, max_message_bytes: int, failing: Callable[[int, str], None]) -> None:
        super().__init__(max_size=max_message_bytes, logger=_logger)
        self._too_big = too_big(max_message_bytes)
        self._failing = failing

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        if self.state is OPEN and code != CloseCode.ABNORMAL_CLOSURE:
            self._failing(int(code), self._too_big if code == CloseCode.MESSAGE_TOO_BIG else reason)
        super().fail(code, reason)


class WebsocketsTransport(asyncio.Protocol):
    """One caller's connection, on ``websockets``. It is the :class:`~bargein.session.connection.CallerConnection`."""

    def __init__(self, carriage: Carriage, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._traffic = carriage.traffic
        self._timers = carriage.timers
        self._protocol = _Protocol(carriage.max_message_bytes, self._fail)
        self._assembler = Assembler(carriage.max_message_bytes)
        self._pings = PingAllowance(carriage.timers.clock, carriage.pings_per_s, 10 * carriage.pings_per_s)
        self._liveness = Liveness(carriage.timers, self._ping, self._dead)
        self._session: CallerSession | None = None
        self._ended: Callable[[int], None] | None = None
        self._closed_by_us: tuple[int, str] | None = None

    # The caller's connection.

    @property
    def backlog_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    def send_text(self, message: bytes) -> None:
        """See :class:`CallerConnection`."""
        protocol = self._protocol
        if protocol.state is OPEN:
            protocol.send_text(message)
            self._traffic.messages_out += 1
            self._traffic.bytes_out += len(message)
            self._transport.writelines(protocol.data_to_send())

    def send_binary(self, message: bytes) -> None:
        """See :class:`CallerConnection`."""
        protocol = self._protocol
        if protocol.state is OPEN:
            protocol.send_binary(message)
            self._traffic.messages_out += 1
            self._traffic.bytes_out += len(message)
            self._transport.writelines(protocol.data_to_send())

    def close(self, code: int, reason: str) -> None:
        """See :class:`CallerConnection`."""
        if self._protocol.state is OPEN:
            self._closed_by_us = (code, reason)
            self._protocol.send_close(code, cut_reason(reason))
            self._flush()
            self._close_in_time()

    # The carrier.

    def accept(self, handshake: Handshake, subprotocol: str | None) -> bool:
        """See :class:`Carrier`."""
        protocol = self._protocol
        protocol.receive_data(handshake.minimal_head())
        (request,) = protocol.events_received()
        response = protocol.accept(request)  # type: ignore[arg-type]
        if subprotocol is not None:
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        protocol.send_response(response)
        self._flush()
        if protocol.state is not OPEN:
            self._transport.close()
        return protocol.state is OPEN

    def start(self, session: CallerSession, ended: Callable[[int], None]) -> None:
        """See :class:`Carrier`."""
        self._session = session
        self._ended = ended
        self._liveness.start()

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        """Feed the protocol, answer for it, and hand on what it found."""
        protocol = self._protocol
        protocol.receive_data(data)
        if protocol.writes:
            self._flush()
        for frame in protocol.events_received():
            self._receive(frame)  # type: ignore[arg-type]
        if protocol.close_expected():
            self._close_in_time()

    def eof_received(self) -> None:
        """The caller sends no more: with or without a close frame, the connection is over."""
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._protocol.receive_eof()
        self._liveness.stop()
        self._timers.cancel(self)
        self._end()

    def _receive(self, frame: Frame) -> None:
        session = self._session
        if session is None or self._closed_by_us is not None:
            return
        self._liveness.heard()
        opcode, data = frame.opcode, frame.data
        try:
            if frame.fin and (opcode is Opcode.TEXT or opcode is Opcode.BINARY):
                self._deliver(session, bytes(data), text=opcode is Opcode.TEXT)
            elif opcode is Opcode.CONT:
                message = self._assembler.resume(bytes(data), fin=frame.fin)
                if message is not None:
                    self._deliver(session, message, text=self._assembler.text)
            elif opcode is Opcode.PING:
                self._pings.take()
            elif opcode is Opcode.CLOSE:
                self._end()
            elif opcode is not Opcode.PONG:
                self._assembler.begin(bytes(data), text=opcode is Opcode.TEXT)
        except CallerGone as gone:
            self._fail(gone.code, gone.reason)

    def _deliver(self, session: CallerSession, message: bytes, *, text: bool) -> None:
        self._traffic.messages_in += 1
        self._traffic.bytes_in += len(message)
        if text:
            check_utf8(message)
            session.receive_text(message)
        else:
            session.receive_binary(message)

    def _fail(self, code: int, reason: str) -> None:
        if self._session is not None:
            self._session.close(code, reason)
        self.close(code, reason)

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is None or self._ended is None:
            return
        received = self._protocol.close_rcvd
        said = (int(received.code), received.reason) if received is not None else (1006, "")
        code, reason = self._closed_by_us or said
        session.ended(code, reason)
        self._ended(code)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof() and not self._transport.is_closing():
                self._transport.write_eof()

    def _close_in_time(self) -> None:
        self._timers.schedule(self, self._timers.clock.now() + CLOSE_TIMEOUT_S, self._transport.abort)

    def _ping(self) -> None:
        if self._protocol.state is not CLOSED:
            self._protocol.send_ping(b"")
            self._flush()

    def _dead(self) -> None:
        self._closed_by_us = (1006, "No answer to a ping.")
        self._transport.abort()
