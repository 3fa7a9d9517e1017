"""Why sessions end: one row for each cause, and what follows from it.

Who ends a session says why; the code of the close frame, whether the caller is told before, what is counted and whether
it may come back are looked up here, and nowhere else.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from bargein.errors import CallerGone

BROKEN_MESSAGE: Final = "The server had an internal error and ends this session. Connect again."


class Cause(enum.Enum):
    """Why a session ends, where the caller has not simply left."""

    EXPIRED = "the session has reached its greatest age"
    IDLE = "nothing has come of the caller for too long"
    TOO_SLOW = "the caller does not read"
    MISTAKES = "too many messages in error"
    TOO_MUCH = "too much was sent for too long"
    TOO_BIG = "a message is too big"
    NO_WEBSOCKET = "frames that are no WebSocket"
    NO_TEXT = "a text message that is not UTF-8"
    RESTARTING = "the server restarts"
    BROKEN = "an error of our own"
    LEFT = "it was asked to end"


class Return(enum.Enum):
    """Whether the caller may come back."""

    AT_ONCE = "at once"
    LATER = "after `retry_after` seconds"
    CHANGED = "when it does otherwise"


@dataclass(frozen=True, slots=True)
class Row:
    """What follows from a cause."""

    close_code: int
    error_code: str | None
    """Of the ``error`` event that says why before the close frame; ``None``: nothing is said."""
    counted: bool
    """In ``bargein_slow_callers_closed_total``; ``bargein_sessions_closed_total`` counts all, by close code."""
    returns: Return


ENDINGS: Final[dict[Cause, Row]] = {
    Cause.EXPIRED: Row(1001, "session_expired", False, Return.AT_ONCE),
    Cause.IDLE: Row(4408, "session_idle", False, Return.AT_ONCE),
    # What it was told now it would not read either.
    Cause.TOO_SLOW: Row(4408, None, True, Return.AT_ONCE),
    Cause.MISTAKES: Row(1008, "policy_violation", False, Return.CHANGED),
    Cause.TOO_MUCH: Row(4429, "rate_limit_exceeded", False, Return.LATER),
    Cause.TOO_BIG: Row(1009, "message_too_big", False, Return.CHANGED),
    Cause.NO_WEBSOCKET: Row(1002, "invalid_event", False, Return.CHANGED),
    Cause.NO_TEXT: Row(1007, "invalid_event", False, Return.CHANGED),
    Cause.RESTARTING: Row(1012, "server_restarting", False, Return.AT_ONCE),
    Cause.BROKEN: Row(1011, "server_error", False, Return.AT_ONCE),
    Cause.LEFT: Row(1000, None, False, Return.AT_ONCE),
}

_BY_CODE: Final = {row.close_code: cause for cause, row in ENDINGS.items() if cause not in {Cause.IDLE, Cause.TOO_SLOW}}
"""What a transport or a limit says by its close code. Idle and slow callers have one code, and are told apart here."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one session."""

    cause: Cause
    reason: str
    """In the close frame."""
    message: str
    """Of the ``error`` event before it."""
    retry_after_s: int | None = None
    """When the caller may come back, where that matters."""

    @property
    def close_code(self) -> int:
        return ENDINGS[self.cause].close_code

    @property
    def counted(self) -> bool:
        return ENDINGS[self.cause].counted

    @property
    def error_code(self) -> str | None:
        return ENDINGS[self.cause].error_code


def for_cause(gone: CallerGone) -> Ending:
    """The caller has to go, by the rules of the transport or of a limit."""
    return Ending(_BY_CODE.get(gone.code, Cause.BROKEN), gone.reason, gone.reason, gone.retry_after_s)


def too_slow(gone: CallerGone) -> Ending:
    """The caller does not read."""
    return Ending(Cause.TOO_SLOW, gone.reason, gone.reason)


def broken() -> Ending:
    """Our own code failed."""
    return Ending(Cause.BROKEN, "internal error", BROKEN_MESSAGE)


def expired(maximum_s: float) -> Ending:
    """The session has reached its greatest age."""
    minutes = maximum_s / 60
    reason = f"Your session hit the maximum duration of {minutes:g} minute{'' if minutes == 1 else 's'}."
    return Ending(Cause.EXPIRED, reason, reason)


def idle(limit_s: float) -> Ending:
    """Nothing has come of the caller for too long."""
    reason = f"idle: nothing was received for {limit_s:g} s"
    return Ending(Cause.IDLE, reason, reason)


def table() -> str:
    """The rows as a Markdown table, for ``server/README.md``."""
    lines = ["| a session ends because | close code | told before as | slow caller | may come back |", "|---" * 5 + "|"]
    for cause, row in ENDINGS.items():
        told = "—" if row.error_code is None else f"`{row.error_code}`"
        counted = "counted" if row.counted else "—"
        lines.append(f"| {cause.value} | {row.close_code} | {told} | {counted} | {row.returns.value} |")
    return "\n".join(lines) + "\n"
