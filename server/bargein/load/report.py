"""The report of a run: one HTML file that stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from bargein.load.conditions import Verdict
from bargein.load.html import table
from bargein.load.load_table import MUST_BE_ZERO
from bargein.load.measures import COUNTS, DURATIONS
from bargein.load.report_plots import generator_plots, latency_plots, server_plots, timelines
from bargein.load.summary import PERCENTILES, Summary

WORST_CALLERS: Final = 8
_STYLE: Final = Path(__file__).with_name("report.css")


def write_report(path: Path, summary: Summary, verdicts: Sequence[Verdict]) -> None:
    """Write the report.

    :raises OSError: the file cannot be written.
    """
    path.write_text(report(summary, verdicts), encoding="utf-8")


def report(summary: Summary, verdicts: Sequence[Verdict]) -> str:
    """The whole page."""
    title = f"Load report: {summary.run.plan.scenario}, {summary.run.plan.callers} callers"
    body = "".join(
        (
            _head(summary, title),
            _verdict(summary, verdicts),
            _cards(summary),
            _durations(summary),
            latency_plots(summary),
            timelines(summary),
            _counts(summary),
            server_plots(summary),
            generator_plots(summary),
            _worst_callers(summary),
        )
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE.read_text(encoding="utf-8")}</style></head>'
        f"<body>{body}</body></html>"
    )


def _head(summary: Summary, title: str) -> str:
    plan, run = summary.run.plan, summary.run
    began = datetime.fromtimestamp(run.began_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    kinds = "".join(
        f"<li><b>{escape(name)}</b>, {100 * share:.0f} %: {escape(scenario.about)}</li>"
        for name, share, scenario in plan.parts
    )
    dialect = "binary (bargein.v1)" if plan.bargein else "JSON"
    return (
        f"<h1>{escape(title)}</h1><p class='soft'>{began}, {run.elapsed_s:.0f} s against {escape(plan.url)}, "
        f"{plan.audio_format.encoding.value} in {plan.frame_ms} ms frames, {dialect}, seed {plan.seed}"
        f"{', interrupted' if run.interrupted else ''}.</p><ul class='about'>{kinds}</ul>"
    )


def _verdict(summary: Summary, verdicts: Sequence[Verdict]) -> str:
    faults = [name for name in MUST_BE_ZERO if summary.counts[name]]
    failed = [verdict for verdict in verdicts if verdict.failed]
    if summary.generator_was_late:
        head = "The load generator itself was too late: this run says little about the server."
    elif failed:
        head = f"{len(failed)} of {len(verdicts)} conditions failed."
    elif faults:
        head = "Callers would have noticed faults."
    elif verdicts:
        head = "All conditions passed, and no caller would have noticed a fault."
    else:
        head = "No caller would have noticed a fault."
    lines = [_judged(verdict) for verdict in verdicts]
    lines += [f"{summary.counts[name]} {escape(COUNTS[name])}" for name in faults]
    items = "".join(f"<li>{line}</li>" for line in lines)
    style = "verdict bad" if failed or faults or summary.generator_was_late else "verdict"
    return f"<div class='{style}'><b>{head}</b>{f'<ul>{items}</ul>' if items else ''}</div>"


def _judged(verdict: Verdict) -> str:
    value = "nothing was measured" if verdict.value is None else f"{verdict.value:g} {verdict.unit}".rstrip()
    return f"{escape(verdict.condition.text)}: {'failed' if verdict.failed else 'passed'} ({value})"


def _cards(summary: Summary) -> str:
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
    inner = "".join(
        f"<div class='card'><b class='{style}'>{value}</b><span>{escape(label)}</span></div>"
        for value, label, style in cards
    )
    return f"<div class='cards'>{inner}</div>"


def _durations(summary: Summary) -> str:
    rows = [
        [name, str(spread.count), *(f"{getattr(spread, at):.0f}" for at in PERCENTILES), DURATIONS[name]]
        for name in DURATIONS
        if (spread := summary.durations.get(name)) is not None
    ]
    about = "<p class='about'>In milliseconds, at the caller's mouth and loudspeaker.</p>"
    return "<h2>What the callers felt</h2>" + about + table(["", "count", *PERCENTILES, ""], rows, 5)


def _counts(summary: Summary) -> str:
    rows = [
        [name, f"<span class='{'bad' if name in MUST_BE_ZERO and number else ''}'>{number}</span>", about]
        for name, about in COUNTS.items()
        if (number := summary.counts[name]) or name in MUST_BE_ZERO
    ]
    measures = summary.run.measures
    counters = (
        ("end of a call", measures.closes),
        ("error event", measures.errors),
        ("heard as speech", measures.false_causes),
        ("silenced nothing", measures.missed_causes),
    )
    causes = [[kind, str(number), escape(what)] for kind, seen in counters for what, number in seen.most_common(10)]
    text = "<h2>What happened</h2>" + table(["", "", ""], rows, 1) + _by_kind(summary)
    return text + ("<h2>Errors, ends and false alarms</h2>" + table(["", "", ""], causes, 1) if causes else "")


def _by_kind(summary: Summary) -> str:
    """Which kind of caller each count comes from, where there are several."""
    kinds = summary.by_kind()
    if len(kinds) < 2:
        return ""
    rows = [
        [name, *(str(own[name]) for own in kinds.values())]
        for name in COUNTS
        if name in summary.counts and any(own[name] for own in kinds.values())
    ]
    return table(["by kind of caller", *map(escape, kinds)], rows, len(kinds))


def _worst_callers(summary: Summary) -> str:
    faults = (*MUST_BE_ZERO, "false_interruptions", "false_turns")
    ranked = sorted(
        ((sum(own[name] for name in faults), caller, own) for caller, own in summary.run.measures.by_caller.items()),
        key=lambda entry: (-entry[0], entry[1]),
    )
    rows = [
        [
            str(caller),
            str(own["turns"]),
            escape(summary.run.kinds[caller]),
            ", ".join(f"{own[name]} {name}" for name in faults if own[name]),
        ]
        for bad, caller, own in ranked[:WORST_CALLERS]
        if bad
    ]
    if not rows:
        return ""
    return "<h2>Callers with the most trouble</h2>" + table(["caller", "turns", "kind", "what went wrong"], rows, 1)
