"""One call for a person to read: what was said, and the turns as a table."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bargein.load.call import CallResult, errors_of
from bargein.load.conversation import Line, conversation, outcome
from bargein.load.turns import Turn

_LEGEND = (
    "Times are counted from the caller's first sound over a reply. paused: the reply stops, and may still go on; "
    "silent: it is heard no more; confirmed: the server says that it was an interruption. answered: from the caller's "
    "last sound to the first of the answer. All as heard at the loudspeaker."
)


def call_table(result: CallResult) -> RenderableType:
    """The conversation, one row for each stretch of the caller's speech, what went wrong, and the verdict."""
    return Group(
        conversation_view(result),
        Text("What became of what the caller said", style="bold"),
        _turn_table(result.turns),
        Text(_LEGEND, style="dim"),
        *_faults(result),
    )


def conversation_view(result: CallResult, latest: int | None = None) -> RenderableType:
    """What was said so far.

    :param latest: so many of the latest lines; ``None``: all.
    """
    protocol = "bargein.v1" if result.dialogue.bargein else "stock Realtime protocol"
    said = Table.grid(padding=(0, 2, 0, 0))
    for name in ("at", "who"):
        said.add_column(name, no_wrap=True)
    said.add_column("words", overflow="fold")
    for line in conversation(result)[-latest if latest else 0 :]:
        said.add_row(_clock(line.at_s), line.who, _words(line))
    return Group(Text(f"The conversation ({protocol})", style="bold"), Padding(said, (1, 0, 1, 1)))


def _words(line: Line) -> Text:
    parts = []
    if line.text:
        parts.append(Text(line.text))
    if line.unheard:
        parts.append(Text(f"[not heard: {line.unheard}]", style="dim strike"))
    if line.remark:
        parts.append(Text(f"({line.remark})", style="dim italic"))
    return Text("\n").join(parts)


def _turn_table(turns: list[Turn]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("caller spoke", "agent was"):
        table.add_column(name, no_wrap=True)
    for name in ("paused", "silent", "confirmed", "answered"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("the answer", no_wrap=True)
    for turn in turns:
        table.add_row(*_cells(turn))
    return table


def _cells(turn: Turn) -> list[str]:
    onset_s = turn.mark.onset_s
    paused = _after(turn.held_s, onset_s)
    if turn.held_s is not None and turn.resumed_s is not None and turn.confirmed_s is None:
        paused = f"{1000 * (turn.held_s - onset_s):.0f}-{_after(turn.resumed_s, onset_s)}"
    # What begins a turn in silence interrupts nothing.
    confirmed_s = turn.confirmed_s if turn.agent == "speaking" else None
    if turn.reply is not None:
        reply = outcome(turn.reply).partition(":")[0]
    elif turn.resumed_s is not None:
        reply = "went on"
    else:
        reply = "none" if turn.confirmed_s is not None else "not noticed"
    return [
        f"{_clock(onset_s)}-{_clock(turn.mark.end_s)}",
        turn.agent,
        paused,
        _after(turn.silent_s, onset_s),
        _after(confirmed_s, onset_s),
        _after(turn.first_heard_s, turn.mark.end_s),
        reply,
    ]


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
        lines.append(Text(f"The call was ended: {result.closed[0]} {result.closed[1]}".rstrip(), style="red"))
    if result.unanswered is not None:
        verdict = "Answered in part" if any(turn.heard_s for turn in result.turns[-1:]) else "Not answered"
        lines.append(Text(f"{verdict}: {result.unanswered.rstrip('.')}.", style="red"))
    return lines


def _after(at_s: float | None, from_s: float) -> str:
    return "" if at_s is None else f"{1000 * (at_s - from_s):.0f} ms"


def _clock(at_s: float) -> str:
    at_s = max(0.0, at_s)
    return f"{int(at_s // 60)}:{at_s % 60:04.1f}"
