"""The turns of one call as a table for a person."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bargein.load.call import CallResult, errors_of
from bargein.load.turns import Turn


def call_table(result: CallResult) -> RenderableType:
    """One row for each stretch of the caller's speech, then what was cut, what went wrong, and the verdict."""
    protocol = "bargein.v1" if result.dialogue.bargein else "stock Realtime protocol"
    table = Table(
        title=f"The call, turn by turn ({protocol})",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in ("", "speech", "agent"):
        table.add_column(name, no_wrap=True)
    for name in ("hold", "confirm", "silence", "reply", "heard s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ended", min_width=9)
    for number, turn in enumerate(result.turns, 1):
        table.add_row(str(number), *_cells(turn))
    legend = Text(
        "hold (to resume), confirm, silence heard: ms after the speech's first sample.\n"
        "reply: ms from the speech's last sample to the first sound heard.",
        style="dim",
    )
    return Group(table, legend, *_cuts(result), *_faults(result))


def _cells(turn: Turn) -> list[str]:
    hold = _after(turn.held_s, turn.mark.onset_s)
    if turn.resumed_s is not None and turn.confirmed_s is None:
        hold += f" to {_after(turn.resumed_s, turn.mark.onset_s)}"
    heard = f"{turn.heard_s:.1f}/{turn.received_s:.1f}" if turn.received_s else ""
    if turn.confirmed_s is None and turn.resumed_s is None:
        ended = "not noticed" if turn.reply is None else (turn.reply.status or "in progress")
    else:
        ended = (turn.reply.status or "in progress") if turn.reply else ""
    return [
        f"{_clock(turn.mark.onset_s)}-{_clock(turn.mark.end_s)}",
        turn.agent,
        hold,
        _after(turn.confirmed_s, turn.mark.onset_s),
        _after(turn.silent_s, turn.mark.onset_s),
        _after(turn.first_heard_s, turn.mark.end_s),
        heard,
        ended,
    ]


def _cuts(result: CallResult) -> list[Text]:
    lines = []
    for number, turn in enumerate(result.turns, 1):
        if turn.cut is not None:
            line = Text(f"Turn {number} cut the agent off. The model is told: ")
            line.append(f"“{turn.cut.heard_text}”", style="bold")
            line.append(f", unheard: “{turn.cut.unheard_text}”", style="dim")
            lines.append(line)
    return lines


def _faults(result: CallResult) -> list[Text]:
    listener = result.dialogue.listener
    lines = [Text(f"Error from the server: {error.message}", style="red") for error in errors_of(result)]
    stale_ms = 1000 * result.dialogue.stale_heard_samples() // listener.rate_hz
    if stale_ms:
        lines.append(Text(f"{stale_ms} ms of a reply were heard after the caller had interrupted it.", style="red"))
    if listener.underruns:
        gaps_s = sum(gap.duration_s for gap in listener.underruns)
        lines.append(
            Text(f"Breaks in replies: {len(listener.underruns)}, {1000 * gaps_s:.0f} ms in all.", style="yellow")
        )
    if result.closed is not None:
        lines.append(Text(f"The server ended the call: {result.closed[0]} {result.closed[1]}".rstrip(), style="red"))
    if result.unanswered is not None:
        lines.append(Text(f"Not answered: {result.unanswered.rstrip('.')}.", style="red"))
    return lines


def _after(at_s: float | None, from_s: float) -> str:
    return "" if at_s is None else f"{1000 * (at_s - from_s):.0f}"


def _clock(at_s: float) -> str:
    return f"{int(at_s // 60)}:{at_s % 60:04.1f}"
