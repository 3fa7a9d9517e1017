"""What a model thinks is not what it says: ``<think>…</think>`` in a reply's words is left out.

Reasoning models write their thoughts into the text where their server has no parser for them. The tags may be cut
anywhere between two chunks.
"""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = ("think", "thinking", "thought", "reasoning")
_OPENING: Final = re.compile(rf"<({'|'.join(_NAMES)})>|\[think\]", re.IGNORECASE)
_CLOSING: Final = {name: re.compile(f"</{name}>", re.IGNORECASE) for name in _NAMES}
_SQUARE_CLOSING: Final = re.compile(r"\[/think\]", re.IGNORECASE)
_STRAY: Final = re.compile(rf"</(?:{'|'.join(_NAMES)})>|\[/think\]", re.IGNORECASE)
"""The end of thoughts that began in the prompt."""
_TAGS: Final = (*(f"<{slash}{name}>" for name in _NAMES for slash in ("", "/")), "[think]", "[/think]")
_LONGEST: Final = max(map(len, _TAGS))


class ThoughtFilter:
    """Takes thoughts out of one reply's words. What holds no bracket need not come here while it is :attr:`idle`.

    A beginning of a tag at the end of a piece is kept until the next piece tells what it is.

    :param said: the reply has words already.
    """

    __slots__ = ("_closing", "_rest", "_said", "_thought")

    def __init__(self, *, said: bool) -> None:
        self._rest = ""
        self._closing: re.Pattern[str] | None = None
        """What ends the thoughts; ``None`` outside of them."""
        self._said = said
        self._thought = False
        """Thoughts were left out just now: the blanks behind them go too, where nothing was said before."""

    @property
    def idle(self) -> bool:
        """Outside of thoughts, with nothing kept: what holds no tag need not come here."""
        return self._closing is None and not self._rest and not (self._thought and not self._said)

    def feed(self, text: str) -> str:
        """What of ``text``, and of what was kept, is said."""
        text, self._rest = self._rest + text, ""
        said = ""
        while text:
            if self._closing is not None:
                ending = self._closing.search(text)
                if ending is None:
                    self._rest = _begun_tag(text)
                    break
                text, self._closing, self._thought = text[ending.end() :], None, True
                continue
            opening = _OPENING.search(text)
            if opening is None:
                self._rest = _begun_tag(text)
                said += self._cleaned(text.removesuffix(self._rest))
                break
            said += self._cleaned(text[: opening.start()])
            name = opening[1]
            self._closing = _CLOSING[name.lower()] if name else _SQUARE_CLOSING
            text = text[opening.end() :]
        return said

    def end(self) -> str:
        """What was kept and turned out to be no tag. Thoughts that never ended are left out."""
        rest, self._rest = self._rest, ""
        return self._cleaned(rest) if self._closing is None else ""

    def _cleaned(self, text: str) -> str:
        text, strays = _STRAY.subn("", text)
        if not self._said and (strays or self._thought):
            text = text.lstrip()
        self._thought = self._thought or strays > 0
        self._said = self._said or bool(text.strip())
        return text


def _begun_tag(text: str) -> str:
    """The end of ``text`` that may be the beginning of a tag."""
    for start in range(max(0, len(text) - _LONGEST + 1), len(text)):
        if text[start] in "<[" and any(tag.startswith(text[start:].lower()) for tag in _TAGS):
            return text[start:]
    return ""
