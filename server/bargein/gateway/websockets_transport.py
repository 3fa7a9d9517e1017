"""A caller's socket on the sans-I/O protocol of the ``websockets`` library.

Frames, masking, limits and the handshakes are the library's. What is added is that messages reach the session in the
callback that read them, and leave it by a plain write: no queue, no task and no future on either way. What the kernel
does not take waits in the event loop's own buffer, whose size is the caller's backlog.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import CLOSED, OPEN
from websockets.server import ServerProtocol

from bargein.errors import CallerGone
from bargein.gateway.caller_socket import CallerSocket
from bargein.gateway.caller_transport import TransportContext
from bargein.gateway.fed_protocols import DataFedProtocol
from bargein.gateway.handshake import Handshake
from bargein.gateway.memory import LARGE_BYTES
from bargein.gateway.messages import cut_reason, too_big

# Its own name and level: at the debug level the library would print every frame, keys and all.
_logger: Final = logging.getLogger("bargein.websockets")
_logger.setLevel(logging.WARNING)


class _Protocol(ServerProtocol):
    """Lets the session say what went wrong before the library closes the connection for it."""

    cur_size: int | None
    """What the library calls ``current_size`` in older versions."""

    def __init__(self, max_message_bytes: int, failing: Callable[[int, str], None]) -> None:
        super().__init__(max_size=max_message_bytes, logger=_logger)
        self._too_big = too_big(max_message_bytes)
        self._failing = failing

    def let_go(self) -> None:
        """The connection is gone: nobody is to be told any more, and nothing is parsed.

        The parser is a generator of this object's own method, and the error that ended it knows its frame: circles,
        which would keep the last message until the garbage collector comes.
        """
        self._failing = _nothing
        self.parser.close()
        self.parser_exc = self.handshake_exc = None

    def recv_frame(self, frame: Frame) -> None:
        """Who closes need not end its message first (RFC 6455 section 5.4): the library takes that for an error, too
        late for a close frame of ours.
        """
        if frame.opcode is Opcode.CLOSE:
            self.current_size = self.cur_size = None
        super().recv_frame(frame)

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        if self.state is OPEN and code != CloseCode.ABNORMAL_CLOSURE:
            self._failing(int(code), self._too_big if code == CloseCode.MESSAGE_TOO_BIG else reason)
        super().fail(code, reason)


class WebsocketsTransport(CallerSocket):
    """A :class:`~bargein.gateway.caller_transport.CallerTransport` on ``websockets``."""

    def __init__(self, context: TransportContext, transport: asyncio.Transport) -> None:
        super().__init__(context, transport)
        self._protocol = _Protocol(context.max_message_bytes, self._fail)
        self._unparsed = bytearray()

    @property
    def asyncio_protocol(self) -> asyncio.BaseProtocol:
        return DataFedProtocol(self)

    def send_text(self, message: bytes) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        if self._protocol.state is OPEN:
            self._protocol.send_text(message)
            self._flush_message(len(message))

    def send_long_text(self, pieces: Sequence[bytes]) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        if self._protocol.state is OPEN:
            self._flush_message(self._write_frame(pieces))

    def send_binary(self, message: bytes) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        if self._protocol.state is OPEN:
            self._protocol.send_binary(message)
            self._flush_message(len(message))

    def close(self, code: int, reason: str) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        if self._protocol.state is OPEN:
            self._closed_by_us = (code, reason)
            self._protocol.send_close(code, cut_reason(reason))
            self._flush()
            self._close_in_time()

    def accept(self, handshake: Handshake, subprotocol: str | None) -> bool:
        """See :class:`~bargein.gateway.caller_transport.CallerTransport`."""
        protocol = self._protocol
        protocol.receive_data(handshake.minimal_head())
        (request,) = protocol.events_received()
        response = protocol.accept(request)  # type: ignore[arg-type]
        if subprotocol is not None:
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        protocol.send_response(response)
        self._flush()
        if protocol.state is not OPEN:
            self.let_go()
            self._transport.close()
        return protocol.state is OPEN

    def let_go(self) -> None:
        """See :class:`~bargein.gateway.caller_transport.CallerTransport`."""
        self._liveness.stop()
        self._protocol.let_go()

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        """Parse what is little at once, and the rest piece by piece."""
        if self._waits or len(data) > self._piece_bytes:
            self._unparsed += data
            self._wait()
        else:
            self._parse(data)

    def _read_on(self) -> bool:
        unparsed, size = self._unparsed, self._piece_bytes
        if not unparsed:
            return False
        piece = bytes(unparsed[:size])
        del unparsed[:size]
        self._parse(piece)
        return True

    def _parse(self, data: bytes) -> None:
        """Feed the protocol, answer for it, and hand on what it found."""
        protocol = self._protocol
        protocol.receive_data(data)
        if protocol.writes:
            self._flush()
        frames = protocol.events_received()
        for frame in frames:
            self._receive(frame)  # type: ignore[arg-type]
        self._parsed(len(frames))
        if protocol.close_expected():
            self._close_in_time()

    def eof_received(self) -> None:
        """The caller sends no more: with or without a close frame, the connection is over."""
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        try:
            self._protocol.receive_eof()
        finally:  # Whatever became of its parser, a session does not outlive its connection.
            self.let_go()
            self._unparsed.clear()
            self._timers.cancel(self)
            self._gone()

    def _receive(self, frame: Frame) -> None:
        self._count(len(frame.data))
        if self._closed_by_us is not None:
            return
        self._liveness.heard = True
        opcode = frame.opcode
        payload = frame.data if type(frame.data) is bytes else bytes(frame.data)
        if len(payload) > LARGE_BYTES:
            frame.data = b""  # The parser keeps the frame until the next one comes.
        try:
            if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
                if frame.fin:
                    self._message(payload, text=opcode is Opcode.TEXT)
                else:
                    self._fragment(payload, fin=False, text=opcode is Opcode.TEXT)
            elif opcode is Opcode.CONT:
                self._fragment(payload, fin=frame.fin, text=None)
            elif opcode is Opcode.PING:
                self._take_ping()
            elif opcode is Opcode.CLOSE:
                received = self._protocol.close_rcvd
                self._closed_by_caller = (1005, "") if received is None else (int(received.code), received.reason)
                self._gone()
        except CallerGone as gone:
            self._fail(gone.code, gone.reason)

    def _flush_message(self, byte_count: int) -> None:
        self._traffic.messages_out += 1
        self._traffic.bytes_out += byte_count
        self._sent_bytes += byte_count
        for data in self._protocol.data_to_send():
            self._out.write(data)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._out.write(data)
            else:
                self._out.write_eof()

    def _ping(self) -> None:
        if self._protocol.state is not CLOSED:
            self._protocol.send_ping(b"")
            self._flush()


def _nothing(code: int, reason: str) -> None:
    pass
