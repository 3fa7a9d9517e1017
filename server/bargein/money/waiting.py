"""What cannot be written into the ledger's file yet: bounded, however long that lasts, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Statement = tuple[str, tuple[Any, ...]]
"""With its values."""
Row = tuple[str, str, str]
"""Day, key and model."""


class Waiting:
    """What was used adds up by day, key and model: as many rows wait as the file will have, not as there were turns.

    :param add: the statement that adds to a row: its values are the row's, then the figures.
    """

    def __init__(self, add: str) -> None:
        self._add = add
        self._figures: dict[Row, tuple[float, ...]] = {}
        self._others: list[Statement] = []

    def __bool__(self) -> bool:
        return bool(self._figures or self._others)

    def __iter__(self) -> Iterator[Statement]:
        yield from ((self._add, (*row, *figures)) for row, figures in self._figures.items())
        yield from self._others

    def used(self, row: Row, figures: tuple[float, ...]) -> None:
        """Something was used."""
        before = self._figures.get(row)
        self._figures[row] = figures if before is None else tuple(map(sum, zip(before, figures, strict=True)))

    def also(self, statement: Statement) -> None:
        """Of a turn that began while the file could be written: there are not many."""
        self._others.append(statement)

    def first_figure(self, day: str, key: str | None) -> float:
        """The sum of the first figure of that day, of one key or of all."""
        return sum(figures[0] for row, figures in self._figures.items() if row[0] == day and key in {None, row[1]})

    def clear(self) -> None:
        """It has been written."""
        self._figures.clear()
        self._others.clear()
