"""How much a caller may send: control messages, mistakes, and sound faster than it can be spoken."""

from __future__ import annotations

from bargein.errors import CallerGone
from bargein.session.setup import SessionLimits

SOUND_BURST_S = 300.0
"""Sound that may be sent ahead of real time, as by a caller who pushes a whole recording."""


class Allowance:
    """A token bucket: ``burst`` at once, ``per_s`` over time."""

    __slots__ = ("_at", "_burst", "_left", "_per_s")

    def __init__(self, per_s: float, burst: float, now: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Whether ``amount`` may be taken now; if so, it is."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True


class CallerLimits:
    """The allowances of one caller. Every method raises :class:`CallerGone` when one is used up."""

    def __init__(self, limits: SessionLimits, now: float) -> None:
        self._control = Allowance(limits.control_messages_per_s, limits.control_burst, now)
        self._mistakes = Allowance(limits.bad_messages / limits.bad_messages_s, limits.bad_messages, now)
        self._sound = Allowance(1.0, SOUND_BURST_S, now)

    def control(self, now: float) -> None:
        """A message that is not sound."""
        if not self._control.take(1, now):
            raise CallerGone(4429, "too many control messages: send no more than the server's rate allows")

    def mistake(self, now: float) -> None:
        """A message that was refused."""
        if not self._mistakes.take(1, now):
            raise CallerGone(1008, "too many messages in error")

    def sound(self, duration_s: float, now: float) -> None:
        """Sound was sent."""
        if not self._sound.take(duration_s, now):
            raise CallerGone(4429, "sound came faster than it can be spoken, for too long")
