r"""Letters that a server has cut: one half of an emoji in one delta, the other half in the next.

Servers that escape what is not ASCII cut between the two halves of a surrogate pair (``"\ud83d"``, ``"\ude00"``),
others between the bytes of one letter. Until they are joined, a half is a lone surrogate in a string, and a byte is one
as Python's ``surrogateescape`` makes it. No such string may leave this package: it cannot be written as UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, Final

_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BYTES: Final = re.compile("[\udc80-\udcff]+")
_LONE: Final = re.compile("[\ud800-\udfff]")
_BEGUN: Final = re.compile(
    "(?:[\ud800-\udbff]|[\udcc2-\udcdf]|[\udce0-\udcef][\udc80-\udcbf]?|[\udcf0-\udcf4][\udc80-\udcbf]{0,2})\\Z"
)
"""A first half, or the first bytes of a letter in UTF-8, at the end."""


class Letters:
    """Joins what comes in pieces. The beginning of a letter at a piece's end is kept until the next piece."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = ""

    def feed(self, text: str) -> str:
        """What of ``text``, and of what was kept, is whole; what never will be is U+FFFD."""
        if self._begun:
            text = self._begun + text
        elif text.isascii() or _LONE.search(text) is None:
            return text
        text = _PAIR.sub(_joined, text)
        begun = _BEGUN.search(text)
        self._begun = "" if begun is None else begun[0]
        return _without_halves(text.removesuffix(self._begun))

    def end(self) -> str:
        """What was kept, and will never be whole."""
        begun, self._begun = self._begun, ""
        return _without_halves(begun)


def with_whole_letters(value: Any, but: Container[str] = (), *, kept: bool = False) -> Any:  # noqa: ANN401 (any JSON)
    """A value of JSON with all its letters whole.

    :param but: names of members whose strings, and lists of strings, are left as they are: pieces for :class:`Letters`.
    :raises RecursionError: it is nested too deeply.
    """
    match value:
        case str():
            return value if kept else _without_halves(_PAIR.sub(_joined, value))
        case list():
            return [with_whole_letters(one, but, kept=kept) for one in value]
        case dict():
            return {
                with_whole_letters(name): with_whole_letters(one, but, kept=name in but) for name, one in value.items()
            }
        case _:
            return value


def _joined(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _without_halves(text: str) -> str:
    text = _BYTES.sub(lambda found: found[0].encode("utf-8", "surrogateescape").decode("utf-8", "replace"), text)
    return _LONE.sub("\ufffd", text)
