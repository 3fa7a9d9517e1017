"""The turns of one call as a table for a person."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bargein.load.call import CallResult, errors_of
from bargein.load.turns import Turn


def call_table(result: CallResult) -> RenderableType:
    """One row for each stretch of the caller's speech, then what was cut, what went wrong, and the verdict."""
    protocol = "bargein.v1" if result.dialogue.bargein else "stock Realtime protocol"
    table = Table(title=f"The call, turn by turn ({protocol})", title_justify="left")
    for name in ("", "caller speaks", "agent was"):
        table.add_column(name)
    for name in ("hold", "confirm", "silence", "reply after", "reply heard"):
        table.add_column(name, justify="right")
    table.add_column("reply ended")
    for number, turn in enumerate(result.turns, 1):
        table.add_row(str(number), *_cells(turn))
    legend = Text(
        "hold, confirm, silence: ms after the caller's first sample (at the caller's own loudspeaker).\n"
        "reply after: ms from the caller's last sample to the first sound heard.",
        style="dim",
    )
    return Group(table, legend, *_cuts(result), *_faults(result))


def _cells(turn: Turn) -> list[str]:
    hold = _after(turn.held_s, turn.mark.onset_s)
    if turn.resumed_s is not None and turn.confirmed_s is None:
        hold += f" (resumed {_after(turn.resumed_s, turn.mark.onset_s)})"
    heard = f"{turn.heard_s:.1f} of {turn.received_s:.1f} s" if turn.received_s else ""
    if turn.confirmed_s is None and turn.resumed_s is None:
        ended = "turn not noticed" if turn.reply is None else (turn.reply.status or "in progress")
    else:
        ended = (turn.reply.status or "in progress") if turn.reply else ""
    return [
        f"{_clock(turn.mark.onset_s)} to {_clock(turn.mark.end_s)}",
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
            Text(f"Replies ran dry {len(listener.underruns)} times, {1000 * gaps_s:.0f} ms in all.", style="yellow")
        )
    if result.closed is not None:
        lines.append(Text(f"The server ended the call: {result.closed[0]} {result.closed[1]}".rstrip(), style="red"))
    if result.unanswered is not None:
        lines.append(Text(f"Not answered: {result.unanswered}.", style="red"))
    return lines


def _after(at_s: float | None, from_s: float) -> str:
    return "" if at_s is None else f"{1000 * (at_s - from_s):.0f}"


def _clock(at_s: float) -> str:
    return f"{int(at_s // 60)}:{at_s % 60:05.2f}"
