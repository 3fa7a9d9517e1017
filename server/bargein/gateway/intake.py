"""What one caller may bring at once: one allowance for all that it sends and for what it is answered.

Whatever is read is handed to the session at once, as long as that is little. What is more is dealt with in pieces, in
turn with other callers' (:mod:`bargein.loop.chores`), and meanwhile the socket is not read: TCP holds the caller back.
So is who has used its allowance up, for as long as it takes to be within it again; and who has to be held back for too
long in all is closed with 4429.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from time import perf_counter
from typing import Final

from bargein.gateway.caller_session import CallerSession
from bargein.gateway.caller_transport import TransportContext
from bargein.gateway.outflow import Outflow
from bargein.loop.chores import PASS_S
from bargein.session.allowance import Allowance

FRAMES_BURST_S: Final = 30.0
"""A recording that is uploaded in pieces of 10 ms, or a minute of them that a bad network held back."""
BYTES_BURST_S: Final = 64.0
"""A recording as long as sound may come ahead of time (300 s), as base64, and half as much again."""
HELD_LIMIT_S: Final = 5.0
"""So long in all may a caller be held back, and a tenth of the time from then on."""
HELD_SHARE: Final = 0.1
SHORTEST_HOLD_S: Final = 0.02
RETRY_AFTER_S: Final = 5
SETTLE_FRAMES: Final = 64
SETTLE_BYTES: Final = 65_536
"""The allowances are looked at after so much: not at every frame, for that would cost one in fifty of its time."""

PIECE_BYTES: Final = 8192
"""Of what is read at once, so much is parsed in the callback that read it: a frame of sound is less."""
SMALLEST_PIECE_BYTES: Final = 512
MANY_FRAMES: Final = 64
"""In one piece. A frame takes some ten microseconds (``websockets``) or one (``picows``), however small it is: who
sends many has less parsed at once.
"""


class Intake:
    """The receiving half of a connection, between the library that parses frames and the session.

    A transport counts every frame with :meth:`_count`, and gives what the last group names.
    """

    def __init__(self, context: TransportContext, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._out = Outflow(transport, context.chores)
        self._timers = context.timers
        self._chores = context.chores
        self._session: CallerSession | None = None
        self._frames = 0
        self._bytes = 0
        self._sent_bytes = 0
        """All that was sent; what a message brings back is charged to it."""
        self._frame_allowance = Allowance(context.frames_per_s, FRAMES_BURST_S * context.frames_per_s)
        self._byte_allowance = Allowance(context.bytes_per_s, BYTES_BURST_S * context.bytes_per_s)
        self._held_allowance = Allowance(HELD_SHARE, HELD_LIMIT_S)
        self._unread_limit_bytes = context.unread_limit_bytes
        self._lost_s = context.timers.lost_s
        self.held_until = 0.0
        """Nothing more is read of the caller until then, in seconds on the timers' clock; 0 before it was held back."""
        self._settled_frames = 0
        self._piece_bytes = PIECE_BYTES
        """So much is parsed at once."""
        self._waits = False
        """What is read waits its turn: a message is being dealt with in pieces, or the caller is held back."""
        self._is_unfinished = False
        self._given = 0
        """Messages of the piece that is being parsed."""
        self._second_at_s = 0.0
        """When the second of them was given: few pieces hold more than one, and need no look at a clock."""
        self._messages: deque[tuple[bytes, bool]] = deque()
        """Whole ones that wait, and whether they are text."""
        self._is_attached = False

    @property
    def frames_in(self) -> int:
        """How many frames have come, of any kind."""
        return self._settled_frames + self._frames

    def attached(self) -> None:
        """The event loop feeds this connection from now on, if it is read at all. Call with its reading paused."""
        self._is_attached = True
        self._out.limit()
        if not self._waits:
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """For the event loop: much waits to be sent."""
        self._out.pause()
        if self._session is not None:
            self._session.writable(False)

    def resume_writing(self) -> None:
        """For the event loop: there is room again."""
        self._out.resume()
        if self._session is not None:
            self._session.writable(True)

    def hold_back(self, duration_s: float, what: str) -> None:
        """See :class:`~bargein.session.connection.CallerConnection`."""
        now = self._timers.clock.now()
        until = now + max(duration_s, SHORTEST_HOLD_S)
        longer_s = until - max(now, self.held_until)
        if longer_s > 0.0:
            self.held_until = until
            if self._held_allowance.spend(longer_s, now) > 0.0:
                self._fail(4429, what, max(RETRY_AFTER_S, math.ceil(duration_s)))
        self._wait()

    # For transports.

    def _count(self, frame_bytes: int) -> None:
        """A frame came."""
        self._frames += 1
        self._bytes += frame_bytes
        if self._frames >= SETTLE_FRAMES or self._bytes >= SETTLE_BYTES:
            self._settle()

    def _end_piece(self) -> None:
        """No other frame of the piece that is being parsed is whole: what comes next has been read later."""
        self._given = 0

    def _parsed(self, frames: int) -> None:
        """A piece of what was read held so many frames."""
        self._end_piece()
        if frames > MANY_FRAMES:
            self._piece_bytes = max(SMALLEST_PIECE_BYTES, self._piece_bytes // 4)
        elif self._piece_bytes < PIECE_BYTES:
            self._piece_bytes += SMALLEST_PIECE_BYTES

    def _hand_on(self, message: bytes, *, text: bool) -> None:
        """A whole message is there, which is valid UTF-8 if it is text."""
        if not self._waits:
            self._given += 1
            if self._given == 2:
                self._second_at_s = perf_counter()
            elif self._given > 2 and perf_counter() - self._second_at_s > PASS_S:
                self._wait()
        if self._waits:
            self._messages.append((message, text))
        else:
            self._give(message, text)
            if self._is_unfinished:
                self._wait()

    def _wait(self) -> None:
        """Read no more for now, and go on with what there is piece by piece."""
        if not self._waits:
            self._waits = True
            if self._is_attached and not self._transport.is_closing():
                self._transport.pause_reading()
            self._chores.add(self._work)

    def _let_wait_no_more(self) -> None:
        """The connection is gone."""
        self._timers.cancel((self, "held"))
        self._messages.clear()
        self._out.let_go()

    # Inside.

    def _give(self, message: bytes, text: bool) -> None:
        session = self._session
        if session is None:
            return
        sent_bytes = self._sent_bytes
        self._is_unfinished = session.receive_text(message) if text else session.receive_binary(message)
        if self._sent_bytes != sent_bytes:
            self._answered(self._sent_bytes - sent_bytes)

    def _answered(self, byte_count: int) -> None:
        """A message has brought so much back."""
        self._bytes += byte_count
        if self._bytes >= SETTLE_BYTES:
            self._settle()
        if byte_count >= SETTLE_BYTES and self._unread_bytes > self._unread_limit_bytes:
            self._wait()

    def _work(self) -> bool:
        """Do one piece of what waits; returns whether to be called again."""
        session = self._session
        if session is None:
            self._messages.clear()
            self._is_unfinished = False
        if self._is_unfinished and session is not None:
            sent_bytes = self._sent_bytes
            self._is_unfinished = session.work()
            if self._sent_bytes != sent_bytes:
                self._answered(self._sent_bytes - sent_bytes)
            return True
        now = self._timers.clock.now()
        if self._unread_bytes > self._unread_limit_bytes:
            self.held_until = now + SHORTEST_HOLD_S
        if now < self.held_until:
            self._timers.schedule((self, "held"), self.held_until, self._go_on)
            return False
        if self._messages:
            message, text = self._messages.popleft()
            self._give(message, text)
            return True
        if self._read_on():
            return True
        self._waits = False
        if self._is_attached and not self._transport.is_closing():
            self._transport.resume_reading()
        return False

    def _go_on(self) -> None:
        self._note_life()  # What the caller has answered to a ping was not read.
        self._chores.add(self._work)

    def _settle(self) -> None:
        """Charge what was used since the last time."""
        now = self._timers.clock.now()
        frames, self._frames = self._frames, 0
        self._settled_frames += frames
        byte_count, self._bytes = self._bytes, 0
        frames_over_s = self._frame_allowance.spend(frames, now)
        bytes_over_s = self._byte_allowance.spend(byte_count, now)
        if frames_over_s > 0.0 or bytes_over_s > 0.0:
            stalled_s = self._timers.lost_s - self._lost_s
            self._lost_s += stalled_s
            self._frame_allowance.forgive(stalled_s)
            self._byte_allowance.forgive(stalled_s)
            frames_over_s = self._frame_allowance.spend(0, now)
            bytes_over_s = self._byte_allowance.spend(0, now)
            if frames_over_s > 0.0:
                self.hold_back(frames_over_s, "too many frames for too long (BARGEIN_FRAMES_PER_S)")
            if bytes_over_s > 0.0:
                self.hold_back(bytes_over_s, "too many bytes, answers included, for too long (BARGEIN_BYTES_PER_S)")

    # What the transport, and what is common to all, give.

    @property
    def _unread_bytes(self) -> int:
        """What was sent and the kernel has not taken yet."""
        return self._out.get_write_buffer_size()

    def _note_life(self) -> None:
        """The caller is to be taken for alive."""
        raise NotImplementedError

    def _read_on(self) -> bool:
        """Feed the parser a piece of what was read, if anything is left of it; returns whether there was."""
        return False

    def _fail(self, code: int, reason: str, retry_after_s: int | None = None) -> None:
        """End the connection for what the caller did."""
        raise NotImplementedError
