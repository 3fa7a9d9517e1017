"""Laying a text along its sound: the voiced step at which each word ends.

Two searches for the cheapest path, as in forced alignment (Rabiner 1989, section III), with what can be known without a
model of the language: a word takes about as long as its letters; pauses are where clauses end; between syllables the
level dips (Mermelstein 1975); letters that hiss sound like it. First clause ends are laid on pauses, all along the
sound (:mod:`bargein.alignment.clause_alignment`); then words within the one stretch that is asked for
(:mod:`bargein.alignment.word_alignment`). Costs are negative logarithms of likelihoods, so they add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bargein.alignment.spoken_words import SpokenWord

NEVER: Final = 1e18
"""The cost of what cannot be."""
WORD_SPREAD: Final = 0.35
"""Of a word's length around what its letters promise: standard deviation of the logarithm."""
NO_PAUSE_COST: Final = 1.0
"""A comma without a pause; twice that for the end of a sentence."""
STRAY_PAUSE_COST: Final = 2.0
"""A sure pause between two words where none is due."""
SPLIT_WORD_COST: Final = 4.0
"""A sure pause within a word."""
HISS_COST: Final = 0.15
"""A step that hisses and should not, or the other way round."""
HISS_LETTERS: Final = 1.1
"""How long a sibilant hisses, in letters."""
DIP_COST: Final = 1.5
"""A word that ends where the level does not dip costs so much more than one that ends in a deep dip."""
USUAL_DIP: Final = 0.8
"""Where a word ends. To end there costs nothing, so that many words are no likelier than few."""
MOST_HISS_STEPS: Final = 8.0
"""Of one word, more do not count against it."""


class Score:
    """A text as it is to be spoken, with its sums up to each word.

    :param arrived_steps: the voiced steps before which each word cannot begin.
    """

    def __init__(self, words: Sequence[SpokenWord], arrived_steps: Sequence[int]) -> None:
        self.words = words
        self.arrived_steps = arrived_steps
        self.letters_before = [0.0]
        self.hisses_before = [0]
        for word in words:
            self.letters_before.append(self.letters_before[-1] + word.letters)
            self.hisses_before.append(self.hisses_before[-1] + word.hisses)

    @property
    def letters(self) -> float:
        return self.letters_before[-1]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place where text and sound meet: after so many voiced steps, so many words have been said."""

    steps: int
    words: int
