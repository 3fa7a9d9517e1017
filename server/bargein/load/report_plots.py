"""The report's pictures: latency, callers, server, generator."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Final

from bargein.load.html import caption, legend, table
from bargein.load.measures import DURATIONS, percentile
from bargein.load.plots import Series, histogram, line_plot, over_time, timeline_plot
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


def latency_plots(summary: Summary) -> str:
    length_s = summary.run.elapsed_s
    window_s = max(2.0, length_s / 40)
    parts = ["<h2>Latency over the run</h2>"]
    for name in PLOTTED:
        points = [(s.at_s, 1000 * s.value_s) for s in summary.samples[name]]
        if not points:
            continue
        every = max(1, len(points) // MOST_DOTS)
        series = [Series("each", points[::every], dots=True)]
        series += [
            Series(at, over_time(points, window_s, partial(percentile, share=PERCENTILES[at]))) for at in ("p50", "p99")
        ]
        parts.append(caption(name, escape(f"{DURATIONS[name]}; p50 and p99 of every {window_s:.0f} s")))
        parts.append(line_plot(series, "s", "ms", length_s))
    groups = [(name, [1000 * s.value_s for s in summary.samples[name]]) for name in SPREAD]
    parts.append("<h2>How they are spread</h2>" + histogram(groups, "ms"))
    return "".join(parts)


def timelines(summary: Summary) -> str:
    if not summary.run.timelines:
        return ""
    length_s = min(summary.run.elapsed_s, LONGEST_TIMELINE_S)
    shown = [timeline.until(length_s) for timeline in summary.run.timelines]
    part = "" if length_s == summary.run.elapsed_s else f"; the first {length_s:.0f} s"
    return (
        f"<h2>{len(shown)} of the callers</h2><p class='about'>Above each line what the caller said, below it what was "
        f"heard{part}. Scroll sideways; hover for times.</p>"
        f"{legend(_TIMELINE_KEYS)}<div class='scroll'>{timeline_plot(shown, length_s)}</div>"
    )


def server_plots(summary: Summary) -> str:
    server = summary.run.server
    if server is None or not server.readings:
        return "<h2>The server</h2><p class='soft'>It exposes no metrics that are known here.</p>"
    length_s = summary.run.elapsed_s
    cpu = [(at_s, 100 * share) for at_s, share in server.cpu_shares()]
    memory = [(at_s, value / 1e6) for at_s, value in server.series("memory_bytes")]
    lag = [(at_s, 1000 * v) for at_s, v in server.percentiles("event_loop_lag", 0.99) if v < float("inf")]
    opened = [
        Series("sessions", server.series("sessions_open")),
        Series("streams of the model", server.series("streams_open")),
    ]
    figures = summary.figures()
    rows = []
    for name, about in SERVER_HISTOGRAMS.items():
        bounds = [figures.get(f"server_{name}_{at}") for at in ("p50", "p99")]
        rows.append([name, *(f"{bound[0]:g}" if bound is not None else "" for bound in bounds), about])
    parts = [
        "<h2>The server</h2><p class='about'>By its own account: /metrics, read every two seconds.</p>",
        caption("CPU", "percent of one core"),
        line_plot([Series("CPU", cpu)], "s", "%", length_s),
        caption("Memory", "resident, MB"),
        line_plot([Series("memory", memory)], "s", "MB", length_s),
        caption("Open now"),
        line_plot(opened, "s", "", length_s),
        caption("Event loop lag", "p99 between two readings: the upper bound of its bucket") if lag else "",
        line_plot([Series("lag", lag)], "s", "ms", length_s),
        table(["ms, upper bounds", "p50", "p99", ""], rows, 2),
        f"<p>Streams of the model left open after the last caller hung up: <b>{summary.streams_left_open}</b></p>",
    ]
    return "".join(parts)


def generator_plots(summary: Summary) -> str:
    run, spread = summary.run, summary.lateness
    slot_s = run.elapsed_s / max(1, len(run.ticker.lateness_s))
    points = [(number * slot_s, 1000 * max(0.0, late_s)) for number, late_s in enumerate(run.ticker.lateness_s)]
    window_s = max(1.0, run.elapsed_s / 120)
    series = [
        Series(at, over_time(points, window_s, partial(percentile, share=PERCENTILES[at]))) for at in ("p50", "max")
    ]
    return (
        "<h2>The load generator itself</h2><p class='about'>How late it ran what was due. What it measured while "
        f"it was more than 10 ms late was set aside ({summary.counts['set_aside']} measurements). Over the run: "
        f"p50 {spread.p50:.1f}, p99 {spread.p99:.1f}, max {spread.max:.1f} ms.</p>"
        + line_plot(series, "s", "ms", run.elapsed_s)
    )
