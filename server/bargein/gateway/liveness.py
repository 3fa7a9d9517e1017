"""Whether the other end of a connection is still there, and whether it pings too much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bargein.errors import CallerGone
from bargein.session.timers import Clock, Timers

PING_INTERVAL_S: Final = 10.0
PING_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 3.0
"""Ping, timeout and close together: a dead peer is gone within 23 s."""


class Liveness:
    """Pings a peer in time, and tells when it has not been heard since.

    :param ping: sends a ping frame.
    :param dead: is called once when nothing at all was heard within :data:`PING_TIMEOUT_S` of a ping.
    """

    __slots__ = ("_dead", "_heard", "_ping", "_timers")

    def __init__(self, timers: Timers, ping: Callable[[], None], dead: Callable[[], None]) -> None:
        self._timers = timers
        self._ping = ping
        self._dead = dead
        self._heard = True

    def start(self) -> None:
        self._schedule(PING_INTERVAL_S, self._send)

    def heard(self) -> None:
        """Something came from the peer."""
        self._heard = True

    def stop(self) -> None:
        self._timers.cancel(self)

    def _send(self) -> None:
        self._heard = False
        self._schedule(PING_TIMEOUT_S, self._judge)
        self._ping()

    def _judge(self) -> None:
        if self._heard:
            self._send()
        else:
            self._dead()

    def _schedule(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._timers.schedule(self, self._timers.clock.now() + delay_s, callback)


class PingAllowance:
    """A token bucket for the pings of one caller: the library answers every one, and 51,000 of them cost 0.3 s of CPU.

    :param per_s: pings a second that are fine for ever.
    :param burst: pings that are fine at once.
    """

    __slots__ = ("_burst", "_clock", "_left", "_per_s", "_updated_s")

    def __init__(self, clock: Clock, per_s: float, burst: float) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._updated_s = clock.now()

    def take(self) -> None:
        """Count one ping.

        :raises CallerGone: it is one too many.
        """
        now_s = self._clock.now()
        self._left = min(self._burst, self._left + (now_s - self._updated_s) * self._per_s) - 1
        self._updated_s = now_s
        if self._left < 0:
            raise CallerGone(1008, "Too many pings (BARGEIN_PINGS_PER_S).")
