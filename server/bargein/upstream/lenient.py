"""Values of foreign JSON that are nearly of the type that they should be."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container
from typing import Any, Final

import orjson

from bargein.upstream.letters import with_whole_letters

_LIMIT: Final = 2**53
"""No count, rate or time that is told here is larger."""

_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)


def read_json(data: bytes, pieces: Container[str] = ()) -> Any:  # noqa: ANN401 (any JSON)
    """What ``data`` says, also where it is JSON only nearly, as some servers write it: with ``NaN``, with line ends
    within strings, with text cut in the middle of a letter.

    :param pieces: names of members whose text goes on in the next event. Half a letter in it is left as it is, for
        :class:`~bargein.upstream.letters.Letters`.
    :raises ValueError: it is no JSON even so.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        text = data.decode(errors="surrogateescape")
        try:
            said = json.loads(text, strict=False, parse_int=_integer, parse_constant=lambda _: None)
            return with_whole_letters(said, pieces)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _integer(digits: str) -> int | float:
    """As orjson: what takes more than 64 bits, which it could not write again, is no integer."""
    return int(digits) if len(digits) <= 18 else float(digits)


def as_json(value: object) -> str:
    """``value``, which came as JSON, as such again; empty where it is nested so deeply that it cannot be written."""
    try:
        return orjson.dumps(with_whole_letters(value)).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return ""


def whole_number(value: object) -> int | None:
    """A number that should have been an integer: ``24000.0``, ``"24000"`` and ``"24000.0"`` are; ``True``, NaN and
    what is absurdly large are not.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, float) and math.isfinite(value):
        value = round(value)
    return value if isinstance(value, int) and -_LIMIT <= value <= _LIMIT else None
