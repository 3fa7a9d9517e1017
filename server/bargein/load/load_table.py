"""A run for a person at a terminal: while it goes on, and at its end."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bargein.load.conditions import CheckedCondition
from bargein.load.measurements import COUNTS, DURATIONS, percentile
from bargein.load.run import Run
from bargein.load.summary import PERCENTILES, Summary

RECENT_S = 10.0
"""The live figures are of the last seconds."""
MUST_BE_ZERO = (
    "failed_connects",
    "dropped_calls",
    "missing_replies",
    "failed_replies",
    "missed_barge_ins",
    "stale_samples_heard",
    "stale_samples_received",
    "errors",
)


def live_view(run: Run) -> RenderableType:
    """One look at a run that goes on."""
    plan = run.plan
    total_s = plan.ramp_s + plan.duration_s
    phases = run.phases()
    head = Text.assemble(
        (f"{plan.scenario} ", "bold"),
        f"{min(run.elapsed_s, total_s):.0f} of {total_s:.0f} s, ",
        f"{plan.callers - phases['away']} of {plan.callers} on the line: ",
        ", ".join(f"{phases[name]} {name}" for name in ("listening", "waiting", "speaking", "pausing")),
    )
    counts = run.measurements.counts
    table = Table.grid(padding=(0, 3))
    for name in ("response", "barge_in", "confirm"):
        recent = sorted(
            s.value_s for s in run.measurements.durations[name][-2000:] if s.at_s > run.elapsed_s - RECENT_S
        )
        figures = (
            f"p50 {1000 * percentile(recent, 0.5):.0f}  p99 {1000 * percentile(recent, 0.99):.0f} ms" if recent else "-"
        )
        table.add_row(name, figures, f"{len(recent)} in {RECENT_S:.0f} s")
    faults = {name: counts[name] for name in (*MUST_BE_ZERO, "false_interruptions") if counts[name]}
    foot = Text(f"{counts['turns']} turns, {counts['replies']} replies, {counts['barge_ins']} barge-ins")
    if faults:
        foot.append("   " + ", ".join(f"{number} {name}" for name, number in faults.items()), style="red")
    recent_late = sorted(run.ticker.lateness_s[-500:])
    late = f"generator late by p99 {1000 * percentile(recent_late, 0.99):.1f} ms" if recent_late else ""
    shares = run.server.cpu_shares() if run.server is not None else []
    load = f"server {100 * shares[-1][1]:.0f} % of a core, " if shares else ""
    return Group(head, table, foot, Text(load + late, style="dim"))


def closing_table(summary: Summary) -> RenderableType:
    """All figures, then what they mean for trust in them."""
    spreads = _plain_table("What the callers felt, in ms")
    spreads.add_column("", no_wrap=True)
    for at in ("count", *PERCENTILES):
        spreads.add_column(at, justify="right", no_wrap=True)
    spreads.add_column("", style="dim")
    for name, about in DURATIONS.items():
        spread = summary.durations.get(name)
        if spread is not None:
            cells = [f"{getattr(spread, at):.0f}" for at in PERCENTILES]
            spreads.add_row(name, str(spread.count), *cells, about)
    counts = _plain_table("What happened", show_header=False)
    counts.add_column(no_wrap=True)
    counts.add_column(justify="right", no_wrap=True)
    counts.add_column(style="dim")
    for name, about in COUNTS.items():
        number = summary.counts[name]
        if number or name in MUST_BE_ZERO:
            style = "red" if number and name in MUST_BE_ZERO else ""
            counts.add_row(name, Text(str(number), style=style), about)
    parts: list[RenderableType] = [spreads, counts, *_server_lines(summary), *_faults(summary)]
    return Group(*parts)


def _plain_table(title: str, *, show_header: bool = True) -> Table:
    return Table(
        title=title,
        title_justify="left",
        show_header=show_header,
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def condition_lines(checked: list[CheckedCondition]) -> list[Text]:
    """One line for each condition."""
    lines = []
    for one in checked:
        value = "nothing was measured" if one.value is None else f"{one.value:g} {one.unit}".rstrip()
        word, style = ("FAILED", "bold red") if one.failed else ("not so", "green")
        lines.append(Text.assemble((word, style), f" {one.condition.text} ({value})"))
    return lines


def _server_lines(summary: Summary) -> list[Text]:
    lines = []
    figures = summary.figures()
    if summary.server_cpu is not None and summary.server_memory_mb is not None:
        lines.append(
            Text(
                f"Server: {summary.server_cpu.p50:.0f} % of a core (p50), {summary.server_cpu.max:.0f} % at most; "
                f"{summary.server_memory_mb:.0f} MB at most; streams left open: {summary.streams_left_open}."
            )
        )
        bounds = [
            f"{name.removeprefix('server_')} ≤ {value:g} ms"
            for name, (value, _) in figures.items()
            if name.startswith("server_") and name.endswith("_p99") and not name.startswith("server_cpu")
        ]
        if bounds:
            lines.append(Text("By the server's own account: " + ", ".join(bounds) + ".", style="dim"))
    elif summary.counts["calls"]:
        lines.append(Text("The server exposes no metrics that are known here.", style="dim"))
    return lines


def _faults(summary: Summary) -> list[Text]:
    measurements = summary.run.measurements
    lines = [
        Text(f"{number} times {what}", style="red")
        for what, number in (*measurements.closes.most_common(5), *measurements.errors.most_common(5))
    ]
    late = summary.lateness
    told = f"The generator was late by p50 {late.p50:.1f}, p99 {late.p99:.1f}, max {late.max:.1f} ms"
    if summary.generator_was_late:
        lines.append(
            Text(
                f"{told}: too late. The figures above say little about the server: use fewer callers.", style="bold red"
            )
        )
    else:
        aside = summary.counts["set_aside"]
        lines.append(Text(f"{told}; {aside} measurements made meanwhile were set aside.", style="dim"))
    if summary.run.interrupted:
        lines.append(Text(f"Interrupted after {summary.run.elapsed_s:.0f} s.", style="yellow"))
    return lines
