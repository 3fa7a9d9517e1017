"""Results for a person to read: one line for what passed; for what failed the reason, and what was said."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bargein.load.conversation import Line
from bargein.trial.playing import Result


def told(result: Result) -> RenderableType:
    """One scenario."""
    style, word = ("green", "PASS") if result.passed else ("bold red", "FAIL")
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(no_wrap=True)
    line.add_column(no_wrap=True, min_width=20)
    line.add_column(no_wrap=True, justify="right", min_width=6)
    line.add_column(overflow="fold")
    line.add_row(Text(word, style), result.script.name, f"{result.duration_s:.1f} s", ", ".join(result.notes))
    if result.passed:
        return line
    parts: list[RenderableType] = [line, Padding(Text(f"{where(result)}: {sentence(result.reason)}"), (0, 0, 0, 6))]
    if result.lines:
        parts.append(Padding(_conversation(result.lines), (0, 0, 0, 6)))
    if result.files:
        parts.append(Padding(Text(f"kept: {', '.join(map(str, result.files))}", style="dim"), (0, 0, 0, 6)))
    return Group(*parts)


def sentence(reason: str) -> str:
    """With one mark at its end."""
    return reason if reason.endswith((".", "?", "!")) else f"{reason}."


def where(result: Result) -> str:
    """The step that failed, and where it is written."""
    if result.step is None:
        return result.script.file
    return f"{result.script.file}, line {result.script.lines[result.step - 1]} (step {result.step})"


def clock(at_s: float) -> str:
    return f"{int(max(0.0, at_s) // 60)}:{max(0.0, at_s) % 60:04.1f}"


def _conversation(lines: tuple[Line, ...]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name in ("at", "who"):
        table.add_column(name, no_wrap=True)
    table.add_column("words", overflow="fold")
    for line in lines:
        said = Text(line.text)
        if line.unheard:
            said.append(f" [not heard: {line.unheard}]", style="dim")
        if line.remark:
            said.append(f" ({line.remark})" if said else f"({line.remark})", style="dim italic")
        table.add_row(clock(line.at_s), line.who, said)
    return table
