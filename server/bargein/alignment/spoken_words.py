"""What a text promises of its sound: how long each word takes, where it hisses, where a pause is due."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

JOINT_LETTERS: Final = 0.3
"""What every word takes besides its letters."""
FINAL_LETTERS: Final = 2.0
"""What the last word before a pause is drawn out by."""
DIGIT_LETTERS: Final = 4.0
"""A digit is spoken as a word of about so many letters."""
SYLLABLE_LETTERS: Final = 3.0
"""A character that writes a syllable, or more (kana, Chinese)."""

_SYLLABIC: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_SYLLABIC}][^\w\s]*|[^\s{_SYLLABIC}]+")
"""Between spaces; where a script writes none, one character with the punctuation behind it."""
_IS_SYLLABIC: Final = re.compile(rf"[{_SYLLABIC}]")
_PAUSE: Final = re.compile(
    r"([.,;:!?\u2026\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f])[\"'\u2019\u201d)\u300d\u300f]*$"
)
_WEAK_PAUSES: Final = ",\u3001\uff0c"
_ONE_SOUND: Final = re.compile(r"sch|[cpstw]h|gh|ck|ng|([^\W\d_])\1")
"""Letters that are one sound together, or part of it."""
_HISS: Final = re.compile(r"sch|sh|ch|ss|s|z|x|j|\u00df|c(?=[eiy])|ti(?=on)")
"""Letters that are spoken with most of their energy high up, as the languages of Europe mostly write them."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word of a text.

    :ivar end: characters of the text up to its end, punctuation included.
    :ivar letters: how long it takes to say, in letters.
    :ivar hisses: how many sibilants it has.
    :ivar pause: how sure a pause is behind it: 0 none is due, 1 after a comma, 2 after a sentence.
    """

    end: int
    letters: float
    hisses: int
    pause: int


def spoken_words(text: str, start: int = 0, most_letters: float = math.inf) -> list[SpokenWord]:
    """The words of a text from a place on, in order, until they have so many letters. Punctuation that stands alone
    belongs to no word's sound but takes its place.
    """
    words: list[SpokenWord] = []
    for match in _WORD.finditer(text, start):
        if most_letters <= 0:
            break
        word = _word(match.end(), match.group())
        words.append(word)
        most_letters -= word.letters
    return words


def _word(end: int, word: str) -> SpokenWord:
    lowered = word.lower()
    letters = JOINT_LETTERS
    for character in word:
        if character.isdigit():
            letters += DIGIT_LETTERS
        elif _IS_SYLLABIC.match(character):
            letters += SYLLABLE_LETTERS
        elif character.isalpha():
            letters += 1.0
    for match in _ONE_SOUND.finditer(lowered):
        letters -= match.end() - match.start() - 1
    stop = _PAUSE.search(word)
    pause = 0 if stop is None else 1 if stop.group(1) in _WEAK_PAUSES else 2
    if pause:
        letters += FINAL_LETTERS
    return SpokenWord(end, letters, len(_HISS.findall(lowered)), pause)
