"""Small pieces of HTML that the report is put together from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Iterable[str], rows: Sequence[Sequence[str]], numbers: int) -> str:
    """A table whose columns 1 to ``numbers`` hold numbers. Cells are HTML."""
    head = list(head)
    style = ["n" if 1 <= column <= numbers else "" for column in range(len(head))]
    top = _row(head, style, "th") if any(head) else ""
    return f"<table>{top}{''.join(_row(row, style, 'td') for row in rows)}</table>"


def caption(title: str, about: str = "") -> str:
    """The line above a plot."""
    return f"<p><b>{title}</b> <span class='about'>{about}</span></p>"


def legend(keys: Iterable[tuple[str, str]]) -> str:
    """CSS class and meaning of each colour."""
    return "<p class='legend'>" + "".join(f"<span class='key'><i class='{c}'></i>{n}</span>" for c, n in keys) + "</p>"


def _row(cells: Iterable[str], style: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag} class='{style[n]}'>{cell}</{tag}>" for n, cell in enumerate(cells)) + "</tr>"
