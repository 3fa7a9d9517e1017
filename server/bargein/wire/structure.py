"""How much an event may hold, besides sound: what it costs to read and check it hangs on that, not on its bytes alone.

A message is looked at before it is parsed, for a parser takes half a second for what four megabytes can hold; an event
is, before it is validated. Each bound is a named error.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bargein.errors import CallerError
from bargein.wire.validation import MAX_DEPTH

Json = dict[str, Any]

MAX_VALUES: Final = 20_000
"""Values, objects and arrays of one event: a hundred tools with schemas of a hundred fields each are as many."""
MAX_TEXT: Final = 2_500_000
"""Characters of one event that are not sound or an image: twenty times what a model's context holds."""
SMALL_BYTES: Final = 32_768
"""A message of so many bytes can hold no more values than are read in a millisecond or two: it is parsed as it is."""
PIECE_BYTES: Final = 131_072
"""Of a message, looked at in one go."""

_QUOTE, _COMMA, _ARRAY, _OBJECT = b'",[{'
_FAR_BYTES: Final = ("audio", "image_url")
"""Members that hold sound and images, which have bounds of their own."""

Bytes = npt.NDArray[np.uint8]
Marks = npt.NDArray[np.bool_]


class Survey:
    """Counts the values of a message that is yet to be parsed.

    ``done`` says whether that was possible at once. If it was not, :meth:`step` goes on, piece by piece; each takes a
    millisecond or two.

    :raises CallerError: in a step: there are too many.
    """

    def __init__(self, message: bytes) -> None:
        self.done = True
        if len(message) <= SMALL_BYTES:
            return
        self._message = message
        # What strings hold is counted too, for nothing is as fast: few messages need to be looked at more closely.
        if self._most_values() < MAX_VALUES:
            return
        self.done = False
        self._at = 0
        self._values = 0
        self._in_string = False
        self._escaped = False

    def step(self) -> None:
        """Look at the next piece, without what is within strings."""
        start, self._at = self._at, self._at + PIECE_BYTES
        piece = self._message[start : self._at]
        if self._escaped:
            piece = piece[1:]
        # Pairs first: of a run of backslashes, each second one is itself escaped.
        piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        self._escaped = piece.endswith(b"\\")
        characters = np.frombuffer(piece, np.uint8)
        if len(characters):
            quoted = np.logical_xor.accumulate(characters == _QUOTE)
            if self._in_string:
                quoted = ~quoted
            self._values += int(np.count_nonzero(_separators(characters) & ~quoted))
            self._in_string = bool(quoted[-1])
        if self._values >= MAX_VALUES:
            raise _too_many_values(_path(self._message))
        self.done = self._at >= len(self._message)

    def _most_values(self) -> int:
        """How many values there can be, counted up to the limit. Piece by piece, for the cache's sake."""
        count = 0
        characters = np.frombuffer(self._message, np.uint8)
        for start in range(0, len(characters), PIECE_BYTES):
            count += int(np.count_nonzero(_separators(characters[start : start + PIECE_BYTES])))
            if count >= MAX_VALUES:
                break
        return count


def check_structure(event: Json, size_bytes: int) -> None:
    """Refuse an event that holds too much.

    :param size_bytes: of the message that it was.
    :raises CallerError: it is nested too deeply, or holds too many values, or too much text.
    """
    values = 0
    level: list[Any] = [event]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for one in filter(None, level):
            held = one.values() if isinstance(one, dict) else one
            values += len(one)
            inner += [value for value in held if type(value) is dict or type(value) is list]
        if values > MAX_VALUES:
            raise _too_many_values(None)
        if not inner:
            break
        level = inner
    else:
        raise CallerError(
            f"The event is nested too deeply: objects and arrays may be at most {MAX_DEPTH} levels inside each other.",
            code="invalid_value",
        )
    if size_bytes > MAX_TEXT:
        _check_text(event)


def _too_many_values(param: str | None) -> CallerError:
    where = f" Most of them are in '{param}'." if param else ""
    return CallerError(
        f"The event holds more than {MAX_VALUES} values: members of objects and arrays, in all.{where} "
        "Send less at once, or more simply.",
        code="event_above_max_values",
        param=param,
    )


def _too_much_text(param: str | None) -> CallerError:
    where = f"Invalid '{param}'" if param else "The event is too large"
    return CallerError(
        f"{where}: an event may hold {MAX_TEXT} characters besides sound and images. Send less, or in several events.",
        code="string_above_max_length",
        param=param,
    )


def _separators(characters: Bytes) -> Marks:
    """Behind which another value begins."""
    opening = np.logical_or(characters == _ARRAY, characters == _OBJECT)
    separators: Marks = np.logical_or(opening, characters == _COMMA)
    return separators


_TOKEN: Final = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A string that does not end is one too: to look for its end again from each quote within would take for ever."""
_PLACE: Final = 8192
"""What is too much has begun here, or so."""


def _path(message: bytes) -> str | None:
    """Which member of the event is open at :data:`_PLACE` of its message: as ``session.tools``."""
    names: list[bytes | None] = []
    """Of the member that is open in each object, ``None`` for arrays."""
    last = b""
    for token in _TOKEN.finditer(message, 0, _PLACE):
        match token[0]:
            case b"{":
                if names and names[-1] is not None:
                    names[-1] = last
                names.append(b"")
            case b"[":
                if names and names[-1] is not None:
                    names[-1] = last
                names.append(None)
            case b"]" | b"}":
                if names:
                    names.pop()
            case string:
                last = string[1:-1]
    path: list[str] = []
    for name in names[:2]:
        if not name:
            break
        path.append(name[:100].decode(errors="replace"))
    return ".".join(path) or None


def _check_text(event: Json) -> None:
    total, longest, longest_at = 0, 0, ""
    waiting: list[tuple[str, Any]] = [("", event)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                total += len(name)
                if name not in _FAR_BYTES or not isinstance(inner, str):
                    waiting.append((f"{path}.{name[:100]}" if path else name[:100], inner))
        elif isinstance(value, list):
            waiting += [(f"{path}[{place}]", inner) for place, inner in enumerate(value)]
        elif isinstance(value, str):
            total += len(value)
            if len(value) > longest:
                longest, longest_at = len(value), path
    if total > MAX_TEXT:
        raise _too_much_text(longest_at or None)
