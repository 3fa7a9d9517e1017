"""The report's pictures: latency, callers, server, generator."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from bargein.load.measurements import DURATIONS, percentile
from bargein.load.plots import Plot, Series, histogram, line_plot, over_time, timeline_plot
from bargein.load.summary import PERCENTILES, SERVER_HISTOGRAMS, Summary

PLOTTED: Final = ("response", "barge_in")
SPREAD: Final = ("response", "barge_in", "hold", "confirm")
LONGEST_TIMELINE_S: Final = 180.0
MOST_DOTS: Final = 3000

_TIMELINE_KEYS: Final = (
    ("t-question", "asks"),
    ("t-interruption", "talks over the agent"),
    ("t-aside", "cough, click, mm-hm"),
    ("t-heard", "agent heard"),
    ("m-silence", "silence after an interruption"),
    ("m-false", "false interruption"),
    ("m-underrun", "underrun"),
    ("m-missing", "missing, missed, failed"),
)


def latency_plots(summary: Summary) -> list[Plot]:
    """One for each measure, over the run."""
    return list(_latency_plots(summary))


def _latency_plots(summary: Summary) -> Iterator[Plot]:
    length_s = summary.run.elapsed_s
    window_s = max(2.0, length_s / 40)
    for name in PLOTTED:
        points = [(s.at_s, 1000 * s.value_s) for s in summary.samples[name]]
        every = max(1, len(points) // MOST_DOTS)
        series = [Series("each", points[::every], dots=True)]
        series += [
            Series(at, over_time(points, window_s, partial(percentile, share=PERCENTILES[at]))) for at in ("p50", "p99")
        ]
        plot = line_plot(series, "s", "ms", length_s)
        if plot is not None:
            yield plot.titled(name, f"{DURATIONS[name]}; p50 and p99 of every {window_s:.0f} s")


def spread_plot(summary: Summary) -> Plot | None:
    """How often each measure was how long."""
    return histogram([(name, [1000 * s.value_s for s in summary.samples[name]]) for name in SPREAD], "ms")


def timelines(summary: Summary) -> dict[str, Any] | None:
    """Some callers, each with what was said and heard."""
    if not summary.run.timelines:
        return None
    length_s = min(summary.run.elapsed_s, LONGEST_TIMELINE_S)
    shown = [timeline.until(length_s) for timeline in summary.run.timelines]
    part = "" if length_s == summary.run.elapsed_s else f"; the first {length_s:.0f} s"
    return {"count": len(shown), "part": part, "colours": _TIMELINE_KEYS, "svg": timeline_plot(shown, length_s)}


def server_side(summary: Summary) -> dict[str, Any] | None:
    """The server's own account, where it gives one."""
    server = summary.run.server
    if server is None or not server.readings:
        return None
    figures = summary.figures()
    rows = []
    for name, about in SERVER_HISTOGRAMS.items():
        bounds = [figures.get(f"server_{name}_{at}") for at in ("p50", "p99")]
        rows.append([name, *(f"{bound[0]:g}" if bound is not None else "" for bound in bounds), about])
    return {
        "pictures": list(_server_plots(summary)),
        "rows": rows,
        "streams_left_open": summary.streams_left_open,
    }


def _server_plots(summary: Summary) -> Iterator[Plot]:
    server, length_s = summary.run.server, summary.run.elapsed_s
    if server is None:
        return
    cpu = [(at_s, 100 * share) for at_s, share in server.cpu_shares()]
    memory = [(at_s, value / 1e6) for at_s, value in server.series("memory_bytes")]
    lag = [(at_s, 1000 * v) for at_s, v in server.percentiles("event_loop_lag", 0.99) if v < float("inf")]
    opened = [
        Series("sessions", server.series("sessions_open")),
        Series("streams of the model", server.series("streams_open")),
    ]
    for title, about, unit, series in (
        ("CPU", "percent of one core", "%", [Series("CPU", cpu)]),
        ("Memory", "resident, MB", "MB", [Series("memory", memory)]),
        ("Open now", "", "", opened),
        ("Event loop lag", "p99 between two readings: the upper bound of its bucket", "ms", [Series("lag", lag)]),
    ):
        plot = line_plot(series, "s", unit, length_s)
        if plot is not None:
            yield plot.titled(title, about)


def generator_plot(summary: Summary) -> Plot | None:
    """How late the generator was over the run."""
    run = summary.run
    slot_s = run.elapsed_s / max(1, len(run.ticker.lateness_s))
    points = [(number * slot_s, 1000 * max(0.0, late_s)) for number, late_s in enumerate(run.ticker.lateness_s)]
    window_s = max(1.0, run.elapsed_s / 120)
    series = [
        Series(at, over_time(points, window_s, partial(percentile, share=PERCENTILES[at]))) for at in ("p50", "max")
    ]
    return line_plot(series, "s", "ms", run.elapsed_s)
