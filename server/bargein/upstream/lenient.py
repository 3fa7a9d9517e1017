"""Values of foreign JSON that are nearly of the type that they should be."""

from __future__ import annotations

import math
from typing import Final

import orjson

_LIMIT: Final = 2**53
"""No count, rate or time that is told here is larger."""


def as_json(value: object) -> str:
    """``value``, which came as JSON, as such again; empty where it is nested so deeply that it cannot be written."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return ""


def whole_number(value: object) -> int | None:
    """A number that should have been an integer: ``24000.0`` and ``"24000"`` are; ``True``, NaN and what is absurdly
    large are not.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if value.isdecimal() and len(value) <= 15 else None
    if isinstance(value, float) and math.isfinite(value):
        value = round(value)
    return value if isinstance(value, int) and -_LIMIT <= value <= _LIMIT else None
