"""How much a caller may send: control messages, mistakes, and sound faster than it can be spoken."""

from __future__ import annotations

from typing import Final

from bargein.errors import CallerGone
from bargein.session.setup import SessionLimits

SOUND_BURST_S: Final = 300.0
"""Sound that may be sent ahead of real time, as by a caller who pushes a whole recording."""


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


class CallerLimits:
    """The allowances of one caller. Every method raises :class:`CallerGone` when one is used up."""

    def __init__(self, limits: SessionLimits) -> None:
        self._control = Allowance(limits.control_messages_per_s, limits.control_burst)
        self._mistakes = Allowance(limits.bad_messages / limits.bad_messages_s, limits.bad_messages)
        self._sound = Allowance(1.0, SOUND_BURST_S)

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
