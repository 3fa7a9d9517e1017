"""How much of something a caller may use over time."""

from __future__ import annotations

from typing import Final

ROUNDING_S: Final = 1e-6
"""Times are floats: the last of a burst must not be refused for their rounding."""


class Allowance:
    """``burst`` at once, ``per_s`` over time. A token bucket, kept as the time at which it will be full again (the
    virtual scheduling of ITU-T I.371, annex A): one number.
    """

    __slots__ = ("_burst_s", "_full_at", "_s_each")

    def __init__(self, per_s: float, burst: float) -> None:
        self._s_each = 1 / per_s
        self._burst_s = burst / per_s + ROUNDING_S
        self._full_at = 0.0

    def take(self, amount: float, now: float) -> bool:
        """Whether ``amount`` may be taken now; if so, it is."""
        full_at = max(now, self._full_at)
        full_at += amount * self._s_each
        if full_at - now > self._burst_s:
            return False
        self._full_at = full_at
        return True

    def spend(self, amount: float, now: float) -> float:
        """Take what was used already, allowed or not. Returns in how many seconds it will have been allowed."""
        self._full_at = max(now, self._full_at) + amount * self._s_each
        return max(0.0, self._full_at - now - self._burst_s)

    def forgive(self, duration_s: float) -> None:
        """What was used in the last ``duration_s`` came late through no fault of the caller's: it counts as if it had
        come in time.
        """
        self._full_at -= duration_s
