"""Who is too slow, on a clock that the test moves: judged by what is read over time, not by how much there is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bargein.errors import CallerGone
from bargein.session.backlog import BacklogWatch
from bargein.session.setup import SessionLimits
from bargein.session.timers import Timers

LIMIT_BYTES = 1_000_000
PERIOD_S = 5.0


class HandClock:
    at_s = 0.0

    def now(self) -> float:
        return self.at_s


class Connection:
    """Takes what the test lets it take."""

    def __init__(self) -> None:
        self.backlog_bytes = 0

    def send_text(self, message: bytes) -> None: ...

    def send_long_text(self, pieces: Sequence[bytes]) -> None: ...

    def send_binary(self, message: bytes) -> None: ...

    def hold_back(self, duration_s: float, what: str) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Line:
    """A caller, what waits for it, and what became of it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.timers = Timers(self.clock)
        self.connection = Connection()
        self.ends: list[CallerGone] = []
        limits = SessionLimits(slow_caller_s=PERIOD_S, backlog_limit_bytes=LIMIT_BYTES)
        self.watch = BacklogWatch(self.connection, limits, self.timers)
        self.watch.begin(self.ends.append)

    def send(self, byte_count: int) -> None:
        self.connection.backlog_bytes += byte_count
        self.watch.sent(byte_count)

    def after_a_period(self, taken: int) -> None:
        """A period passes in which so much is read."""
        self.connection.backlog_bytes -= taken
        self.clock.at_s += PERIOD_S
        self.timers.run_due()


@pytest.fixture
def line() -> Line:
    return Line()


def test_a_long_message_is_no_fault(line: Line) -> None:
    line.send(10 * LIMIT_BYTES)
    assert line.ends == []
    line.after_a_period(10 * LIMIT_BYTES)
    assert line.ends == []
    assert line.timers.pending == 0


def test_who_reads_a_long_message_steadily_may_take_its_time(line: Line) -> None:
    line.send(10 * LIMIT_BYTES)
    for _ in range(20):
        line.after_a_period(LIMIT_BYTES // 2)
    assert line.ends == []
    assert line.connection.backlog_bytes == 0


def test_who_reads_nothing_is_let_go(line: Line) -> None:
    line.send(1000)
    line.after_a_period(500)
    assert line.ends == []
    line.after_a_period(0)
    assert [(end.code, end.reason) for end in line.ends] == [(4408, "too slow: nothing was read for 5 s")]
    assert line.timers.pending == 0


def test_little_is_enough_while_little_waits(line: Line) -> None:
    line.send(LIMIT_BYTES)
    for _ in range(50):
        line.after_a_period(1)
    assert line.ends == []


def test_little_is_not_enough_where_much_waits(line: Line) -> None:
    line.send(12 * LIMIT_BYTES)
    line.after_a_period(LIMIT_BYTES // 2)
    assert line.ends == []
    line.after_a_period(1000)
    assert [end.code for end in line.ends] == [4408]
    assert line.ends[0].reason == "too slow: only 1000 of 11500000 bytes were read in 5 s"


def test_what_is_sent_meanwhile_changes_nothing(line: Line) -> None:
    line.send(1000)
    for _ in range(10):
        line.send(500)
        line.after_a_period(500)
    assert line.ends == []
    line.send(500)
    line.after_a_period(0)
    assert [end.code for end in line.ends] == [4408]
