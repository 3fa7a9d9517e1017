"""Noticing a caller who does not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bargein.errors import CallerGone
from bargein.session.connection import CallerConnection
from bargein.session.setup import SessionLimits
from bargein.session.timers import Timers

LEAST_SHARE: Final = 24
"""Who leaves more unread than the limit has to take this part of it each time that is looked."""


class BacklogWatch:
    """Ends a connection that takes nothing of what waits for it for too long; or, where more than the limit waits, too
    little.

    How much waits says nothing by itself: a long item is there at once, however fast its caller reads. Pacing keeps the
    backlog small otherwise, for sound is sent no faster than it is heard.
    """

    def __init__(
        self,
        connection: CallerConnection,
        limits: SessionLimits,
        timers: Timers,
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._timers = timers
        self._on_slow: Callable[[CallerGone], None] = _nobody_asks
        self._sent_bytes = 0
        self._taken_bytes = 0
        self._waiting_bytes = 0
        self._watching = False

    def begin(self, on_slow: Callable[[CallerGone], None]) -> None:
        """``on_slow`` is called once, when the caller is too slow."""
        self._on_slow = on_slow

    def sent(self, byte_count: int) -> None:
        """A message of ``byte_count`` bytes was given to the connection."""
        self._sent_bytes += byte_count
        if self._watching:
            return
        waiting = self._connection.backlog_bytes
        if waiting:
            self._watching = True
            self._look(waiting)

    def close(self) -> None:
        """Watch no longer, and know nobody any more."""
        self._timers.cancel(self)
        self._on_slow = _nobody_asks

    def _check(self) -> None:
        waiting = self._connection.backlog_bytes
        taken = self._sent_bytes - waiting - self._taken_bytes
        least = self._waiting_bytes // LEAST_SHARE if waiting > self._limits.backlog_limit_bytes else 1
        if waiting == 0:
            self._watching = False
        elif taken >= least:
            self._look(waiting)
        else:
            what = f"only {taken} of {self._waiting_bytes} bytes were read in" if taken > 0 else "nothing was read for"
            self._timers.cancel(self)
            self._on_slow(CallerGone(4408, f"too slow: {what} {self._limits.slow_caller_s:g} s"))

    def _look(self, waiting: int) -> None:
        """Begin to count what is taken from now on."""
        self._taken_bytes = self._sent_bytes - waiting
        self._waiting_bytes = waiting
        self._timers.wait(self, self._limits.slow_caller_s, self._check)


def _nobody_asks(_: CallerGone) -> None:
    pass
