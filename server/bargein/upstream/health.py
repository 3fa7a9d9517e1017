"""Whether the model can be asked, from what turns and light questions find. No IO, and time is an argument.

What a single request gets wrong says nothing about the model. What everybody's request will meet does: a server that
is not there, a key that it does not take, a model that it does not know.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from bargein.errors import (
    AudioGone,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamTimedOut,
    UpstreamUnavailable,
)

Fault = Literal["unreachable", "key_refused", "forbidden", "not_found", "no_credit", "failing"]

STREAK: Final = 3
"""So many turns in a row must fail before a server that can be reached is taken for one that fails."""
STREAK_WITHIN_S: Final = 60.0
"""Failures that are further apart are not in a row: on a quiet server they may be of different days."""
HOLD_S: Final = 30.0
LONGEST_HOLD_S: Final = 600.0
"""How long turns that failed outweigh a light question that did not; twice as long each time that they fail again."""

_NOT_REACHED: Final = frozenset({"connect_failed", "connect_timeout", "tls_failed"})
_NO_CREDIT: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted"})
_BY_STATUS: Final[dict[int, Fault]] = {401: "key_refused", 402: "no_credit", 403: "forbidden", 404: "not_found"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the model cannot be asked.

    :ivar message: what was said of it, whole sentences without keys and addresses.
    """

    fault: Fault
    message: str
    since_s: float


class ModelHealth:
    """Keeps what is known.

    :param on_change: called with the trouble that begins or becomes another, and with ``None`` when it is over.
    """

    def __init__(self, on_change: Callable[[Trouble | None], None] = lambda _: None) -> None:
        self.trouble: Trouble | None = None
        self.good_at_s: float | None = None
        """When it was last seen to answer; and when somebody's turn was."""
        self.turn_at_s: float | None = None
        self.on_change = on_change
        self._failed_in_a_row = 0
        self._failed_at_s = -math.inf
        self._hold_s = HOLD_S
        self._held_until_s = 0.0

    def turn_succeeded(self, now_s: float) -> None:
        """The model has answered somebody."""
        self._failed_in_a_row = 0
        self._hold_s = HOLD_S
        self._held_until_s = 0.0
        self.turn_at_s = now_s
        self._good(now_s)

    def turn_failed(self, error: UpstreamError, now_s: float) -> None:
        """The model has not answered somebody."""
        if isinstance(error, UpstreamUnavailable | UpstreamTimedOut | UpstreamMalformed):
            recent = now_s - self._failed_at_s <= STREAK_WITHIN_S
            self._failed_in_a_row = self._failed_in_a_row + 1 if recent else 1
            self._failed_at_s = now_s
        fault = fault_of(error)
        if fault is None and self._failed_in_a_row >= STREAK:
            fault = "failing"
        if fault is None:
            return
        if now_s >= self._held_until_s and fault != "unreachable":
            self._held_until_s = now_s + self._hold_s
            self._hold_s = min(2 * self._hold_s, LONGEST_HOLD_S)
        self._bad(fault, error.message, now_s)

    def asked_well(self, now_s: float) -> None:
        """A light question was answered."""
        if now_s >= self._held_until_s:
            self._good(now_s)

    def asked_badly(self, error: UpstreamError, now_s: float) -> None:
        """A light question was not answered, or the answer was no."""
        self._bad(fault_of(error) or "failing", error.message, now_s)

    def _good(self, now_s: float) -> None:
        self.good_at_s = now_s
        if self.trouble is not None:
            self.trouble = None
            self.on_change(None)

    def _bad(self, fault: Fault, message: str, now_s: float) -> None:
        if self.trouble is None or self.trouble.fault != fault:
            since_s = now_s if self.trouble is None else self.trouble.since_s
            self.trouble = Trouble(fault, message, since_s)
            self.on_change(self.trouble)


def fault_of(error: UpstreamError) -> Fault | None:
    """What one error tells for sure; ``None`` where the next request may well succeed."""
    if isinstance(error, AudioGone):
        return None
    if error.code in _NOT_REACHED:
        return "unreachable"
    if error.code in _NO_CREDIT:
        return "no_credit"
    if isinstance(error, UpstreamRateLimited):
        return None
    return _BY_STATUS.get(error.http_status or 0)
