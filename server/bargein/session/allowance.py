"""How much of something a caller may use over time."""

from __future__ import annotations

from typing import Final

ROUNDING_S: Final = 1e-6
"""Times are floats: the last of a burst must not be refused for their rounding."""


class Allowance:
    """``burst`` at once, ``per_s`` over time. A token bucket, kept as the time at which it will be full again (the
    virtual scheduling of ITU-T I.371, annex A): one number.
    """

    __slots__ = ("_burst_s", "_forgiven_s", "_full_at", "_s_each")

    def __init__(self, per_s: float, burst: float) -> None:
        self._s_each = 1 / per_s
        self._burst_s = burst / per_s + ROUNDING_S
        self._full_at = 0.0
        self._forgiven_s = 0.0
        """What may be used beside, once. What waited during a stall is not seen all at once: it has to last."""

    def take(self, amount: float, now: float) -> bool:
        """Whether ``amount`` may be taken now; if so, it is."""
        full_at = max(now, self._full_at)
        full_at += amount * self._s_each
        over_s = full_at - now - self._burst_s
        if over_s > 0.0:
            if over_s > self._forgiven_s:
                return False
            self._forgiven_s -= over_s
            full_at -= over_s
        self._full_at = full_at
        return True

    def spend(self, amount: float, now: float) -> float:
        """Take what was used already, allowed or not. Returns in how many seconds it will have been allowed."""
        self._full_at = max(now, self._full_at) + amount * self._s_each
        over_s = self._full_at - now - self._burst_s
        if over_s > 0.0 and self._forgiven_s > 0.0:
            forgiven_s = min(over_s, self._forgiven_s)
            self._forgiven_s -= forgiven_s
            self._full_at -= forgiven_s
            over_s -= forgiven_s
        return max(0.0, over_s)

    def forgive(self, duration_s: float) -> None:
        """What comes now has waited for ``duration_s`` through no fault of the caller's: it counts as if it had come in
        time.
        """
        self._forgiven_s += duration_s
