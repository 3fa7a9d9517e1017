"""What was spent, and the caps of a day: in one process, and in several at once."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bargein.core.completion import Usage
from bargein.money import Caps, Entry, Ledger, Prices
from bargein.money.books import Books, Held, Refused, Worst
from bargein.money.caps import Full
from bargein.money.ledger import DAYS_KEPT
from bargein.money.price import Price

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
MIDNIGHT = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())


def noon() -> datetime:
    return NOON


def entry(dollars: float | None, model: str = "m") -> Entry:
    return Entry(model, dollars, Usage(input_text_tokens=10, output_audio_tokens=20))


def test_every_path_is_that_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would take this one for its memory, and workers would each have caps of their own."""
    monkeypatch.chdir(tmp_path)
    Ledger(Path(":memory:"), now=noon).close()
    assert (tmp_path / ":memory:").exists()


@pytest.mark.parametrize("table", ["spent (day, dollars)", "held (id, amount)"])
def test_a_database_of_something_else_is_refused_when_it_is_opened(tmp_path: Path, table: str) -> None:
    """Found out later, nothing would be written for ever, and every turn under a cap of a day refused."""
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as other:
        other.execute(f"CREATE TABLE {table}")
    with pytest.raises(sqlite3.Error, match="no such column"):
        Ledger(tmp_path / "other.sqlite", now=noon)


def test_what_was_used_is_kept_by_day_key_and_model() -> None:
    now = [NOON]
    ledger = Ledger(now=lambda: now[0])
    ledger.add("a", entry(1.0))
    ledger.add("a", entry(None))
    ledger.add("b", entry(2.0))
    now[0] += timedelta(days=1)
    ledger.add("a", entry(4.0, "n"))
    newest, oldest = ledger.used("a", 31)
    assert (newest["day"], newest["model"], newest["dollars"], newest["responses"]) == ("2026-12-01", "n", 4.0, 1)
    assert (oldest["dollars"], oldest["unpriced"], oldest["responses"]) == (1.0, 1, 2)
    assert (oldest["input_text_tokens"], oldest["output_audio_tokens"]) == (20, 40)
    assert len(ledger.used(None, 31)) == 3
    assert len(ledger.used(None, 1)) == 1


def test_what_was_used_long_ago_is_forgotten_when_a_day_begins() -> None:
    now = [NOON]
    ledger = Ledger(now=lambda: now[0])
    ledger.add("a", entry(1.0))
    now[0] += timedelta(days=1)
    ledger.add("a", entry(2.0))
    now[0] += timedelta(days=DAYS_KEPT - 1)
    ledger.add("b", entry(4.0))
    assert [row["dollars"] for row in ledger.used(None, 10_000)] == [4.0, 2.0]


def test_a_turn_is_refused_when_a_cap_is_spent_and_not_before() -> None:
    now = [NOON]
    ledger, caps = Ledger(now=lambda: now[0]), Caps(key_day=1.0, day=2.5)
    for _ in range(2):  # The second ends past the cap: by one turn.
        held = ledger.hold("a", 0.7, caps)
        assert isinstance(held, int)
        ledger.add("a", entry(0.7), held)
    full = ledger.hold("a", 0.7, caps)
    assert isinstance(full, Full)
    assert full.standing.scope == "key_day"
    assert full.is_spent
    assert full.standing.resets_at == MIDNIGHT
    for _ in range(2):
        held = ledger.hold("b", 0.7, caps)
        assert isinstance(held, int)
        ledger.add("b", entry(0.7), held)
    full = ledger.hold("c", 0.7, caps)
    assert isinstance(full, Full)
    assert full.standing.scope == "day"
    now[0] += timedelta(hours=12)
    assert isinstance(ledger.hold("a", 0.7, caps), int)


def test_turns_in_progress_are_counted_with_the_most_that_they_may_cost() -> None:
    ledger, caps = Ledger(now=noon), Caps(day=1.0)
    first = ledger.hold("a", 1.5, caps)
    assert isinstance(first, int)
    full = ledger.hold("b", 0.1, caps)
    assert isinstance(full, Full)
    assert not full.is_spent
    ledger.add("a", entry(0.2), first)
    assert isinstance(ledger.hold("b", 0.1, caps), int)


def test_it_outlasts_the_process_but_not_what_the_process_held(tmp_path: Path) -> None:
    path, caps = tmp_path / "usage.sqlite", Caps(day=1.0)
    before = Ledger(path, now=noon)
    before.add("a", entry(0.5))
    assert isinstance(before.hold("a", 9.0, caps), int)
    before.close()
    after = Ledger(path, now=noon)
    assert isinstance(after.hold("a", 0.1, caps), int)
    (standing,) = after.standings("a", caps)
    assert standing.spent == 0.5


def spend(path: Path, owner: int) -> float:
    """Begin and end turns until a cap is full. Returns what they have cost."""
    ledger, spent = Ledger(path, owner=owner, workers=4, now=noon), 0.0
    waits = 0
    while waits < 2000:
        try:
            held = ledger.hold("a", 0.02, Caps(day=1.0))
        except sqlite3.OperationalError:  # On a busy machine: the others do not come to an end in time.
            continue
        if isinstance(held, Full):
            if held.is_spent:
                break
            waits += 1
            continue
        with suppress(sqlite3.OperationalError):
            ledger.add("a", entry(0.02), held)
        spent += 0.02
    ledger.close()
    return spent


