"""From a text to clauses: what is spoken in one breath, how fast, and how long the pause behind it is."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final

_PIECE: Final = re.compile(r"\S.*?[,.;:!?\u2026][\"')\]]*(?=\s|$)|\S.*$", re.DOTALL)
_DASHES: Final = re.compile(r"\s+[-\u2013\u2014]+\s+|[\u2013\u2014]")
_SPOKEN: Final = re.compile(r"\w")

_PAUSE_MS: Final = {
    ",": (90, 200),
    ";": (200, 320),
    ":": (220, 360),
    ".": (340, 620),
    "\u2026": (340, 620),
    "!": (320, 560),
    "?": (380, 640),
}
_SPEED_PERCENT: Final = (88, 116)
MAX_WORDS: Final = 14
"""A clause without any punctuation is split here: it bounds the wait for the first sound."""


@dataclass(frozen=True, slots=True)
class Clause:
    """Words that are spoken without a pause.

    :ivar text: words with their punctuation, separated by single spaces.
    :ivar speed: 1.0 is the voice's own speaking rate.
    :ivar pause_ms: silence behind it.
    """

    text: str
    speed: float
    pause_ms: int

    @property
    def words(self) -> list[str]:
        return self.text.split(" ")


def split_clauses(text: str) -> list[Clause]:
    """Split a text. The same text is always split, paced and paused alike."""
    clauses: list[Clause] = []
    for piece in _PIECE.findall(_DASHES.sub(", ", text)):
        words = _attach_punctuation(piece.split())
        clauses += [_clause(" ".join(words[at : at + MAX_WORDS])) for at in range(0, len(words), MAX_WORDS)]
    return clauses


def _attach_punctuation(words: list[str]) -> list[str]:
    """A word that has nothing to say joins the one before it."""
    attached: list[str] = []
    for word in words:
        if _SPOKEN.search(word):
            attached.append(word)
        elif attached:
            attached[-1] += word
    return attached


def _clause(text: str) -> Clause:
    chance = zlib.crc32(text.encode())
    shortest, longest = _PAUSE_MS.get(text.rstrip("\"')]")[-1:], (20, 60))
    slowest, fastest = _SPEED_PERCENT
    speed = (slowest + chance % (fastest - slowest + 1)) / 100
    return Clause(text, speed, shortest + (chance >> 8) % (longest - shortest + 1))


def bare(word: str) -> str:
    """A word without case and punctuation: two that are equal sound the same."""
    return re.sub(r"[^\w']+", "", word.lower().replace("\u2019", "'")).strip("'")


def bare_words(text: str) -> list[str]:
    """The words of a text without case and punctuation."""
    return [word for word in map(bare, text.split()) if word]
