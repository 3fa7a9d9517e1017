"""uvicorn's HTTP protocol, with an end to requests that never arrive and to answers that are never read."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, Final

import h11
import structlog
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from bargein.gateway.descriptors import DescriptorRoom
from bargein.gateway.handshake import origin_form
from bargein.gateway.refusal import Refusal, log_refusal
from bargein.loop.chores import chores_of
from bargein.loop.patience import Patience

HEAD_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 30.0
"""For the peer to read what fills the transport's buffer."""
MAX_HEAD_BYTES: Final = 65_536
"""A token that carries a session travels in a header."""
NO_REQUEST: Final = Refusal(HTTPStatus.BAD_REQUEST, "This is no HTTP request (RFC 9112).", "invalid_http")
PIECE_BYTES: Final = 4096
"""Of what is read at once, so much is parsed at once: a chunk takes some ten microseconds, and six bytes can be one."""
BREAK_OFF: Final = "bargein.break_off"
"""An extension of the ASGI scope: a function that closes the connection without ending the answer."""

_log: Final = structlog.get_logger(__name__)


class PunctualH11Protocol(H11Protocol):
    """Closes a connection whose request's head is not there within :data:`HEAD_TIMEOUT_S`, and one whose peer does not
    read the answer within :data:`READ_TIMEOUT_S`.

    uvicorn counts from a response to the next byte only; a client that sends one byte a minute could hold a connection
    for ever (slowloris).
    """

    room: ClassVar[DescriptorRoom | None] = None
    since_s = 0.0
    """When it was accepted."""
    _head_wait: Patience | None = None
    _read_wait: Patience | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 (uvicorn's own)
        super().__init__(*arguments, **options)
        self.app = _with_break_off(self.app, weakref.ref(self))
        self._unparsed = bytearray()

    @staticmethod
    def open_sessions() -> int:
        """How many there are."""
        return 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head, if there is room for the connection."""
        super().connection_made(transport)
        self.since_s = self.loop.time()
        self._await_head()
        if self.room is not None and (lacking := self.room.lacking(self.open_sessions())):
            self._make_room(self.room, lacking)

    def data_received(self, data: bytes) -> None:
        """Parse what is little at once, and the rest piece by piece."""
        unparsed = self._unparsed
        if not unparsed and len(data) <= PIECE_BYTES:
            self._parse(data)
            return
        if not unparsed:
            chores_of(self.loop).add(self._parse_on)
        unparsed += data
        self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._unparsed.clear()
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for the peer to read."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """The peer has read."""
        super().resume_writing()
        if self._read_wait is not None:
            self._read_wait.close()
            self._read_wait = None

    def on_response_complete(self) -> None:
        """What the kernel has not taken yet is to be read in time too: until then, closing does not close."""
        super().on_response_complete()
        self._await_reader()

    def break_off(self) -> None:
        """Send what is written, then close. The rest of the answer is dropped without a word."""
        self._drop_answer()
        self.transport.close()
        self._await_reader()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, if an answer is still possible, and close."""
        log_refusal(_log, "request refused", NO_REQUEST, address=self.client[0] if self.client else "", headers={})
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            body = NO_REQUEST.body()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event))
        self._drop_answer()
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Somebody asks for HTTP/2 and will take HTTP/1.1: that is nothing to warn of."""

    def _drop_answer(self) -> None:
        """What a request that is being answered still sends goes nowhere."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def _make_room(self, room: DescriptorRoom, lacking: int) -> None:
        """Close the connections that ask for nothing for the longest, then those that have begun to: sessions need the
        room. This one, where there are no others and no room at all.
        """
        others = [one for one in self.connections if isinstance(one, PunctualH11Protocol) and one is not self]
        lacking -= sum(one.transport.is_closing() for one in others)
        waiting = [one for one in others if one.awaits_peer and not one.transport.is_closing()]
        waiting.sort(key=lambda one: (not one.idle, one.since_s))
        for one in waiting[: max(0, lacking)]:
            one.transport.abort()
        if not waiting and not room.for_connection():
            self.transport.abort()

    @property
    def idle(self) -> bool:
        """No request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _parse(self, data: bytes) -> None:
        """Wait for a head wherever no request is being answered."""
        if self._head_wait is None and self.idle:
            self._await_head()
        super().data_received(data)
        if not self.idle or self.transport.get_protocol() is not self:
            self._stop_waiting()

    def _parse_on(self) -> bool:
        unparsed, transport = self._unparsed, self.transport
        if transport.is_closing() or transport.get_protocol() is not self:
            unparsed.clear()
        if unparsed:
            # A body whose length is known is no work, however long.
            in_pieces = self.idle or any(name == b"transfer-encoding" for name, _ in self.headers)
            piece = bytes(unparsed[:PIECE_BYTES] if in_pieces else unparsed)
            del unparsed[: len(piece)]
            self._parse(piece)
        if unparsed:
            return True
        if transport.get_protocol() is self and not transport.is_closing() and not self.flow.read_paused:
            transport.resume_reading()
        return False

    @property
    def awaits_peer(self) -> bool:
        """No request has arrived that is not answered yet: not the whole of one."""
        return self.idle or self.cycle.more_body

    def _await_head(self) -> None:
        self._head_wait = Patience(self._too_late)
        self._head_wait.begin(HEAD_TIMEOUT_S)

    def _stop_waiting(self) -> None:
        if self._head_wait is not None:
            self._head_wait.close()
            self._head_wait = None

    def _await_reader(self) -> None:
        if self._read_wait is None and self.transport.get_write_buffer_size():
            self._read_wait = Patience(self._not_read)
            self._read_wait.begin(READ_TIMEOUT_S)

    def _not_read(self) -> None:
        self._read_wait = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _too_late(self) -> None:
        self._head_wait = None
        if self.idle and not self.transport.is_closing():
            self.transport.abort()


def punctual_protocol(
    descriptor_room: DescriptorRoom | None = None, count_sessions: Callable[[], int] = int
) -> type[PunctualH11Protocol]:
    """What uvicorn's ``Config(http=...)`` wants.

    :param count_sessions: how many are open.
    """

    class BoundH11Protocol(PunctualH11Protocol):
        room = descriptor_room

        @staticmethod
        def open_sessions() -> int:
            return count_sessions()

    return BoundH11Protocol


def _with_break_off(app: Any, protocol: weakref.ref[PunctualH11Protocol]) -> Any:  # noqa: ANN401 (uvicorn's types)
    """``app``, with :data:`BREAK_OFF` and the paths that it knows. It does not hold on to what holds on to it."""

    def break_off() -> None:
        connection = protocol()
        if connection is not None:
            connection.break_off()

    async def extended(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = origin_form(scope["path"])
        scope["extensions"] = scope.get("extensions", {}) | {BREAK_OFF: break_off}
        await app(scope, receive, send)

    return extended
