"""How much a caller may send: control messages, and sound faster than it can be spoken."""

from __future__ import annotations

from typing import Final

from bargein.errors import CallerGone
from bargein.session.allowance import Allowance
from bargein.session.setup import SessionLimits
from bargein.session.timers import Timers

SOUND_BURST_S: Final = 300.0
"""Sound that may be sent ahead of real time, as by a caller who pushes a whole recording."""

RETRY_AFTER_S: Final = 5


class CallerLimits:
    """The allowances of one caller.

    What waited while the process stood still comes all at once when it runs again: that is forgiven.
    """

    def __init__(self, limits: SessionLimits, timers: Timers) -> None:
        self._timers = timers
        self._lost_s = timers.lost_s
        self._control = Allowance(limits.control_messages_per_s, limits.control_burst)
        self._sound = Allowance(1.0, SOUND_BURST_S)

    def control(self, now: float) -> float:
        """A message that is not sound. Returns for how long no other may come, in seconds."""
        over_s = self._control.spend(1, now)
        return self._control.spend(0, now) if over_s > 0.0 and self._forgiven() else over_s

    def sound(self, duration_s: float, now: float) -> None:
        """Sound was sent.

        :raises CallerGone: it was too much ahead of time.
        """
        if not self._sound.take(duration_s, now) and not (self._forgiven() and self._sound.take(duration_s, now)):
            reason = f"sound came faster than it can be spoken, for too long; retry_after={RETRY_AFTER_S}"
            raise CallerGone(4429, reason, RETRY_AFTER_S)

    def _forgiven(self) -> bool:
        """Whether there was a stall to be made good, which it is now."""
        stalled_s = self._timers.lost_s - self._lost_s
        self._lost_s += stalled_s
        for allowance in (self._control, self._sound):
            allowance.forgive(stalled_s)
        return stalled_s > 0.0
