"""The report of a run: one HTML file that stands alone, made from ``report.html.jinja``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jinja2

from bargein.load.conditions import CheckedCondition
from bargein.load.load_table import MUST_BE_ZERO
from bargein.load.measurements import COUNTS, DURATIONS
from bargein.load.report_plots import generator_plot, latency_plots, server_side, spread_plot, timelines
from bargein.load.summary import PERCENTILES, Summary

WORST_CALLERS: Final = 8
_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)


def write_report(path: Path, summary: Summary, checked: Sequence[CheckedCondition]) -> None:
    """Write the report.

    :raises OSError: the file cannot be written.
    """
    path.write_text(report(summary, checked), encoding="utf-8")


def report(summary: Summary, checked: Sequence[CheckedCondition]) -> str:
    """The whole page."""
    run, plan = summary.run, summary.run.plan
    return _TEMPLATES.get_template("report.html.jinja").render(
        title=f"Load report: {plan.scenario}, {plan.callers} callers",
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        began=datetime.fromtimestamp(run.began_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        run=run,
        plan=plan,
        result=_result(summary, checked),
        cards=[{"value": value, "label": label, "style": style} for value, label, style in _cards(summary)],
        durations={"head": ["", "count", *PERCENTILES, ""], "rows": _durations(summary)},
        latency=latency_plots(summary),
        spread=spread_plot(summary),
        timelines=timelines(summary),
        counts=_counts(summary),
        must_be_zero=MUST_BE_ZERO,
        kinds=_by_kind(summary),
        causes=_causes(summary),
        server=server_side(summary),
        set_aside=summary.counts["set_aside"],
        lateness=summary.lateness,
        generator=generator_plot(summary),
        worst=_worst_callers(summary),
    )


def _result(summary: Summary, checked: Sequence[CheckedCondition]) -> dict[str, Any]:
    faults = [name for name in MUST_BE_ZERO if summary.counts[name]]
    failed = [one for one in checked if one.failed]
    if summary.generator_was_late:
        head = "The load generator itself was too late: this run says little about the server."
    elif failed:
        head = f"{len(failed)} of {len(checked)} conditions failed."
    elif faults:
        head = "Callers would have noticed faults."
    elif checked:
        head = "All conditions passed, and no caller would have noticed a fault."
    else:
        head = "No caller would have noticed a fault."
    lines = [_judged(one) for one in checked] + [f"{summary.counts[name]} {COUNTS[name]}" for name in faults]
    return {"bad": bool(failed or faults or summary.generator_was_late), "head": head, "lines": lines}


def _judged(one: CheckedCondition) -> str:
    value = "nothing was measured" if one.value is None else f"{one.value:g} {one.unit}".rstrip()
    return f"{one.condition.text}: {'failed' if one.failed else 'passed'} ({value})"


def _cards(summary: Summary) -> list[tuple[str, str, str]]:
    """Value, label and CSS class."""
    cards = []
    for name, label in (("response", "end of speech to reply heard"), ("barge_in", "onset to silence heard")):
        spread = summary.durations.get(name)
        if spread is not None:
            cards.append((f"{spread.p50:.0f} / {spread.p99:.0f}", f"ms, {label}, p50 / p99", ""))
    counts = summary.counts
    cards.append((f"{counts['replies']}", f"replies heard in {counts['calls']} calls", ""))
    for name, label in (("missing_replies", "replies missing"), ("stale_samples_heard", "stale samples heard")):
        cards.append((str(counts[name]), label, "bad" if counts[name] else "good"))
    if counts["words_checked"]:
        over, under = (counts[name] / counts["words_checked"] for name in ("words_over", "words_under"))
        cards.append((f"{over:.2f} / {under:.2f}", "words over / under, per cut-off reply", ""))
    if summary.server_cpu is not None:
        cards.append((f"{summary.server_cpu.p50:.0f} %", f"of a core, at most {summary.server_cpu.max:.0f} %", ""))
    if summary.server_memory_mb is not None:
        cards.append((f"{summary.server_memory_mb:.0f} MB", "server memory at most", ""))
    return cards


def _durations(summary: Summary) -> list[list[str]]:
    return [
        [name, str(spread.count), *(f"{getattr(spread, at):.0f}" for at in PERCENTILES), DURATIONS[name]]
        for name in DURATIONS
        if (spread := summary.durations.get(name)) is not None
    ]


def _counts(summary: Summary) -> list[tuple[str, int, str]]:
    return [
        (name, number, about)
        for name, about in COUNTS.items()
        if (number := summary.counts[name]) or name in MUST_BE_ZERO
    ]


def _causes(summary: Summary) -> list[list[str]]:
    measurements = summary.run.measurements
    counters = (
        ("end of a call", measurements.closes),
        ("error event", measurements.errors),
        ("heard as speech", measurements.false_causes),
        ("silenced nothing", measurements.missed_causes),
    )
    return [[kind, str(number), what] for kind, seen in counters for what, number in seen.most_common(10)]


def _by_kind(summary: Summary) -> dict[str, list[Any]]:
    """Which kind of caller each count comes from, where there are several."""
    kinds = summary.by_kind()
    if len(kinds) < 2:
        return {"head": [], "rows": []}
    rows = [
        [name, *(str(own[name]) for own in kinds.values())]
        for name in COUNTS
        if name in summary.counts and any(own[name] for own in kinds.values())
    ]
    return {"head": ["by kind of caller", *kinds], "rows": rows}


def _worst_callers(summary: Summary) -> list[list[str]]:
    faults = (*MUST_BE_ZERO, "false_interruptions", "false_turns")
    ranked = sorted(
        (
            (sum(own[name] for name in faults), caller, own)
            for caller, own in summary.run.measurements.by_caller.items()
        ),
        key=lambda entry: (-entry[0], entry[1]),
    )
    return [
        [
            str(caller),
            str(own["turns"]),
            summary.run.kinds[caller],
            ", ".join(f"{own[name]} {name}" for name in faults if own[name]),
        ]
        for bad, caller, own in ranked[:WORST_CALLERS]
        if bad
    ]
