"""The gate in ``make bench``: what it lets through, and what not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from benchmarks.scenes import FLOORS, below

from bargein.bench.call import Call
from bargein.bench.making import make_setup
from bargein.bench.outcome import Outcome
from bargein.bench.summary import summarize
from support.bench_scenes import INTERRUPTION


@pytest.fixture(scope="module")
def heard() -> Outcome:
    return Call(INTERRUPTION, make_setup({})).run()


def test_what_reaches_its_floors_passes(heard: Outcome) -> None:
    summary = summarize("x", "all", [heard], 1.0)
    assert below(summary, {"interruption": {"right": 1.0, "hold_p95": 500, "confirm_p50": 1000}}) == []


def test_what_does_not_is_named(heard: Outcome) -> None:
    missed = replace(heard, confirm_ms=None)
    summary = summarize("x", "all", [heard, missed], 1.0)
    assert below(summary, {"interruption": {"right": 0.9, "hold_p95": 10}, "laughter": {"right": 0.5}}) == [
        "interruption: right is 0.5, and must be at least 0.9",
        f"interruption: hold_p95 is {summary.families[0].hold.p95:g}, and must be at most 10",
        "laughter: there are no such scenes",
    ]
    assert below(summary, {"interruption": {"silence_plain_p50": 10}}) == [
        "interruption: silence_plain_p50 was not measured"
    ]


def test_a_lost_sample_is_named_whatever_the_floors(heard: Outcome) -> None:
    lost = replace(heard, lost_samples=3)
    assert below(summarize("x", "all", [lost], 1.0), {}) == ["3 samples were lost or repeated"]


def test_the_floors_are_figures_that_there_are(heard: Outcome) -> None:
    summary = summarize("x", "all", [heard], 1.0)
    for limits in json.loads(FLOORS.read_text())["scenes"].values():
        for complaint in below(summary, {"interruption": limits}):
            assert "is" in complaint or "not measured" in complaint
