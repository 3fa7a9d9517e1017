"""On which line of a TOML file a value stands: the parser of the standard library does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any, Final

Path = tuple[str | int, ...]

_TABLE: Final = re.compile(r"\s*(?P<open>\[\[?)\s*(?P<name>[^\]]+?)\s*\]\]?\s*(?:#.*)?")
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY: Final = re.compile(rf"\s*(?P<name>{_PART}(?:\s*\.\s*{_PART})*)\s*=")
_LONG_QUOTES: Final = ('"""', "'''")


class TomlLines:
    """Finds lines in ``text``, which is valid TOML. What stands within one line of text has that line."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {(): 1}
        self._tables: dict[Path, int] = {}
        """How many tables of each array there have been."""
        self._whole: Any = tomllib.loads(text)
        self._read(text)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of what stands at ``path``, or else of what it would stand in."""
        wanted = tuple(path)
        while wanted not in self._lines:
            wanted = wanted[:-1]
        return self._lines[wanted]

    def _read(self, text: str) -> None:
        table: Path = ()
        closing = ""
        # Other ends of lines than these are text in TOML.
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
            if closing:
                closing = "" if closing in line else closing
                continue
            if (found := _TABLE.fullmatch(line)) and self._is_table(names := _names(found["name"])):
                table = self._table(names, array=found["open"] == "[[")
                self._lines.setdefault(table, number)
            elif found := _KEY.match(line):
                path = (*table, *_names(found["name"]))
                for depth in range(len(table) + 1, len(path) + 1):
                    self._lines.setdefault(path[:depth], number)
                closing = _left_open(line[found.end() :])

    def _is_table(self, names: Path) -> bool:
        """Whether there are such tables. Else the line is a value in an array of several lines."""
        level = [self._whole]
        for name in names:
            below = [one[name] for one in level if isinstance(one, dict) and name in one]
            level = [one for held in below for one in (held if isinstance(held, list) else [held])]
        return bool(names) and any(isinstance(one, dict) for one in level)

    def _table(self, names: Path, *, array: bool) -> Path:
        """The path of a table, with the places in the arrays that it stands in."""
        path: Path = ()
        for depth, name in enumerate(names, 1):
            path = (*path, name)
            if array and depth == len(names):
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        return path


def _names(dotted: str) -> Path:
    """The parts of a key; none where it is a value in an array of several lines."""
    try:
        found: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    names: list[str] = []
    while isinstance(found, dict):
        ((name, found),) = found.items()
        names.append(name)
    return tuple(names)


def _left_open(value: str) -> str:
    """The quotes that end a text of several lines, where one begins in ``value`` and does not end there."""
    begun = value.lstrip()
    return next((quotes for quotes in _LONG_QUOTES if begun.startswith(quotes) and begun.count(quotes) == 1), "")
