"""Noticing a caller who does not read."""

from __future__ import annotations

from collections.abc import Callable

from bargein.errors import CallerGone
from bargein.session.connection import CallerConnection
from bargein.session.setup import SessionLimits
from bargein.session.timers import Timers


class BacklogWatch:
    """Ends a connection that takes nothing of what waits for it for too long, or lets too much wait.

    Pacing keeps the backlog small by itself: sound is sent no faster than it is heard. What grows it is a caller who
    stopped reading.
    """

    def __init__(
        self,
        connection: CallerConnection,
        limits: SessionLimits,
        timers: Timers,
        on_slow: Callable[[CallerGone], None],
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._timers = timers
        self._on_slow = on_slow
        self._sent_bytes = 0
        self._taken_bytes = 0
        self._watching = False

    def sent(self, byte_count: int) -> None:
        """A message of ``byte_count`` bytes was given to the connection."""
        self._sent_bytes += byte_count
        waiting = self._connection.backlog_bytes
        if waiting == 0 or self._watching:
            if waiting > self._limits.backlog_limit_bytes:
                self._give_up("too much waits to be read")
            return
        self._watching = True
        self._taken_bytes = self._sent_bytes - waiting
        self._schedule()

    def close(self) -> None:
        self._timers.cancel(self)

    def _check(self) -> None:
        waiting = self._connection.backlog_bytes
        taken = self._sent_bytes - waiting
        if waiting == 0:
            self._watching = False
        elif taken > self._taken_bytes:
            self._taken_bytes = taken
            self._schedule()
        else:
            self._give_up(f"nothing was read for {self._limits.slow_caller_s:g} s")

    def _schedule(self) -> None:
        self._timers.wait(self, self._limits.slow_caller_s, self._check)

    def _give_up(self, what: str) -> None:
        self._timers.cancel(self)
        self._on_slow(CallerGone(4408, f"too slow: {what}"))
