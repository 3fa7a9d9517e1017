"""Errors as events, and what is said when a session has grown too old."""

from __future__ import annotations

import pytest

from bargein.errors import CallerError
from bargein.session.endings import expired
from bargein.wire.errors import error_event, server_error_event, session_expired_event


def test_a_refusal_has_every_member() -> None:
    error = CallerError("No.", code="invalid_value", param="session.audio", event_id="mine")
    assert error_event(error) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": "No.",
            "param": "session.audio",
            "event_id": "mine",
        },
    }


def test_the_event_id_may_be_known_only_where_the_error_is_answered() -> None:
    assert error_event(CallerError("No."), "mine")["error"]["event_id"] == "mine"
    assert error_event(CallerError("No."))["error"]["event_id"] is None


def test_our_own_faults() -> None:
    error = server_error_event("Try again.", code="upstream_gone")["error"]
    assert (error["type"], error["code"]) == ("server_error", "upstream_gone")


@pytest.mark.parametrize(("maximum_s", "words"), [(3600, "60 minutes."), (60, "1 minute."), (90, "1.5 minutes.")])
def test_the_end_of_a_session(maximum_s: float, words: str) -> None:
    reason = expired(maximum_s).reason
    assert reason == f"Your session hit the maximum duration of {words}"
    error = session_expired_event(reason)["error"]
    assert (error["code"], error["type"], error["message"]) == ("session_expired", "invalid_request_error", reason)
