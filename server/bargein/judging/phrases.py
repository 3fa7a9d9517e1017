"""Whether words that somebody said before a pause are a finished phrase.

Of each language it is known which words none ends with (``[open]`` in its list: "and", "the", "my number is") and how
digits are called (``[numbers]``). What a recogniser writes behind the last word counts too, but little: most of them
put a full stop behind anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bargein.core.config import Transcription
from bargein.core.turn_end import PhraseEnd
from bargein.judging.spelling import units_of
from bargein.judging.words import WordList, list_of
from bargein.upstream import Transcriber

WORDS_OF_A_PHRASE: Final = 2
"""A full stop behind fewer tells nothing: it is behind every word that is said alone."""
SPELT_IN_A_ROW: Final = 2
"""So many letters, or words for digits, one by one, are dictated."""

_GOES_ON: Final = re.compile(r"(\.\.\.|[,:;\u2026\u3001\uff0c\u060c]|\s[-\u2013\u2014]|[-\u2013\u2014])\s*$")
_DIGITS: Final = re.compile(r"(\d[\s.\-]{0,2}){3,}\W*$")
_ASKS: Final = re.compile("[?\uff1f\u061f\u037e]\\s*$")
_ENDS: Final = re.compile("[.!?\u3002\uff01\uff1f\u061f\u037e\u0964][\"')\u201d\u00bb]*\\s*$")


@dataclass(frozen=True, slots=True)
class PhraseHearer:
    """Who hears the words.

    :ivar transcription: what is asked of it where the caller has named nothing.
    """

    transcriber: Transcriber
    transcription: Transcription | None


def phrase_end(text: str, *, language: str | None = None) -> PhraseEnd | None:
    """How ``text`` ends, as a recogniser wrote it down; ``None``: that tells nothing.

    :param language: as callers name it, ``pt`` or ``pt-BR``; without it, or without a list of it, all lists count for
        digits, and none for words that no phrase ends with: another language's may end with them.
    """
    units = units_of(text)
    if not units:
        return None
    words = list_of(language)
    if _ASKS.search(text):
        return "finished"
    if _DIGITS.search(text) or _is_spelt(units, words):
        return "dictated"
    if units in words.nods or units in words.sounds or units in words.never:
        return None  # All that was said: "so", "para".
    if _GOES_ON.search(text) or _ends_open(units, words):
        return "open"
    return "finished" if len(units) >= WORDS_OF_A_PHRASE and _ENDS.search(text) else None


def _is_spelt(units: tuple[str, ...], words: WordList) -> bool:
    """Whether the last of it was said digit by digit, or letter by letter."""
    spelt = 0
    for unit in reversed(units):
        if not (unit.isdigit() or (unit,) in words.numbers or (len(unit) == 1 and "a" <= unit <= "z")):
            break
        spelt += 1
    return spelt >= SPELT_IN_A_ROW and (units[-1],) not in words.open


def _ends_open(units: tuple[str, ...], words: WordList) -> bool:
    return any(units[-length:] in words.open for length in range(1, min(len(units), _longest(words)) + 1))


def _longest(words: WordList) -> int:
    return max(map(len, words.open), default=0)
