"""Which words of a reply were heard: from a position in its sound to a position in its transcript.

Chat Completions gives the transcript ahead of the sound, and no timings. Three facts bound the guess:

- a word that arrived when ``n`` samples of sound had arrived is spoken after sample ``n`` (the transcript leads);
- people, and models, do not speak faster than some rate;
- a voice pauses at punctuation and nowhere speaks in silence, so words are spread over the *voiced* part of the
sound.

The result is rounded down to a whole word: a word that the caller heard only half is better unsaid than remembered.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bargein.core.audio import AudioFormat

USUAL_CHARACTERS_PER_S: Final = 15.0
"""Of voiced sound; conversational English runs at about 13 to 17."""
FASTEST_CHARACTERS_PER_S: Final = 22.0
STEP_MS: Final = 20
"""Resolution of the loudness curve."""
PAUSE_STEPS: Final = 8
"""Quiet steps that make a pause at which punctuation is expected: 160 ms."""
VOICED_BELOW_PEAK_DB: Final = 35.0

Loudness = Callable[[Sequence[str | bytes], AudioFormat, int], Sequence[float]]
"""From the stored pieces of a reply, their format and a step in ms to the level of each step, in dB relative to full
scale."""

_WORD: Final = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class _Arrival:
    characters: int
    samples: int


class Transcript:
    """The transcript of one reply, and when its pieces arrived."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._pieces: list[str] = []
        self._arrivals: list[_Arrival] = []
        self._characters = 0

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(self, text: str, received_samples: int) -> None:
        """A piece arrived when ``received_samples`` of sound had."""
        self._arrivals.append(_Arrival(self._characters, received_samples))
        self._pieces.append(text)
        self._characters += len(text)

    def upto(self, text: str) -> Transcript:
        """A transcript that holds ``text`` and no more."""
        shorter = Transcript(self._rate_hz)
        shorter.add(text, 0)
        return shorter

    def heard_characters(
        self, heard_samples: int, received_samples: int, *, finished: bool, levels_db: Sequence[float]
    ) -> int:
        """How many characters of :attr:`text` were heard, cut after a whole word.

        :param finished: the model's stream has ended: the sound that was received holds the whole transcript.
        :param levels_db: loudness of the received sound in steps of :data:`STEP_MS`; may be empty.
        """
        text = self.text
        if heard_samples <= 0 or not text.strip():
            return 0
        if finished and heard_samples >= received_samples:
            return len(text)
        curve = _VoicedCurve(levels_db, received_samples / self._rate_hz)
        heard_s = heard_samples / self._rate_hz
        voiced_heard_s = curve.voiced_before(heard_s)
        rate = self._rate(curve, text, finished=finished)
        characters = min(voiced_heard_s * rate, self._arrived_before(heard_samples))
        characters = curve.snap_to_pause(characters, heard_s, text, rate)
        return _whole_words(text, characters)

    def _rate(self, curve: _VoicedCurve, text: str, *, finished: bool) -> float:
        """Characters per second of voiced sound."""
        if finished and curve.total_voiced_s > 0:
            return len(text) / curve.total_voiced_s
        highest = FASTEST_CHARACTERS_PER_S
        if curve.total_voiced_s > 1.0:
            # What has been said so far cannot be more than what has arrived.
            highest = min(highest, self._characters / curve.total_voiced_s)
        return min(USUAL_CHARACTERS_PER_S, highest)

    def _arrived_before(self, samples: int) -> float:
        """Characters that may have been spoken by ``samples``: those that arrived with less sound than that."""
        index = bisect_right(self._arrivals, samples, key=lambda arrival: arrival.samples)
        return self._arrivals[index].characters if index < len(self._arrivals) else self._characters


class _VoicedCurve:
    """How much of the sound up to a moment is voice."""

    def __init__(self, levels_db: Sequence[float], total_s: float) -> None:
        gate_db = max(levels_db, default=0.0) - VOICED_BELOW_PEAK_DB
        self._voiced = [level >= gate_db for level in levels_db]
        self._total_s = total_s
        self._before = [0]
        for voiced in self._voiced:
            self._before.append(self._before[-1] + voiced)
        self.total_voiced_s = self._before[-1] * STEP_MS / 1000 if levels_db else total_s

    def voiced_before(self, at_s: float) -> float:
        if not self._voiced:
            return at_s
        step = min(int(at_s * 1000 / STEP_MS), len(self._voiced))
        return self._before[step] * STEP_MS / 1000

    def snap_to_pause(self, characters: float, at_s: float, text: str, rate: float) -> float:
        """Move an estimate inside a pause to the punctuation nearest to it, if one is near."""
        step = min(int(at_s * 1000 / STEP_MS), len(self._voiced))
        if step < PAUSE_STEPS or any(self._voiced[step - PAUSE_STEPS : step]):
            return characters
        ends = [match.end() for match in re.finditer(r"[.,;:!?](?=\s|$)", text)]
        nearest = min(ends, key=lambda end: abs(end - characters), default=None)
        if nearest is None or abs(nearest - characters) > rate:
            return characters
        return float(nearest)


def _whole_words(text: str, characters: float) -> int:
    """The end of the last word that lies wholly within ``characters``."""
    end = 0
    for match in _WORD.finditer(text):
        if match.end() > characters:
            break
        end = match.end()
    return end
