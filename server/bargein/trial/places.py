"""Where in a TOML file a field is: the reader of the standard library tells it only of what is no TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

Path = Sequence[str | int]

_CLOSINGS = ("", "\n]")
"""A beginning may end within an array."""


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, with which the field at ``path`` is there: the shortest beginning of the file that has it.

    Of a value over several lines it is the last. ``None``: the file has no such field. Takes time by the square of the
    file's length: for errors.
    """
    if not path:
        return None
    lines = text.splitlines(keepends=True)
    for count in range(1, len(lines) + 1):
        beginning = "".join(lines[:count])
        for closing in _CLOSINGS:
            try:
                table = tomllib.loads(beginning + closing)
            except tomllib.TOMLDecodeError:
                continue
            if _has(table, path):
                return count
    return None


def _has(value: object, path: Path) -> bool:
    for key in path:
        match value, key:
            case dict(), str() if key in value:
                value = value[key]
            case list(), int() if key < len(value):
                value = value[key]
            case _:
                return False
    return True
