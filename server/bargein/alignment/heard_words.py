"""Which words of a reply were heard: from a position in its sound to a position in its transcript.

Chat Completions gives the transcript ahead of the sound, and no timings. So the one is laid along the other
(:mod:`bargein.alignment.score`); a word that arrived when ``n`` samples of sound had arrived is spoken after sample
``n``, for the transcript leads. A word counts as heard once a good part of it was.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bargein.alignment import word_alignment
from bargein.alignment.clause_alignment import FASTEST_PACE, PACES, lay_clauses
from bargein.alignment.known_curve import KnownCurve
from bargein.alignment.score import Score
from bargein.alignment.spoken_words import spoken_words
from bargein.alignment.voiced_clock import STEPS_PER_S, SpeechCurve, VoicedClock

HEARD_SHARE: Final = 0.45
"""Of a word: it counts as heard from here on."""
TAIL_SHARE: Final = 0.6
"""The same behind the last place that is known: there a word too many is likelier, and it is worse than one too few."""

LONG_STEPS: Final = 40 * STEPS_PER_S
"""Of a sound that is longer, no more is looked at than what is near the place that is asked for."""
NEAR_STEPS: Final = 15 * STEPS_PER_S
"""So much before it, from a place that is known, and so much behind it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where text and sound are known to meet.

    :ivar steps: of the sound.
    :ivar characters: of the text.
    :ivar paces: of the voice there, as :func:`~bargein.alignment.clause_alignment.lay_clauses` tries them.
    """

    steps: int
    characters: int
    paces: Sequence[float]


BEGINNING: Final = Mark(0, 0, PACES)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is looked at of a sound, and of its text.

    :ivar end_steps: of the sound.
    :ivar whole: it goes to the end of both.
    """

    begin: Mark
    end_steps: int
    whole: bool


class Transcript:
    """The transcript of one reply, and when its pieces arrived."""

    def __init__(self, rate_hz: int) -> None:
        self.length = 0
        """Characters of :attr:`text`."""
        self._rate_hz = rate_hz
        self._pieces: list[str] = []
        self._arrived_at: list[int] = []
        """The place in the text of each piece."""
        self._arrived_samples: list[int] = []
        self._marks = [BEGINNING]
        self.curve = KnownCurve()
        """Of the sound."""

    @property
    def text(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def add(self, text: str, received_samples: int) -> None:
        """A piece arrived when ``received_samples`` of sound had: it is spoken after them."""
        self._arrived_at.append(self.length)
        self._arrived_samples.append(received_samples)
        self._pieces.append(text)
        self.length += len(text)

    def upto(self, text: str) -> Transcript:
        """A transcript that holds ``text`` and no more."""
        shorter = Transcript(self._rate_hz)
        shorter.add(text, 0)
        if len(text) == self.length:
            shorter.curve = self.curve
        shorter._marks = [mark for mark in self._marks if mark.characters <= len(text)]
        return shorter

    def mark(self, mark: Mark) -> None:
        """Text and sound are known to meet there: behind all earlier marks."""
        self._marks.append(mark)

    def stretch(self, heard_samples: int, received_samples: int, *, finished: bool) -> Stretch:
        """What has to be looked at to tell :meth:`heard_characters`: all of a short sound."""
        received = int(self._steps(received_samples))
        if received <= LONG_STEPS:
            return Stretch(BEGINNING, received, finished)
        heard = int(self._steps(heard_samples))
        index = bisect_right(self._marks, max(heard - NEAR_STEPS, 0), key=lambda mark: mark.steps) - 1
        begin = self._marks[index]
        # Where a text has no punctuation no place is known, and the end of both has to do.
        if received - begin.steps <= LONG_STEPS or heard - begin.steps > LONG_STEPS:
            return Stretch(begin, received, finished)
        return Stretch(begin, min(heard + NEAR_STEPS, received), whole=False)

    def heard_characters(
        self,
        heard_samples: int,
        received_samples: int,
        *,
        finished: bool,
        curve: SpeechCurve,
        stretch: Stretch | None = None,
        peak_db: float = -math.inf,
    ) -> int:
        """How many characters of :attr:`text` were heard, cut after a whole word.

        :param finished: the model's stream has ended: the sound that was received holds the whole transcript.
        :param curve: of the stretch; may be empty.
        :param stretch: what is looked at; by default all that was received.
        :param peak_db: of all the sound that is known.
        """
        text = self.text
        if heard_samples <= 0:
            return 0
        received = int(self._steps(received_samples))
        if stretch is None:
            stretch = Stretch(BEGINNING, received, finished)
        if finished and heard_samples >= received_samples:
            return len(text) if spoken_words(text, 0, 1.0) else 0
        begin = stretch.begin
        clock = VoicedClock(curve, stretch.end_steps - begin.steps, peak_db)
        most_letters = math.inf if stretch.end_steps == received else clock.total / FASTEST_PACE
        words = spoken_words(text, begin.characters, most_letters)
        if not clock.total or not words:
            return begin.characters
        arrived = [self._steps(self.arrival_of(word.end)) - begin.steps for word in words]
        score = Score(words, [int(clock.before(max(steps, 0.0))) for steps in arrived])
        heard_steps = clock.before(max(self._steps(heard_samples) - begin.steps, 0.0))
        count = _heard_words(score, clock, heard_steps, finished=stretch.whole, paces=begin.paces)
        return words[count - 1].end if count else begin.characters

    def _steps(self, samples: int) -> float:
        return samples * STEPS_PER_S / self._rate_hz

    def arrival_of(self, character: int) -> int:
        """Samples of sound that had arrived when the character before this place did."""
        return self._arrived_samples[bisect_right(self._arrived_at, character - 1) - 1]


def _heard_words(
    score: Score, clock: VoicedClock, heard_steps: float, *, finished: bool, paces: Sequence[float]
) -> int:
    """How many words were heard by a voiced step."""
    laid = lay_clauses(score, clock, finished=finished, paces=paces)
    index = bisect_right(laid.anchors, heard_steps, key=lambda anchor: anchor.steps) - 1
    anchor = laid.anchors[index]
    share = HEARD_SHARE
    if index + 1 < len(laid.anchors):
        ends = word_alignment.between(score, clock, anchor, laid.anchors[index + 1])
    elif finished:
        return len(score.words)
    else:
        share = TAIL_SHARE
        ends = word_alignment.behind(score, clock, anchor, laid.steps_per_letter)
    count, begin = anchor.words, anchor.steps
    for end in ends:
        if begin + (end - begin) * share > heard_steps:
            break
        count += 1
        begin = end
    return count
