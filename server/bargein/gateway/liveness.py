"""Whether the other end of a connection is still there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bargein.session.timers import Timers

PING_INTERVAL_S: Final = 10.0
PING_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 3.0
"""Ping, timeout and close together: a dead peer is gone within 23 s."""


class Liveness:
    """Pings a peer in time, and tells when it has not been heard since.

    :param ping: sends a ping frame.
    :param dead: is called once when nothing at all was heard within :data:`PING_TIMEOUT_S` of a ping.
    """

    __slots__ = ("_dead", "_ping", "_timers", "heard")

    def __init__(self, timers: Timers, ping: Callable[[], None], dead: Callable[[], None]) -> None:
        self._timers = timers
        self._ping = ping
        self._dead = dead
        self.heard = True
        """Something came from the peer since the last ping; the transport sets it."""

    def start(self) -> None:
        self._schedule(PING_INTERVAL_S, self._send)

    def stop(self) -> None:
        """End it, for good. It lets go of whom it calls, who would else wait with it for the garbage collector."""
        self._timers.cancel(self)
        self._ping = self._dead = _nothing

    def _send(self) -> None:
        self.heard = False
        self._schedule(PING_TIMEOUT_S, self._judge)
        self._ping()

    def _judge(self) -> None:
        if self.heard:
            self._send()
        else:
            self._dead()

    def _schedule(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._timers.wait(self, delay_s, callback)


def _nothing() -> None:
    pass
