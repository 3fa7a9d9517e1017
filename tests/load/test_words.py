"""Words told against words heard, from rows as the demo model logs them."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.load.measurements import Measurements
from bargein.load.words import RATE_HZ, WordLog

WORDS = ["Here", "is", "a", "story", "about", "a", "lighthouse"]
HALF_S = RATE_HZ // 2


def row(
    number: int,
    told: list[str | None],
    signature: str = "load caller 3, call 1",
    outcome: str = "cancelled",
    transcript: str = " ".join(WORDS),
) -> dict[str, Any]:
    """One request; the reply has a word every half second."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": f"You are on the phone. ({signature})"}]
    messages += [{"role": "assistant", "content": text} for text in told]
    words = [
        {"text": word, "start_samples": n * HALF_S, "end_samples": (n + 1) * HALF_S} for n, word in enumerate(WORDS)
    ]
    return {
        "n": number,
        "outcome": outcome,
        "body": {"messages": messages},
        "words": words,
        "transcript": transcript,
    }


def compared(rows: list[dict[str, Any]], heard_s: float, transcript: str = "Here is a story") -> Measurements:
    measurements = Measurements(0.0)
    log = WordLog("http://127.0.0.1:1", measurements)
    log.cut(3, 1, 0, transcript, int(heard_s * 8000), 8000)
    log.take(rows)
    log.compare()
    return measurements


@pytest.mark.parametrize(
    ("heard_s", "told", "over", "under"),
    [
        (1.5, ["Here is a"], 0, 0),
        (1.7, ["Here is a"], 0, 0),
        (1.7, ["Here is a story"], 0, 0),
        (1.7, ["Here is a story about a"], 2, 0),
        (1.7, ["Here"], 0, 2),
        (0.0, [], 0, 0),
        (2.0, [], 0, 4),
        (1.0, [None], 5, 0),
    ],
)
def test_words_told_against_words_heard(heard_s: float, told: list[str | None], over: int, under: int) -> None:
    counts = compared([row(1, []), row(2, told)], heard_s).counts
    assert (counts["words_checked"], counts["words_over"], counts["words_under"]) == (1, over, under)


def test_what_was_told_before_does_not_count() -> None:
    rows = [row(1, ["Earlier words."]), row(2, ["Earlier words.", "Here is"])]
    assert compared(rows, 1.0).counts["words_over"] == 0


@pytest.mark.parametrize(
    "rows",
    [
        [row(1, [])],
        [row(1, []), row(2, [], signature="load caller 4, call 1")],
        [row(1, ["One.", "Two."]), row(2, ["Two.", "Here is a"])],
        [row(1, []), row(2, ["Here is"], outcome="open")],
        [row(1, [], transcript="Something else"), row(2, ["Something"])],
    ],
    ids=["nothing follows", "another caller follows", "old messages were dropped", "still open", "another reply"],
)
def test_what_cannot_be_seen_is_not_judged(rows: list[dict[str, Any]]) -> None:
    assert compared(rows, 1.0).counts["words_checked"] == 0


def test_an_open_request_is_read_again_later() -> None:
    measurements = Measurements(0.0)
    log = WordLog("http://127.0.0.1:1", measurements)
    log.cut(3, 1, 0, "Here", RATE_HZ, RATE_HZ)
    log.take([row(1, []), row(2, ["Here is"], outcome="open"), row(3, [])])
    log.take([row(2, ["Here is"]), row(3, [])])
    log.compare()
    assert measurements.counts["words_checked"] == 1


def test_replies_with_the_same_words_are_told_apart_by_their_number() -> None:
    """The first was heard out; the second, the very same again, was talked over."""
    whole = " ".join(WORDS)
    measurements = Measurements(0.0)
    log = WordLog("http://127.0.0.1:1", measurements)
    log.cut(3, 1, 1, "Here is a story", RATE_HZ, RATE_HZ)
    log.take([row(1, []), row(2, [whole]), row(3, [whole, "Here is"])])
    log.compare()
    counts = measurements.counts
    assert (counts["words_checked"], counts["words_over"], counts["words_under"]) == (1, 0, 0)
