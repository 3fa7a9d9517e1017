"""Errors as the protocol's ``error`` event."""

from __future__ import annotations

from typing import Final

from bargein.errors import CallerError
from bargein.wire import server_events
from bargein.wire.server_events import ServerEvent

INPUT_MISSING: Final = "input_audio_buffer_overflow"
BUDGET_EXCEEDED: Final = "budget_exceeded"


def error_event(error: CallerError, event_id: str | None = None) -> ServerEvent:
    """The caller sent something that cannot be honoured.

    :param event_id: the id of the caller's event, where ``error`` was raised behind the parser and does not have it.
    """
    return server_events.error(
        error.message, code=error.code, param=error.param, event_id=error.event_id if event_id is None else event_id
    )


def server_error_event(
    message: str, *, code: str = "server_error", event_id: str | None = None, retry_after_s: int | None = None
) -> ServerEvent:
    """The server is at fault, or ends the session. ``message`` must hold nothing that a caller may not see.

    :param retry_after_s: when the caller may come back; shown as ``retry_after`` where it is given.
    """
    event = server_events.error(message, type="server_error", code=code, event_id=event_id)
    if retry_after_s is not None:
        event["error"]["retry_after"] = retry_after_s
    return event


def budget_exceeded_event(message: str, retry_after_s: int | None) -> ServerEvent:
    """A turn would cost more than it may: its response follows, ``failed`` for the same reason.

    :param retry_after_s: when it may be asked again; without it, not in this session.
    """
    event = server_events.error(message, type="insufficient_quota", code=BUDGET_EXCEEDED)
    if retry_after_s is not None:
        event["error"]["retry_after"] = retry_after_s
    return event


def input_missing_event(item_id: str, dropped_ms: int, limit_ms: int) -> ServerEvent:
    """More was appended than is kept, and what is left of it was committed as ``item_id``."""
    return server_events.error(
        f"The input audio buffer keeps the newest {limit_ms / 1000:g}s of audio: the {dropped_ms / 1000:.2f}s before "
        f"them were dropped, and item '{item_id}' begins after them. Commit sooner, or clear what nobody shall answer.",
        code=INPUT_MISSING,
    )


def session_expired_event(message: str) -> ServerEvent:
    """The session has reached its greatest age; the close with code 1001 follows."""
    return server_events.error(message, code="session_expired")
