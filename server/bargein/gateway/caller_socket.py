"""What every transport does alike: bounds, liveness, and one end for each connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bargein.errors import CallerGone
from bargein.gateway.caller_session import CallerSession
from bargein.gateway.caller_transport import TransportContext
from bargein.gateway.intake import Intake
from bargein.gateway.liveness import CLOSE_TIMEOUT_S, Liveness
from bargein.gateway.messages import Assembler, check_utf8, text_frame_header
from bargein.session.allowance import Allowance


class CallerSocket(Intake):
    """One caller's connection without the library that frames it.

    A transport derives from it, calls the methods of the second group for what it reads, and gives those of the last.
    """

    def __init__(self, context: TransportContext, transport: asyncio.Transport) -> None:
        super().__init__(context, transport)
        self._traffic = context.traffic
        self._assembler = Assembler(context.max_message_bytes)
        self._pings = Allowance(context.pings_per_s, 10 * context.pings_per_s)
        self._liveness = Liveness(context.timers, self._ping, self._dead)
        self._ended: Callable[[int], None] | None = None
        self._is_closing = False
        self._closed_by_us: tuple[int, str] | None = None
        self._closed_by_caller: tuple[int, str] = (1006, "")

    @property
    def backlog_bytes(self) -> int:
        return self._out.get_write_buffer_size()

    def start(self, session: CallerSession, ended: Callable[[int], None]) -> None:
        """See :class:`~bargein.gateway.caller_transport.CallerTransport`."""
        self._session = session
        self._ended = ended
        self._liveness.start()

    # What was read.

    def _message(self, payload: bytes, *, text: bool) -> None:
        """A message in one frame.

        :raises CallerGone: it may not come now, or is not UTF-8.
        """
        if self._assembler.joining:
            raise CallerGone(1002, "A new message began within a fragmented one.")
        self._traffic.messages_in += 1
        self._traffic.bytes_in += len(payload)
        if text and not payload.isascii():
            check_utf8(payload)
        self._hand_on(payload, text=text)

    def _fragment(self, payload: bytes, *, fin: bool, text: bool | None) -> None:
        """One frame of several; ``text`` is ``None`` for a continuation.

        :raises CallerGone: it may not come now, or the message passes its bounds.
        """
        if text is not None:
            self._assembler.begin(payload, text=text)
            return
        message = self._assembler.resume(payload, fin=fin)
        if message is not None:
            self._message(message, text=self._assembler.text)

    def _take_ping(self) -> None:
        """A ping, which the library answers: 51,000 of them cost 0.3 s of CPU."""
        over_s = self._pings.spend(1, self._timers.clock.now())
        if over_s > 0.0:
            self.hold_back(over_s, "too many pings for too long (BARGEIN_PINGS_PER_S)")

    def _fail(self, code: int, reason: str, retry_after_s: int | None = None) -> None:
        """End the connection for what the caller did: the session says why, then it is closed.

        :param retry_after_s: when the caller may come back.
        """
        if self._closed_by_us is not None:
            return
        if retry_after_s is not None:
            reason = f"{reason}; retry_after={retry_after_s}"
        if self._session is not None:
            self._session.close(code, reason, retry_after_s)
        self.close(code, reason)

    def _note_life(self) -> None:
        self._liveness.heard = True

    def _gone(self) -> None:
        """The connection is over. Tells the session the first time."""
        self._liveness.stop()
        self._let_wait_no_more()
        session, self._session = self._session, None
        ended, self._ended = self._ended, None
        if session is not None and ended is not None:
            code, reason = self._closed_by_us or self._closed_by_caller
            session.ended(code, reason)
            ended(code)

    def _write_frame(self, pieces: Sequence[bytes]) -> int:
        """Write a text message past the library, which would copy it as a whole; returns its size."""
        size = sum(map(len, pieces))
        self._out.write_long([text_frame_header(size), *pieces])
        return size

    def _close_in_time(self) -> None:
        """A closing handshake that the peer does not complete ends too: so long after it began."""
        if self._is_closing:
            return
        self._is_closing = True
        self._timers.wait(self, CLOSE_TIMEOUT_S, self._transport.abort)

    def _dead(self) -> None:
        self._closed_by_us = (1006, "No answer to a ping.")
        self._transport.abort()

    # What the transport gives.

    def close(self, code: int, reason: str) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        raise NotImplementedError

    def _ping(self) -> None:
        raise NotImplementedError
