"""The run as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table

from bargein.bench.live import Compared
from bargein.bench.outcome import Outcome
from bargein.bench.summary import Row, Spread, Summary, spread

COLUMNS: Final = (
    "class", "scenes", "right", "hold p50/p95/p99", "confirm p50/p95/p99", "silent plain", "quiet/silent v1",
    "gap plain", "gap/ducked v1", "false /h", "holds /h", "lost",
)  # fmt: skip
"""*Silent*: from the onset to silence at the loudspeaker, p50; *quiet*: to that, or to being ducked for good. *Gap*:
silence in a reply that survived, p50; *ducked*: how long it was that."""
WIDE: Final = 180
"""Letters in a line that all columns go into."""
PARTS: Final = (range(1, 5), range(5, 9), range(9, 12))
"""Columns that go into one table, beside the class, where lines are shorter."""


def family_tables(summary: Summary, *, kinds: bool, width: int = WIDE) -> list[Table]:
    """One configuration, a line for each class; with ``kinds``, each kind of it too.

    :param width: letters in a line; where not all columns go into one they are in several tables.
    """
    took = f"{summary.hours:g} h of calls in {summary.took_s:.0f} s; times in ms"
    parts = [range(1, len(COLUMNS))] if width >= WIDE else PARTS
    tables = [_part(summary, part, kinds=kinds) for part in parts]
    tables[0].title = f"{summary.configuration} ({summary.set} set, {took})"
    tables[-1].caption = headline(summary)
    return tables


def _part(summary: Summary, columns: range, *, kinds: bool) -> Table:
    table = Table(title_justify="left", caption_justify="left")
    table.add_column(COLUMNS[0])
    for column in columns:
        table.add_column(COLUMNS[column], justify="right", no_wrap=True)

    def add(one: Row, name: str, *, dim: bool) -> None:
        figures = cells(one)
        table.add_row(name, *(figures[column] for column in columns), style="dim" if dim else None)

    for one in [*summary.goals, *summary.families]:
        add(one, one.name, dim=one in summary.goals)
        for kind in summary.kinds.get(one.name, []) if kinds and one in summary.families else []:
            add(kind, f"  {kind.name}", dim=True)
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
        pair(one.quiet_v1, one.silence_v1),
        middle(one.survived_silence_plain),
        pair(one.survived_silence_v1, one.survived_quiet_v1),
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


def pair(first: Spread, second: Spread) -> str:
    """Their middles."""
    return "/".join(filter(None, [middle(first), middle(second)]))


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
