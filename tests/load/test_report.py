"""The report's page: that it stands alone, is well formed, and says what was found."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from bargein.load.conditions import judge, parse_condition
from bargein.load.listener import Span
from bargein.load.measurements import Measurements, percentile
from bargein.load.plots import Series, histogram, line_plot, over_time
from bargein.load.report import report
from bargein.load.run import Plan, Run
from bargein.load.scenario import load_scenario
from bargein.load.server_side import Reading, ServerSide
from bargein.load.summary import Summary, summarize
from bargein.load.ticker import LatePeriod, Ticker
from bargein.load.timeline import Timeline

VOID = {"meta", "br"}


class Checker(HTMLParser):
    """Raises where tags do not match, and collects what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def a_run(scenario: str = "noisy", /, **counts: int) -> Summary:
    """Two callers for twenty seconds, with a bit of everything."""
    plan = Plan("ws://127.0.0.1:1/v1/realtime", scenario, load_scenario(scenario), 2, 20.0, 0.0)
    timeline = Timeline(0, "noisy <&>", 100.0)
    timeline.said("question", 101.0, 102.5)
    timeline.heard([Span("i", 103.0, 0, 48_000)], 24_000)
    timeline.mark("false interruption", 104.0)
    server = ServerSide("", 100.0)
    for at_s in range(0, 20, 2):
        values = {"cpu_s": at_s / 10, "memory_bytes": 8e7, "sessions_open": 2.0, "streams_open": 1.0}
        server.readings.append(Reading(at_s, values, {"event_loop_lag": {0.001: 5.0 * at_s, float("inf"): 6.0 * at_s}}))
    run = Run(plan, 1_800_000_000.0, 100.0, Measurements(100.0), Ticker(20), server, [timeline], ended_s=120.0)
    run.kinds = [plan.parts[0][0], plan.parts[-1][0]]
    run.ticker.lateness_s.extend([0.0001] * 1000)
    for at_s in range(1, 20):
        run.measurements.add("response", 0, 100.0 + at_s, 0.5 + at_s / 100)
        run.measurements.add("barge_in", 1, 100.0 + at_s, 0.1)
    for name, number in counts.items():
        run.measurements.count(name, 1, number)
    run.measurements.errors["<script>"] += 1
    return summarize(run)


def checked(summary: Summary, *conditions: str) -> Checker:
    checker = Checker()
    checker.feed(report(summary, [judge(parse_condition(condition), summary) for condition in conditions]))
    assert checker.open == []
    return checker


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    page = checked(a_run(calls=2, replies=19))
    assert page.loaded == []
    assert "noisy <&>" in page.text
    assert "<script>" in page.text


@pytest.mark.parametrize(
    ("counts", "condition", "verdict"),
    [
        ({}, "barge_in_p99>250ms", "All conditions passed"),
        ({}, "barge_in_p99>50ms", "1 of 1 conditions failed"),
        ({"missing_replies": 1}, "barge_in_p99>250ms", "Callers would have noticed faults"),
        ({}, "hold_p99>250ms", "nothing was measured"),
    ],
)
def test_the_verdict_comes_first(counts: dict[str, int], condition: str, verdict: str) -> None:
    assert verdict in checked(a_run(**counts), condition).text


def test_counts_are_told_by_the_kind_of_caller() -> None:
    summary = a_run("mixed", missed_barge_ins=3)
    first, *_, last = summary.by_kind()
    found = summary.as_json()["by_kind"]
    assert (found[first], found[last]) == ({}, {"missed_barge_ins": 3})
    assert summary.as_json()["by_caller"] == [{"caller": 1, "kind": last, "missed_barge_ins": 3}]
    assert "by kind of caller" in checked(summary).text
    assert "by kind of caller" not in checked(a_run(missed_barge_ins=3)).text


def test_a_late_generator_does_not_blame_the_server() -> None:
    summary = a_run(missing_replies=3)
    summary.run.ticker.lateness_s.extend([0.5] * 50)
    page = checked(summarize(summary.run))
    assert "this run says little about the server" in page.text


def test_what_was_measured_while_the_generator_was_late_is_set_aside() -> None:
    summary = a_run()
    summary.run.ticker.late_periods.append(LatePeriod(104.9, 105.1))
    again = summarize(summary.run)
    # Of each measure the one that ended then; of the quick one also the one that began then, were there any.
    assert len(again.samples["response"]) == len(summary.samples["response"]) - 1
    assert again.counts["set_aside"] == 2


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.9, 0.99, 1.0)] == [50, 90, 99, 100]
    assert percentile([7.0], 0.5) == 7.0


def test_values_over_time_are_picked_window_by_window() -> None:
    assert over_time([(0.5, 1.0), (1.5, 3.0), (5.0, 9.0)], 2.0, max) == [(1.0, 3.0), (5.0, 9.0)]


@pytest.mark.parametrize("value", [0.0, 1e-6, 0.3, 7.0, 999.0, 1.23e9])
def test_plots_of_any_magnitude(value: float) -> None:
    for plot in (
        line_plot([Series("a", [(0.0, 0.0), (1.0, value)])], "s", "ms"),
        histogram([("a", [value, 2 * value])], "ms"),
    ):
        assert plot is not None
        assert "nan" not in plot.svg
        assert "inf" not in plot.svg


def test_nothing_to_plot_is_no_plot() -> None:
    assert line_plot([Series("a", [])], "s", "ms") is None
    assert histogram([("a", [])], "ms") is None
