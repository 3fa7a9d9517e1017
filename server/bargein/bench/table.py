"""The run as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table

from bargein.bench.live import Compared
from bargein.bench.outcome import Outcome
from bargein.bench.summary import Row, Spread, Summary, spread

COLUMNS: Final = (
    "class", "scenes", "right", "hold p50/p95/p99", "confirm p50/p95/p99", "silent plain", "silent v1", "gap plain",
    "gap v1", "false /h", "holds /h", "lost",
)  # fmt: skip
"""*Silent*: from the onset to silence at the loudspeaker, p50. *Gap*: silence in a reply that survived, p50."""


def family_table(summary: Summary, *, kinds: bool) -> Table:
    """One configuration, a line for each class; with ``kinds``, each kind of it too."""
    table = Table(
        title=f"{summary.configuration} ({summary.set} set, {summary.hours:g} h of calls in {summary.took_s:.0f} s)",
        title_justify="left",
        caption=headline(summary),
        caption_justify="left",
    )
    for head in COLUMNS:
        table.add_column(head, justify="left" if head == "class" else "right")
    for one in [*summary.goals, *summary.families]:
        table.add_row(*cells(one), style="dim" if one in summary.goals else None)
        for kind in summary.kinds.get(one.name, []) if kinds and one in summary.families else []:
            table.add_row(f"  {kind.name}", *cells(kind)[1:], style="dim")
    return table


def headline(summary: Summary) -> str:
    """The figures that others give, by their names, as far as the scenes tell them."""
    named = {
        "recall": percent(summary.recall),
        "false positives": percent(summary.false_positives),
        "median delay": "" if summary.median_delay_ms is None else f"{summary.median_delay_ms:.0f} ms",
        "selectivity of backchannels": percent(summary.selectivity),
    }
    return ", ".join(f"{name} {figure}" for name, figure in named.items() if figure)


def cells(one: Row) -> list[str]:
    """A row, as :data:`COLUMNS` are named."""
    false = one.false_turns_per_h if one.false_turns_per_h is not None else one.false_interruptions_per_h
    return [
        one.name,
        f"{one.scenes}" + (f" (-{one.void})" if one.void else ""),
        percent(one.share),
        triple(one.hold),
        triple(one.confirm if one.wanted != "one turn" else one.answer),
        middle(one.silence_plain),
        middle(one.silence_v1),
        middle(one.survived_silence_plain),
        middle(one.survived_silence_v1),
        "" if false is None else f"{false:.0f}",
        "" if one.holds_per_h is None else f"{one.holds_per_h:.0f}",
        f"{one.lost_samples + one.repeated_samples}",
    ]


def comparison(summaries: Sequence[Summary]) -> Table:
    """Configurations side by side: what was right, and the delay to the confirmation."""
    table = Table(title=f"Side by side ({summaries[0].set} set)", title_justify="left")
    table.add_column("class")
    for summary in summaries:
        table.add_column(summary.configuration, justify="right")
    names = dict.fromkeys(one.name for summary in summaries for one in [*summary.goals, *summary.families])
    for name in names:
        found = [next((one for one in [*s.goals, *s.families] if one.name == name), None) for s in summaries]
        table.add_row(name, *[_short(one) for one in found])
    return table


def _short(one: Row | None) -> str:
    if one is None:
        return ""
    parts = [percent(one.share)]
    if one.confirm.p50 is not None and "yield" in one.wanted:
        parts.append(f"{one.confirm.p50:.0f}/{one.confirm.p95:.0f}")
    if one.false_turns_per_h is not None or one.false_interruptions_per_h is not None:
        parts.append(f"{one.false_turns_per_h or one.false_interruptions_per_h or 0:.0f}/h")
    return "  ".join(parts)


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def triple(one: Spread) -> str:
    return "" if one.p50 is None else f"{one.p50:.0f}/{one.p95:.0f}/{one.p99:.0f}"


def middle(one: Spread) -> str:
    return "" if one.p50 is None else f"{one.p50:.0f}"


def live_lines(compared: Sequence[Compared], callers: int) -> list[str]:
    """What a real server made of the same scenes, beside what was decided on the virtual clock."""
    same = sum(one.same for one in compared)
    lines = [
        f"Over a real server in real time, with {callers} other callers on: {same} of {len(compared)} decided alike."
    ]
    for one in compared:
        if not one.same:
            found = "nothing" if one.live is None else _told(one.live)
            lines.append(f"  {one.virtual.scene.name}: virtual {_told(one.virtual)}; live {one.error or found}")
    for what in ("hold_ms", "confirm_ms", "silence_ms"):
        later = spread(_later(one, what) for one in compared)
        if later.p50 is not None:
            lines.append(
                f"  {what.removesuffix('_ms')} later than on the virtual clock: p50/p95/p99 {triple(later)} ms"
            )
    return lines


def _told(one: Outcome) -> str:
    return f"{one.interruptions} interruptions, {one.turns} turns, {one.holds} holds"


def _later(one: Compared, what: str) -> float | None:
    """How much later than on the virtual clock, in ms, where the same was decided."""
    virtual, live = getattr(one.virtual, what), None if one.live is None else getattr(one.live, what)
    return None if not one.same or virtual is None or live is None else float(live - virtual)
