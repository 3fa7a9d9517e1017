"""A caller's socket on ``picows``: frames in C, for more callers per core.

It shares uvicorn's port: picows' protocol object is given the connection and the request's head, as if it had accepted
the connection itself.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Final

from picows import (
    WSAutoPingStrategy,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from bargein.errors import CallerGone
from bargein.gateway.caller_socket import CallerSocket
from bargein.gateway.caller_transport import TransportContext
from bargein.gateway.fed_protocols import BufferFedProtocol
from bargein.gateway.handshake import Handshake
from bargein.gateway.intake import PIECE_BYTES
from bargein.gateway.memory import give_back
from bargein.gateway.messages import cut_reason, parse_close, too_big
from bargein.gateway.picows_listener import FrameListener, ParserLog

READ_BUFFER_BYTES: Final = 4096
"""To begin with; it grows to the largest message."""
COPIED_BYTES: Final = 8192
"""Up to here picows copies a message behind its header. Beyond, it would lend its header buffer to the event loop and
write the next header over it before uvloop has sent the first; so a larger message brings room for its header.
"""
HEADER_BYTES: Final = 14
PASS_BYTES: Final = 65_536
"""Read without a pause in which others have their turn."""
HASTE_S: Final = 0.1
"""Whose allowances are due again so soon brings a recording, or many frames that are small."""

_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY
_CONTINUATION: Final = WSMsgType.CONTINUATION
_PING: Final = WSMsgType.PING
_CLOSE: Final = WSMsgType.CLOSE


class PicowsTransport(CallerSocket):
    """A :class:`~bargein.gateway.caller_transport.CallerTransport` on ``picows``."""

    def __init__(self, context: TransportContext, transport: asyncio.Transport) -> None:
        super().__init__(context, transport)
        self._max_message_bytes = context.max_message_bytes
        self._too_big = too_big(context.max_message_bytes)
        self._subprotocol: str | None = None
        self._accepted = False
        self._taken = 0
        """Frames so far."""
        self._run_bytes = 0
        self._in_pieces = False
        """What is read comes by way of us."""
        self._settled_at = -math.inf
        self._websocket: WSTransport
        self._listener = FrameListener(self)
        self._parser_log = ParserLog(self.parser_failed)
        self._protocol: Any = None

    @property
    def asyncio_protocol(self) -> asyncio.BaseProtocol:
        """That of picows itself, at first: its buffer is small, and to fill it takes no detour for each frame."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def send_text(self, message: bytes) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        self._send(_TEXT, message)

    def send_long_text(self, pieces: Sequence[bytes]) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        websocket = self._websocket
        if not websocket.is_close_frame_sent and not websocket.is_disconnected:
            self._count_sent(self._write_frame(pieces))

    def send_binary(self, message: bytes) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        self._send(_BINARY, message)

    def close(self, code: int, reason: str) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        websocket = self._websocket
        if not websocket.is_close_frame_sent and not websocket.is_disconnected:
            self._closed_by_us = (code, reason)
            websocket.send_close(code, cut_reason(reason).encode())  # type: ignore[arg-type]
            self._close_in_time()

    def accept(self, handshake: Handshake, subprotocol: str | None) -> bool:
        """See :class:`~bargein.gateway.caller_transport.CallerTransport`."""
        self._subprotocol = subprotocol
        self._protocol = WSProtocol(
            None,
            None,
            False,
            self._respond,
            self._parser_log,
            True,
            None,
            False,
            0,
            0,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,
            self._max_message_bytes,
            None,
            READ_BUFFER_BYTES,
        )
        self._protocol.connection_made(self._out)
        self._websocket = self._protocol.transport
        self.data_received(handshake.minimal_head())
        if not self._accepted:
            self.let_go()
        return self._accepted

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the event loop is to put what it reads: picows' own buffer."""
        room: memoryview = self._protocol.get_buffer(sizehint)
        return room if len(room) <= self._piece_bytes else room[: self._piece_bytes]

    def buffer_updated(self, nbytes: int) -> None:
        """So much was read. The event loop goes on reading while there is more, up to 32 times."""
        before = self._taken
        self._protocol.buffer_updated(nbytes)
        self._parsed(self._taken - before)
        if nbytes < self._piece_bytes:
            self._run_bytes = 0
            return
        self._run_bytes += nbytes
        if self._run_bytes >= PASS_BYTES or self._piece_bytes < PIECE_BYTES:
            self._run_bytes = 0
            self._wait()

    def data_received(self, data: bytes) -> None:
        """See :class:`~bargein.gateway.caller_transport.CallerTransport`."""
        rest = memoryview(data)
        while rest:
            room = self._protocol.get_buffer(-1)
            count = min(len(room), len(rest))
            room[:count] = rest[:count]
            rest = rest[count:]
            self._protocol.buffer_updated(count)

    def eof_received(self) -> bool | None:
        """See :class:`~bargein.gateway.caller_transport.CallerTransport`."""
        return bool(self._protocol.eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`~bargein.gateway.caller_transport.CallerTransport`."""
        self._protocol.connection_lost(exc)
        self.let_go()

    def let_go(self) -> None:
        """Picows calls this no more: such circles would keep its read buffer, as large as the largest message, until
        the garbage collector comes.
        """
        self._liveness.stop()
        self._listener.let_go()
        self._parser_log.let_go()

    def _settle(self) -> None:
        """See :class:`~bargein.gateway.intake.Intake`. Who sends much at once is read in pieces from then on."""
        super()._settle()
        now = self._timers.clock.now()
        hasty = now - self._settled_at < HASTE_S and self._is_attached and not self._in_pieces
        if hasty and not self._transport.is_closing():
            self._in_pieces = True
            self._transport.set_protocol(BufferFedProtocol(self))
        self._settled_at = now

    # What picows calls, through the listener.

    def opened(self) -> None:
        """The response to the handshake is out."""
        self._accepted = True

    def take(self, transport: WSTransport, frame: Any) -> None:  # noqa: ANN401
        """Hand on one ``WSFrame``. Its flags are numbers, whatever the type information of picows says."""
        self._taken += 1
        self._count(frame.payload_size)
        if frame.last_in_buffer:
            self._end_piece()
        if self._closed_by_us is not None:
            if frame.msg_type == _CLOSE:
                transport.disconnect()
            return
        self._liveness.heard = True
        kind = frame.msg_type
        try:
            if frame.rsv1 or frame.rsv2 or frame.rsv3:
                raise CallerGone(1002, "A reserved bit is set.")  # noqa: TRY301
            if kind in (_TEXT, _BINARY):
                if frame.fin:
                    self._message(frame.get_payload_as_bytes(), text=kind == _TEXT)
                else:
                    self._fragment(frame.get_payload_as_bytes(), fin=False, text=kind == _TEXT)
            elif kind == _CONTINUATION:
                self._fragment(frame.get_payload_as_bytes(), fin=bool(frame.fin), text=None)
            elif kind == _PING:
                self._take_ping()
                transport.send_pong(frame.get_payload_as_bytes())
            elif kind == _CLOSE:
                self._answer_close(frame.get_payload_as_bytes())
        except CallerGone as gone:
            self._fail(gone.code, gone.reason)

    def gone(self) -> None:
        """The socket is gone."""
        self._timers.cancel(self)
        self._gone()
        self.let_go()

    def parser_failed(self, code: int, reason: str) -> None:
        """What came is no WebSocket frame."""
        self._fail(code, self._too_big if code == 1009 else reason)

    def _respond(self, _: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        headers = {} if self._subprotocol is None else {"Sec-WebSocket-Protocol": self._subprotocol}
        response = WSUpgradeResponse.create_101_response(extra_headers=headers)
        return WSUpgradeResponseWithListener(response, self._listener)

    def _send(self, kind: WSMsgType, message: bytes) -> None:
        websocket = self._websocket
        if websocket.is_close_frame_sent or websocket.is_disconnected:
            return
        self._count_sent(len(message))
        if len(message) <= COPIED_BYTES:
            websocket.send(kind, message)
        else:
            websocket.send_reuse_external_bytearray(kind, bytearray(HEADER_BYTES) + message, HEADER_BYTES)

    def _count_sent(self, byte_count: int) -> None:
        self._traffic.messages_out += 1
        self._traffic.bytes_out += byte_count
        self._sent_bytes += byte_count

    def _answer_close(self, payload: bytes) -> None:
        self._closed_by_caller = parse_close(payload)
        self._gone()
        self._websocket.send_close(self._closed_by_caller[0] if payload else 1000)  # type: ignore[arg-type]
        self._websocket.disconnect()
        self._close_in_time()

    def _ping(self) -> None:
        self._websocket.send_ping()
        # picows' read buffer grows with what comes at once, up to a message, and never shrinks.
        give_back(self._protocol.get_buffer(-1))
