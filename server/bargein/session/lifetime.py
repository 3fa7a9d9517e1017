"""How long a session may last, and how long nothing may happen in it."""

from __future__ import annotations

from collections.abc import Callable

from bargein.session.setup import SessionLimits
from bargein.session.timers import Timers


class Lifetime:
    """Counts one session's age and its idle time."""

    def __init__(self, timers: Timers, limits: SessionLimits) -> None:
        self._timers = timers
        self._limits = limits
        self._is_busy: Callable[[], bool] = _nobody_is
        self._on_expired: Callable[[], None] = _nobody_asks
        self._on_idle: Callable[[], None] = _nobody_asks
        self.last_message_at = timers.clock.now()
        """When the caller last sent anything; the session keeps it."""
        self._lost_s = timers.lost_s
        """How long the process had stood still at the last check: what came since is not the caller's idleness."""

    def begin(
        self, *, is_busy: Callable[[], bool], on_expired: Callable[[], None], on_idle: Callable[[], None]
    ) -> None:
        """
        :param is_busy: a response is on; a caller who listens is not idle.
        :param on_expired: called once, when the session has reached its greatest age.
        :param on_idle: called once, when nothing has come for too long.
        """
        self._is_busy = is_busy
        self._on_expired = on_expired
        self._on_idle = on_idle

    def start(self) -> None:
        now = self._timers.clock.now()
        self._timers.schedule((self, "age"), now + self._limits.max_session_s, self._on_expired)
        self._timers.wait((self, "idle"), self._limits.idle_s, self._check_idle)

    def stop(self) -> None:
        """Count no longer, and know nobody any more."""
        self._timers.cancel((self, "age"))
        self._timers.cancel((self, "idle"))
        self._is_busy = _nobody_is
        self._on_expired = self._on_idle = _nobody_asks

    def _check_idle(self) -> None:
        lost_s, lost_before_s = self._timers.lost_s, self._lost_s
        self._lost_s = lost_s
        left_s = self.last_message_at + self._limits.idle_s + lost_s - lost_before_s - self._timers.clock.now()
        if self._is_busy():
            left_s = self._limits.idle_s
        if left_s > 0:
            self._timers.wait((self, "idle"), left_s, self._check_idle)
        else:
            self._on_idle()


def _nobody_is() -> bool:
    return False


def _nobody_asks() -> None:
    pass
