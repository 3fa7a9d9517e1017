"""Which words of a reply were heard: from a position in its sound to a position in its transcript.

Chat Completions gives the transcript ahead of the sound, and no timings. So the one is laid along the other
(:mod:`bargein.core.alignment`); a word that arrived when ``n`` samples of sound had arrived is spoken after sample
``n``, for the transcript leads. A word counts as heard once a good part of it was.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from bargein.core import word_alignment
from bargein.core.alignment import Score
from bargein.core.clause_alignment import lay_clauses
from bargein.core.spoken_words import spoken_words
from bargein.core.voiced_clock import STEPS_PER_S, SpeechCurve, VoicedClock

HEARD_SHARE: Final = 0.45
"""Of a word: it counts as heard from here on."""
TAIL_SHARE: Final = 0.6
"""The same behind the last place that is known: there a word too many is likelier, and it is worse than one too few."""


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
        return shorter

    def heard_characters(self, heard_samples: int, received_samples: int, *, finished: bool, curve: SpeechCurve) -> int:
        """How many characters of :attr:`text` were heard, cut after a whole word.

        :param finished: the model's stream has ended: the sound that was received holds the whole transcript.
        :param curve: of the received sound; may be empty.
        """
        text = self.text
        words = spoken_words(text)
        if heard_samples <= 0 or not words:
            return 0
        if finished and heard_samples >= received_samples:
            return len(text)
        clock = VoicedClock(curve, int(self._steps(received_samples)))
        if not clock.total:
            return 0
        score = Score(words, [int(clock.before(self._steps(self.arrival_of(word.end)))) for word in words])
        count = _heard_words(score, clock, clock.before(self._steps(heard_samples)), finished=finished)
        return words[count - 1].end if count else 0

    def _steps(self, samples: int) -> float:
        return samples * STEPS_PER_S / self._rate_hz

    def arrival_of(self, character: int) -> int:
        """Samples of sound that had arrived when the character before this place did."""
        return self._arrived_samples[bisect_right(self._arrived_at, character - 1) - 1]


def _heard_words(score: Score, clock: VoicedClock, heard_steps: float, *, finished: bool) -> int:
    """How many words were heard by a voiced step."""
    laid = lay_clauses(score, clock, finished=finished)
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
