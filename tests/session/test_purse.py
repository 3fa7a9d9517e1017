"""What one session pays, without the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bargein.core.audio import PCM16_24K
from bargein.core.completion import CompletionRequest, Usage
from bargein.core.config import ResponseSettings
from bargein.core.decisions import SpeculationEnded
from bargein.core.items import InputAudio, Response
from bargein.money import Caps, Ledger, Price, Prices, Standing
from bargein.money.books import Books, Refused
from bargein.session.purse import Purse
from bargein.upstream import Transcript
from support.money import work_observer

DEAR = Price(text_in=1000, audio_in=1000, text_out=1000, audio_out=1000)
CHEAP = Price(text_in=1, audio_in=1, text_out=1, audio_out=1)
SECOND = InputAudio(bytes(48_000), PCM16_24K)
USED = Usage(input_text_tokens=1000)
NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.fixture
def books() -> Iterator[Books]:
    books = Books(
        Prices({"m": DEAR, "cheap": CHEAP}), Ledger(now=lambda: NOON), Caps(key_day=1.0), model="m", max_tokens=100
    )
    yield books
    books.ledger.close()


def purse_of(books: Books) -> Purse:
    return Purse(books, "key", work_observer())


def test_what_was_asked_ahead_and_left_costs_what_the_model_costs_that_was_asked(books: Books) -> None:
    purse = purse_of(books)
    purse.begin("r", CompletionRequest((), audio=False, voice=None, model="cheap"), again=False)
    purse.ended_ahead(SpeculationEnded("r", "left", 10.0, False, USED))
    (row,) = books.ledger.used("key", 1)
    assert (row["model"], row["dollars"]) == ("cheap", pytest.approx(0.001))


def test_what_was_dropped_before_its_caller_left_costs_that_too(books: Books) -> None:
    purse = purse_of(books)
    purse.begin("r", CompletionRequest((), audio=False, voice=None, model="cheap"), again=False)
    purse.ended_ahead(SpeculationEnded("r", "dropped", 10.0, False, USED))
    purse.ended_ahead(SpeculationEnded("", "left", 20.0, False, USED))
    (row,) = books.ledger.used("key", 1)
    assert (row["model"], row["dollars"]) == ("cheap", pytest.approx(0.001))


def test_a_session_that_is_over_holds_nothing(books: Books) -> None:
    """Though a response of it never came to its end."""
    asked = CompletionRequest((), audio=False, voice=None)
    purse = purse_of(books)
    assert isinstance(purse.begin("r", replace(asked, max_output_tokens=10_000), again=False), CompletionRequest)
    assert isinstance(purse_of(books).begin("s", asked, again=False), Refused)
    purse.close()
    assert isinstance(purse_of(books).begin("s", asked, again=False), CompletionRequest)


def test_what_is_held_counts_against_a_sessions_cap() -> None:
    """Two responses at once, of which the first may come to more than the cap."""
    books = Books(Prices({"m": DEAR}), Ledger(now=lambda: NOON), Caps(session=1.0), model="m", max_tokens=10_000)
    asked = CompletionRequest((), audio=False, voice=None)
    purse = purse_of(books)
    assert isinstance(purse.begin("r", asked, again=False), CompletionRequest)
    assert isinstance(purse.begin("s", asked, again=False), Refused)
    purse.done(Response("r", ResponseSettings(), None, usage=Usage(input_text_tokens=1)))
    assert isinstance(purse.begin("s", asked, again=False), CompletionRequest)
    books.ledger.close()


class CountingLedger(Ledger):
    """That counts how often it is read."""

    read = 0

    def standings(self, key: str, caps: Caps) -> list[Standing]:
        self.read += 1
        return super().standings(key, caps)


def test_how_the_caps_stand_is_read_once_for_a_response() -> None:
    ledger = CountingLedger(now=lambda: NOON)
    books = Books(Prices({"m": CHEAP}), ledger, Caps(key_day=0.001, day=1.0), model="m", max_tokens=100)
    purse = purse_of(books)
    purse.begin("r", CompletionRequest((), audio=False, voice=None), again=False)
    spent = purse.done(Response("r", ResponseSettings(), None, usage=USED))
    assert spent.cap is not None
    assert spent.cap.warning
    assert ledger.read == 1
    books.ledger.close()


def test_callers_make_no_rows_of_the_ledger_by_naming_recognisers(books: Books) -> None:
    purse = purse_of(books)
    for number in range(5):
        purse.transcribed(f"any-{number}", SECOND, Transcript("hello"))
    purse.transcribed("m", SECOND, None)
    rows = books.ledger.used("key", 1)
    assert [(row["model"], row["transcribed_s"]) for row in rows] == [("m", 1.0), ("other", 5.0)]
