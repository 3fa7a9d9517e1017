"""TOML as people write it into files. Whatever stands in one, it is read or refused in words."""

from __future__ import annotations

import math
import tomllib
from typing import Any, Final

MAX_DEPTH: Final = 100
"""Levels of tables and arrays inside each other."""
_LEAST_INTEGER, _MOST_INTEGER = -(2**63), 2**63 - 1
_SHOWN_STEPS: Final = 8

Path = tuple[str | int, ...]


class NotTomlError(ValueError):
    """It cannot be read. The message says why, in one line."""


def parse_toml(data: bytes) -> tuple[str, dict[str, Any]]:
    """The text, for who looks for lines in it, and what it says. A byte order mark, as some editors write, is no text.

    :raises NotTomlError: it is none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotTomlError(f"it is not UTF-8 (at byte {error.start})") from None
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotTomlError(str(error)) from None
    except RecursionError:
        raise NotTomlError("it is nested too deeply") from None
    except ValueError:
        # Python reads no integer of thousands of digits.
        raise NotTomlError("a number in it is too long") from None


def no_json(given: dict[str, Any]) -> tuple[Path, str] | None:
    """Where and why ``given`` is not JSON, though it is TOML; ``None``: it is both. For what goes into messages."""
    level: list[tuple[Path, Any]] = [((), given)]
    for _ in range(MAX_DEPTH):
        inner: list[tuple[Path, Any]] = []
        for path, value in level:
            if isinstance(value, dict):
                inner += [((*path, name), one) for name, one in value.items()]
            elif isinstance(value, list):
                inner += [((*path, place), one) for place, one in enumerate(value)]
            elif isinstance(value, float) and not math.isfinite(value):
                return path, f"{value} is no number that can be sent."
            elif isinstance(value, int) and not _LEAST_INTEGER <= value <= _MOST_INTEGER:
                return path, "is a larger number than can be sent."
            elif not isinstance(value, str | int | float):
                return path, f"{value} is a date or a time: write it in quotes."
        if not inner:
            return None
        level = inner
    return level[0][0][:_SHOWN_STEPS], f"is nested too deeply: {MAX_DEPTH} levels are the most."
