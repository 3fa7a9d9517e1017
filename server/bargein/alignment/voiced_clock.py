"""The voiced part of a sound: a clock that stands still in silence."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STEP_MS: Final = 20
"""Resolution of a :class:`SpeechCurve`."""
STEPS_PER_S: Final = 1000 // STEP_MS
PAUSE_STEPS: Final = 4
"""Quiet steps in a row that may be a pause; the closure of a stop consonant is shorter, mostly."""
SURE_PAUSE_STEPS: Final = 7
LONGEST_WEIGHT: Final = 1.5
QUIET_BELOW_PEAK_DB: Final = 35.0
DIP_STEPS: Final = 5
"""On either side of a dip, its banks are looked for so far away: about the length of a syllable."""
DEEP_DIP_DB: Final = 6.0


@dataclass(frozen=True, slots=True)
class SpeechCurve:
    """What is known of a sound, in whole steps of :data:`STEP_MS`.

    :ivar levels_db: how loud each is, relative to full scale.
    :ivar hisses: whether most of its energy is high up, as that of a sibilant is.
    """

    levels_db: Sequence[float]
    hisses: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Pause:
    """A quiet stretch between two voiced steps.

    :ivar at: voiced steps before it.
    :ivar weight: how sure it is more than a consonant: 1 from 140 ms on.
    """

    at: int
    weight: float


class VoicedClock:
    """Counts voiced steps. All of a sound counts as voiced where its curve is empty.

    :param total_steps: length of the sound.
    :param peak_db: of a louder sound that this is a part of.
    """

    def __init__(self, curve: SpeechCurve, total_steps: int, peak_db: float = -math.inf) -> None:
        levels_db = curve.levels_db
        gate_db = max(peak_db, *levels_db) - QUIET_BELOW_PEAK_DB if levels_db else 0.0
        self.hisses_before = [0]
        """Hissing steps before each voiced step, and before the end."""
        self.pauses: list[Pause] = []
        """Those behind the first sound and before the last."""
        self._voiced_before = [0]
        self._voiced_levels_db: list[float] = []
        quiet = 0
        hisses = 0
        voiced = 0
        for step in range(len(levels_db)):
            if levels_db[step] >= gate_db:
                if quiet >= PAUSE_STEPS and voiced:
                    self.pauses.append(Pause(voiced, min(quiet / SURE_PAUSE_STEPS, LONGEST_WEIGHT)))
                quiet = 0
                voiced += 1
                hisses += curve.hisses[step]
                self.hisses_before.append(hisses)
                self._voiced_levels_db.append(levels_db[step])
            else:
                quiet += 1
            self._voiced_before.append(voiced)
        if not levels_db:
            voiced = total_steps
            self.hisses_before = [0] * (voiced + 1)
        self.total = voiced
        """Voiced steps in all."""
        self.last_pause = min(quiet / SURE_PAUSE_STEPS, LONGEST_WEIGHT) if quiet >= PAUSE_STEPS and voiced else 0.0
        """Weight of the quiet at the end of the sound."""

    def before(self, steps: float) -> float:
        """Voiced steps before a moment of the sound."""
        if len(self._voiced_before) == 1:
            return min(steps, self.total)
        whole = int(steps)
        if whole >= len(self._voiced_before) - 1:
            return self._voiced_before[-1]
        voiced = self._voiced_before[whole]
        return voiced + (self._voiced_before[whole + 1] - voiced) * (steps - whole)

    def moment(self, voiced: float) -> float:
        """The step of the sound by which so many voiced ones have passed; behind the sound all count as voiced."""
        if voiced >= self.total:
            return max(len(self._voiced_before) - 1, self.total) + voiced - self.total
        if len(self._voiced_before) == 1:
            return voiced
        index = bisect_left(self._voiced_before, voiced)
        return index - (self._voiced_before[index] - voiced)

    def dips(self, begin: int, end: int) -> list[float]:
        """How clearly the level dips before each voiced step from ``begin`` to ``end``: 0 not at all, 1 by
        :data:`DEEP_DIP_DB` or more.
        """
        levels_db = self._voiced_levels_db
        found = [0.0] * (end - begin + 1)
        for at in range(max(begin, 1), min(end + 1, len(levels_db))):
            bottom_db = min(levels_db[at - 1], levels_db[at])
            before_db = max(levels_db[max(at - DIP_STEPS, 0) : at])
            behind_db = max(levels_db[at : at + DIP_STEPS])
            found[at - begin] = min((min(before_db, behind_db) - bottom_db) / DEEP_DIP_DB, 1.0)
        return found
