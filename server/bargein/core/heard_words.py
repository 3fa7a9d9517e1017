"""Which words of a reply were heard: from a position in its sound to a position in its transcript.

Chat Completions gives the transcript ahead of the sound, and no timings. Four facts bound the guess:

- a word that arrived when ``n`` samples of sound had arrived is spoken after sample ``n`` (the transcript leads);
- a voice speaks in its sound and nowhere in its silence, so words are spread over the *voiced* part;
- it pauses at punctuation: a pause near the place where a clause should end *is* the end of that clause;
- people, and models, do not speak faster than some rate, and each voice keeps to its own.

So pauses are matched to the ends of clauses, one after the other, and the voice's rate is learnt on the way; between
two matched pauses words are spread evenly. The result is rounded down to a whole word: a word that was heard only
half is better unsaid than remembered.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

USUAL_CHARACTERS_PER_S: Final = 14.0
"""Of voiced sound, before anything is known of a voice; conversational English runs at about 12 to 17."""
FASTEST_CHARACTERS_PER_S: Final = 22.0
STEP_MS: Final = 20
"""Resolution of the loudness curve."""
PAUSE_STEPS: Final = 7
"""Quiet steps in a row that make a pause, 140 ms: stop consonants are shorter."""
QUIET_BELOW_PEAK_DB: Final = 35.0
NEAR_CHARACTERS: Final = 6
NEAR_SHARE: Final = 0.4
"""A pause belongs to the end of a clause that lies within this share of the characters since the last match, and a
little more."""

_WORD: Final = re.compile(r"\S+")
_CLAUSE_END: Final = re.compile(r"[.,;:!?\u2026\u3001\u3002][\"'\u2019\u201d)]*(?=\s|$)")


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
        voice = _Voice(levels_db, received_samples / self._rate_hz)
        ends = [match.end() for match in _CLAUSE_END.finditer(text)]
        rate = USUAL_CHARACTERS_PER_S
        if voice.total_s > 1.0:
            # What has been said so far cannot be more than what has arrived.
            rate = min(rate, len(text) / voice.total_s)
        if finished and voice.total_s > 0:
            rate = len(text) / voice.total_s
        anchors = _match(voice.pauses_s, ends, rate)
        if finished:
            anchors.append((voice.total_s, float(len(text))))
        characters = _between(anchors, voice.before(heard_samples / self._rate_hz), rate)
        return _whole_words(text, min(characters, self._arrived_before(heard_samples)))

    def _arrived_before(self, samples: int) -> float:
        """Characters that may have been spoken by ``samples``: those that arrived with less sound than that."""
        index = bisect_right(self._arrivals, samples, key=lambda arrival: arrival.samples)
        return self._arrivals[index].characters if index < len(self._arrivals) else self._characters


class _Voice:
    """The voiced part of a sound: a clock that stands still in silence."""

    def __init__(self, levels_db: Sequence[float], total_s: float) -> None:
        gate_db = max(levels_db, default=0.0) - QUIET_BELOW_PEAK_DB
        self._before = [0]
        self.pauses_s: list[float] = []
        """Every pause after the first sound, by the voiced time before it."""
        quiet = 0
        for level_db in levels_db:
            voiced = level_db >= gate_db
            quiet = 0 if voiced else quiet + 1
            self._before.append(self._before[-1] + voiced)
            if quiet == PAUSE_STEPS and self._before[-1]:
                self.pauses_s.append(self._before[-1] * STEP_MS / 1000)
        self.total_s = self._before[-1] * STEP_MS / 1000 if levels_db else total_s

    def before(self, at_s: float) -> float:
        """Voiced time before a moment of the sound; all of it counts as voiced where no levels are known."""
        if len(self._before) == 1:
            return at_s
        return self._before[min(int(at_s * 1000 / STEP_MS), len(self._before) - 1)] * STEP_MS / 1000


def _match(pauses_s: Sequence[float], ends: Sequence[int], rate: float) -> list[tuple[float, float]]:
    """Pairs of voiced time and characters at which the voice and the transcript are known to meet.

    :param rate: characters per second to begin with.
    """
    anchors = [(0.0, 0.0)]
    for pause_s in pauses_s:
        last_s, last_characters = anchors[-1]
        if pause_s <= last_s:
            continue
        expected = last_characters + rate * (pause_s - last_s)
        ahead = [end for end in ends if end > last_characters]
        nearest = min(ahead, key=lambda end: abs(end - expected), default=None)
        if nearest is None or abs(nearest - expected) > NEAR_CHARACTERS + NEAR_SHARE * (expected - last_characters):
            continue
        anchors.append((pause_s, float(nearest)))
        rate = min(nearest / pause_s, FASTEST_CHARACTERS_PER_S)
    return anchors


def _between(anchors: Sequence[tuple[float, float]], voiced_s: float, rate: float) -> float:
    """Characters at a voiced time: even between two anchors, by the voice's own rate behind the last."""
    index = bisect_right(anchors, voiced_s, key=lambda anchor: anchor[0])
    last_s, last_characters = anchors[index - 1]
    if index < len(anchors):
        next_s, next_characters = anchors[index]
        return last_characters + (next_characters - last_characters) * (voiced_s - last_s) / (next_s - last_s)
    if last_s > 0:
        rate = min(last_characters / last_s, FASTEST_CHARACTERS_PER_S)
    return last_characters + rate * (voiced_s - last_s)


def _whole_words(text: str, characters: float) -> int:
    """The end of the last word that lies wholly within ``characters``."""
    end = 0
    for match in _WORD.finditer(text):
        if match.end() > characters:
            break
        end = match.end()
    return end
