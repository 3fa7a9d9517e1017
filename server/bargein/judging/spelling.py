"""One spelling of what recognisers write in many: "Mm-hmm.", "mhm" and "MMHMM" are the same."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LAUGHTER: Final = re.compile(
    r"^(?:[ae]?(?:h[aeiou]){2,}h?|h[ae]h|(?:j[aei]){2,}j?|(?:rs)+|\u0430?(?:\u0445[\u0430\u0435\u0438]){2,}\u0445?)$"
)
_LAUGH: Final = "ha"
_RUN: Final = re.compile(r"(.)\1+")
_STRETCH: Final = re.compile("[\u30fc\uff70\u301c\uff5e~]")
"""How long a sound lasts."""
_APOSTROPHES: Final = re.compile("['\u2019\u02bc`\u00b4\u2018]")
_QUESTION: Final = re.compile("[?\uff1f\u061f\u037e]\\s*\\W*$")
_FOLDED: Final = str.maketrans({"\u0131": "i", "\u0901": "\u0902"})
_KATAKANA: Final = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
"""To hiragana: recognisers write either."""


def units_of(text: str) -> tuple[str, ...]:
    """What was said, as units to compare: words, or single letters of scripts that put no spaces between words.

    Case, accents, punctuation and how often a letter is repeated do not count; laughter is one word.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _STRETCH.sub("", _APOSTROPHES.sub("", text)).translate(_KATAKANA)
    text = "".join(letter for letter in unicodedata.normalize("NFD", text) if not _is_accent(letter))
    text = unicodedata.normalize("NFC", text).translate(_FOLDED)
    words = "".join(letter if _is_letter(letter) else " " for letter in text).split()
    units: list[str] = []
    for word in words:
        short = _LAUGH if _LAUGHTER.match(word) else _RUN.sub(r"\1", word)
        if any(map(_stands_alone, short)):
            units.extend(short)
        else:
            units.append(_LAUGH if _LAUGHTER.match(short) else short)
    return tuple(units)


def is_question(text: str) -> bool:
    """Whether it was written with a question mark."""
    return _QUESTION.search(text) is not None


def _is_letter(letter: str) -> bool:
    # Vowel signs of India's scripts are marks, not letters.
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def _is_accent(letter: str) -> bool:
    """Of Latin, Greek, Cyrillic and Arabic; elsewhere marks make other letters."""
    code = ord(letter)
    return 0x300 <= code <= 0x36F or 0x64B <= code <= 0x655 or code == 0x670


def _stands_alone(letter: str) -> bool:
    """A letter of Chinese, Japanese or Korean."""
    code = ord(letter)
    return 0x3041 <= code <= 0x30FF or 0x3131 <= code <= 0x318E or 0x3400 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7A3
