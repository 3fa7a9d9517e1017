"""Numbers from a command line: read within bounds, refused with the value and what is allowed."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Within:
    """Reads a number from ``least`` to ``most``; never ``nan``, nor one too large for a timer."""

    least: float
    most: float

    def __call__(self, given: str | float) -> float:
        """Read one.

        :raises ValueError: it is none, in words.
        """
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not self.least <= value <= self.most:
            raise ValueError(_refusal(given, "a number", self.least, self.most))
        return value


@dataclass(frozen=True, slots=True)
class WholeWithin:
    """Reads a whole number from ``least`` to ``most``."""

    least: int
    most: int

    def __call__(self, given: str | float) -> int:
        """Read one.

        :raises ValueError: it is none, in words.
        """
        try:
            value = int(given)
        except (ValueError, OverflowError):
            value = self.least - 1
        if not self.least <= value <= self.most:
            raise ValueError(_refusal(given, "a whole number", self.least, self.most))
        return value


def _refusal(given: str | float, kind: str, least: float, most: float) -> str:
    shown = str(given)
    if len(shown) > _SHOWN_CHARACTERS:
        shown = f"{shown[:_SHOWN_CHARACTERS]}…"
    return f"{shown!r} is not allowed: give {kind} from {_figure(least)} to {_figure(most)}"


def _figure(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.15g}"