def test_workers_keep_a_cap_together(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite"
    Ledger(path, now=noon).close()
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        spent = sum(pool.starmap(spend, [(path, owner) for owner in range(4)]))
    assert 1.0 <= spent + 1e-9 <= 1.0 + 0.02
    (row,) = Ledger(path, now=noon).used("a", 1)
    assert row["dollars"] == pytest.approx(spent)


PRICE = Price(text_in=1, audio_in=10, text_out=10, audio_out=100)


def books(**caps: float) -> Books:
    return Books(Prices({"m": PRICE}), Ledger(now=noon), Caps(**caps), model="m", max_tokens=4096)


def test_an_answer_may_be_as_long_as_a_response_may_cost() -> None:
    asked = Usage(input_text_tokens=1000, input_audio_tokens=100)  # 0.002 dollars
    held = books(response=0.012).hold("", Worst("m", asked, True, None))
    assert isinstance(held, Held)
    assert held.max_tokens == 100  # at 0.0001 each
    assert held.dollars == pytest.approx(0.012)
    held = books(response=0.012).hold("", Worst("m", asked, False, None))
    assert isinstance(held, Held)
    assert held.max_tokens == 1000
    held = books(response=0.012).hold("", Worst("m", asked, True, 7))
    assert isinstance(held, Held)
    assert held.max_tokens == 7


def test_a_response_whose_question_costs_too_much_is_not_asked() -> None:
    refused = books(response=0.002).hold("", Worst("m", Usage(input_text_tokens=3000), True, None))
    assert isinstance(refused, Refused)
    assert refused.scope == "response"
    assert refused.retry_after_s is None


def test_without_caps_nothing_is_bounded_or_held() -> None:
    assert books().hold("", Worst("m", Usage(input_text_tokens=10**9), True, None)) == Held(None, 0.0, None)


def test_who_is_refused_is_told_when_it_is_free_again() -> None:
    kept = books(key_day=0.01)
    kept.add("a", entry(0.01))
    refused = kept.hold("a", Worst("m", Usage(), True, None))
    assert isinstance(refused, Refused)
    assert refused.retry_after_s == 12 * 3600
    assert "free again at 2026-12-01T00:00Z" in refused.message
    assert "0.0100 US dollars" in refused.message


def test_a_file_that_fails_refuses_turns_under_a_cap_and_no_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "usage.sqlite", now=noon)
    ledger.close()
    free = Books(Prices({"m": PRICE}), ledger, Caps(), model="m", max_tokens=1)
    free.add("a", entry(1.0))
    assert isinstance(free.hold("a", Worst("m", Usage(), True, None)), Held)
    capped = Books(Prices({"m": PRICE}), ledger, Caps(day=1.0), model="m", max_tokens=1)
    assert isinstance(capped.hold("a", Worst("m", Usage(), True, None)), Refused)
    assert capped.standings("a") == []


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else writes into the file, a backup or a shell, and takes their time."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Books]:
    """Books in a file, with a cap."""
    books = Books(
        Prices({"m": PRICE}), Ledger(tmp_path / "usage.sqlite", now=noon), Caps(day=1.0), model="m", max_tokens=1
    )
    yield books
    books.ledger.close()


def test_what_cannot_be_written_down_now_is_written_with_the_next(tmp_path: Path, kept: Books) -> None:
    held = kept.hold("a", Worst("m", Usage(), True, None))
    assert isinstance(held, Held)
    with capture_logs() as logs:
        with locked(tmp_path / "usage.sqlite"):
            kept.add("a", entry(0.25), held)
            kept.add("a", entry(0.25))
            assert isinstance(kept.hold("a", Worst("m", Usage(), True, None)), Refused)
        kept.add("b", entry(0.125))
    assert [(row["key"], row["dollars"], row["responses"]) for row in kept.ledger.used(None, 1)] == [
        ("a", 0.5, 2), ("b", 0.125, 1),
    ]  # fmt: skip
    assert [line["log_level"] for line in logs] == ["error", "info"], "once each"
    assert isinstance(kept.ledger.hold("a", 0.3, Caps(day=0.7)), int), "what was held is let go"


def test_however_long_nothing_can_be_written_nothing_is_lost(tmp_path: Path, kept: Books) -> None:
    with locked(tmp_path / "usage.sqlite"):
        for _ in range(10):
            kept.add("a", entry(0.01))
            kept.add("b", entry(0.002))
        (standing,) = kept.standings("a")
        assert standing.spent == pytest.approx(0.12), "what waits is shown"
    kept.add("a", entry(0.01))
    used = {row["key"]: row for row in kept.ledger.used(None, 1)}
    assert used["a"]["dollars"] == pytest.approx(0.11)
    assert used["b"]["dollars"] == pytest.approx(0.02)
    assert kept.standings("a")[0].spent == pytest.approx(0.13), "and counts once"


def test_a_cap_counts_what_waited_to_be_written(tmp_path: Path, kept: Books) -> None:
    with locked(tmp_path / "usage.sqlite"):
        kept.add("a", entry(1.0))
    refused = kept.hold("a", Worst("m", Usage(), True, None))
    assert isinstance(refused, Refused)
    assert "is used up" in refused.message


def test_what_waits_is_told_and_written_at_the_end(tmp_path: Path, kept: Books) -> None:
    path = tmp_path / "usage.sqlite"
    with locked(path):
        kept.add("a", entry(0.25))
    assert kept.ledger.used("a", 1)[0]["dollars"] == 0.25
    with locked(path):
        kept.add("a", entry(0.25))
    kept.ledger.close()
    after = Ledger(path, now=noon)
    assert after.used("a", 1)[0]["dollars"] == 0.5
    after.close()


def test_each_time_that_nothing_can_be_written_is_logged(tmp_path: Path, kept: Books) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            with locked(tmp_path / "usage.sqlite"):
                kept.add("a", entry(0.25))
            kept.add("a", entry(0.25))
    assert [line["log_level"] for line in logs] == ["error", "info"] * 2
