"""How long a read may take, at next to no cost per read. Time in which this process did not run does not count."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from bargein.loop.lateness import lateness_of


class Patience:
    """A deadline that every read moves on. ``asyncio.timeout`` would set and cancel a timer of the event loop for each
    of a stream's reads; here the timer finds out, when it comes, that there is more time by now.

    :param on_lost: called when a read has taken too long; it must make that read end.
    """

    __slots__ = ("_deadline", "_lateness", "_loop", "_lost_s", "_on_lost", "_timer", "lost")

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._lateness = lateness_of(self._loop)
        self._lost_s = 0.0
        self._on_lost = on_lost
        self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self.lost = False
        """A read has taken too long."""

    def begin(self, limit_s: float) -> None:
        """A read begins that may take so long."""
        self._deadline = self._loop.time() + limit_s
        self._lost_s = self._lateness.known_lost_s
        if self._timer is None or self._timer.when() > self._deadline:
            self._set()

    @property
    def left_s(self) -> float:
        """How long the read that has begun may still take."""
        return self._deadline - self._loop.time() + self._lateness.known_lost_s - self._lost_s

    def end(self) -> None:
        """The read is over; nothing is waited for until the next one."""
        self._deadline = math.inf

    def close(self) -> None:
        """No read will follow."""
        self._deadline = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline == math.inf:
            return
        lost_s = self._lateness.lost_s()
        self._deadline += lost_s - self._lost_s
        self._lost_s = lost_s
        if self._loop.time() < self._deadline:
            self._set()
        else:
            self.lost = True
            self._on_lost()
