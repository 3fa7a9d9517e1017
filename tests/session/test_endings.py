"""Why sessions end, and what follows: the table, and what is looked up in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.errors import CallerGone
from bargein.session import endings
from bargein.session.endings import ENDINGS, Cause, Ending, Return

EXPECTED = [
    (endings.expired(3600), Cause.EXPIRED, 1001, "session_expired", False, Return.AT_ONCE),
    (endings.idle(600), Cause.IDLE, 4408, "session_idle", False, Return.AT_ONCE),
    (endings.too_slow(CallerGone(4408, "idle: no")), Cause.TOO_SLOW, 4408, None, True, Return.AT_ONCE),
    (endings.for_cause(CallerGone(1008, "")), Cause.MISTAKES, 1008, "policy_violation", False, Return.CHANGED),
    (endings.for_cause(CallerGone(4429, "", 5)), Cause.TOO_MUCH, 4429, "rate_limit_exceeded", False, Return.LATER),
    (endings.for_cause(CallerGone(1009, "")), Cause.TOO_BIG, 1009, "message_too_big", False, Return.CHANGED),
    (endings.for_cause(CallerGone(1002, "")), Cause.NO_WEBSOCKET, 1002, "invalid_event", False, Return.CHANGED),
    (endings.for_cause(CallerGone(1007, "")), Cause.NO_TEXT, 1007, "invalid_event", False, Return.CHANGED),
    (endings.for_cause(CallerGone(1012, "")), Cause.RESTARTING, 1012, "server_restarting", False, Return.AT_ONCE),
    (endings.broken(), Cause.BROKEN, 1011, "server_error", False, Return.AT_ONCE),
    (endings.for_cause(CallerGone(1000, "")), Cause.LEFT, 1000, None, False, Return.AT_ONCE),
]


@pytest.mark.parametrize(("ending", "cause", "code", "told", "counted", "returns"), EXPECTED)
def test_a_row(ending: Ending, cause: Cause, code: int, told: str | None, counted: bool, returns: Return) -> None:
    assert (ending.cause, ending.close_code, ending.error_code, ending.counted) == (cause, code, told, counted)
    assert ENDINGS[cause].returns is returns


def test_every_cause_has_a_row_and_every_row_a_test() -> None:
    assert set(ENDINGS) == set(Cause) == {ending.cause for ending, *_ in EXPECTED}


def test_who_may_come_back_later_is_told_when() -> None:
    assert endings.for_cause(CallerGone(4429, "too much", 7)).retry_after_s == 7


def test_a_code_that_nobody_knows_is_a_fault_of_ours() -> None:
    assert endings.for_cause(CallerGone(4999, "")).cause is Cause.BROKEN


def test_the_table_in_the_architecture_page_is_fresh() -> None:
    text = (Path(__file__).parents[2] / "server" / "README.md").read_text()
    assert text.split("<!-- endings:begin -->\n")[1].split("<!-- endings:end -->")[0] == endings.table()
