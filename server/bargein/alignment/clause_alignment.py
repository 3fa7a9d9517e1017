"""Which pause of a sound is the end of which clause: see :mod:`bargein.alignment.score`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bargein.alignment.score import (
    HISS_COST,
    HISS_LETTERS,
    MOST_HISS_STEPS,
    NEVER,
    NO_PAUSE_COST,
    STRAY_PAUSE_COST,
    WORD_SPREAD,
    Anchor,
    Score,
)
from bargein.alignment.voiced_clock import STEPS_PER_S, VoicedClock

USUAL_LETTERS_PER_S: Final = 14.5
"""Of voiced sound, before anything is known of a voice."""
USUAL_PACE: Final = STEPS_PER_S / USUAL_LETTERS_PER_S
"""The same in voiced steps for a letter."""
PACES: Final = tuple(times * USUAL_PACE for times in (0.74, 0.86, 1.0, 1.16, 1.35))
"""Of any voice."""
FASTEST_PACE: Final = 0.6 * USUAL_PACE
"""Of any voice."""
PACE_SPREAD: Final = 0.12
"""Of voices around the usual, as a standard deviation of the logarithm."""
CLAUSE_SPREAD: Final = 0.1
"""Of one voice's clauses around its pace."""
PAUSES_SKIPPED: Final = 3
ENDS_SKIPPED: Final = 3
"""So many pauses in a row may be no clause ends, and so many clause ends without a pause."""
BEAM: Final = 12.0
"""Of the clause ends that a pause may be, those that are dearer than the cheapest by more are given up."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Clauses along a sound.

    :ivar anchors: the first is the beginning of both. In a finished sound the last is the end of both.
    :ivar steps_per_letter: pace of the voice behind the last anchor.
    """

    anchors: list[Anchor]
    steps_per_letter: float


def lay_clauses(score: Score, clock: VoicedClock, *, finished: bool, paces: Sequence[float] = PACES) -> Laid:
    """Find the pauses at which clauses end.

    :param score: of at least one word.
    :param clock: of at least one voiced step.
    :param finished: the sound holds the whole text.
    :param paces: of the voice, in voiced steps for a letter, to be tried while the end of the sound is not known; the
        middle one is the likeliest.
    """
    slowest = clock.total / score.letters
    if finished:
        _, anchors = _Search(score, clock, slowest, finished=True).best()
        return Laid(anchors, slowest)
    likeliest = paces[len(paces) // 2]
    best_cost, best, best_pace = NEVER, [Anchor(0, 0)], max(likeliest, slowest)
    for pace in paces:
        # What has been said so far cannot be more than what has arrived.
        if pace >= slowest:
            cost, anchors = _Search(score, clock, pace, finished=False).best()
            cost += (math.log(pace / likeliest) / PACE_SPREAD) ** 2 / 2
            if cost < best_cost:
                best_cost, best, best_pace = cost, anchors, pace
    # The anchors know the pace better than the few that were tried; a second of the latter keeps a short one sane.
    last = best[-1]
    pace = (last.steps + STEPS_PER_S) / (score.letters_before[last.words] + STEPS_PER_S / best_pace)
    return Laid(best, max(pace, slowest))


class _Search:
    """The cheapest way through a table: a row for each pause, a column for each clause end.

    :param pace: voiced steps for a letter.
    """

    def __init__(self, score: Score, clock: VoicedClock, pace: float, *, finished: bool) -> None:
        self._score = score
        self._clock = clock
        self._pace = pace
        self._finished = finished
        self._stops = [0]
        self._weights = [0.0]
        for pause in clock.pauses:
            self._stops.append(pause.at)
            self._weights.append(pause.weight)
        if finished or clock.last_pause:
            self._stops.append(clock.total)
            self._weights.append(clock.last_pause)
        self._ends = [0] + [count for count, word in enumerate(score.words, 1) if word.pause]
        if finished and self._ends[-1] != len(score.words):
            self._ends.append(len(score.words))
        self._columns = len(self._ends)
        self._costs = [NEVER] * (len(self._stops) * self._columns)
        self._costs[0] = 0.0
        self._backs = [0] * len(self._costs)

    def best(self) -> tuple[float, list[Anchor]]:
        """What the cheapest path costs, and where it passes."""
        followed = [(0, 0)]
        for row in range(1, len(self._stops)):
            reached = followed[-1 - PAUSES_SKIPPED :]
            first = min(columns[0] for columns in reached) + 1
            last = min(max(columns[1] for columns in reached) + 1 + ENDS_SKIPPED, self._columns - 1)
            for column in range(first, last + 1):
                if self._score.arrived_steps[self._ends[column] - 1] >= self._stops[row]:
                    break
                self._reach(row, column)
            followed.append(self._prune(row))
        cost, at = (self._costs[-1], len(self._costs) - 1) if self._finished else self._break_off()
        if cost >= NEVER:
            whole = [Anchor(self._clock.total, len(self._score.words))] if self._finished else []
            return cost, [Anchor(0, 0), *whole]
        anchors = []
        while at:
            anchors.append(Anchor(self._stops[at // self._columns], self._ends[at % self._columns]))
            at = self._backs[at]
        anchors.append(Anchor(0, 0))
        anchors.reverse()
        return cost, anchors

    def _prune(self, row: int) -> tuple[int, int]:
        """Give up what is too dear, and say between which columns of a row there is a path; none: an empty range."""
        costs = self._costs[row * self._columns : (row + 1) * self._columns]
        dearest = min(min(costs) + BEAM, NEVER / 2)
        first, last = self._columns, -1
        for column in range(self._columns):
            if costs[column] <= dearest:
                first, last = min(first, column), column
            else:
                self._costs[row * self._columns + column] = NEVER
        return first, last

    def _reach(self, row: int, column: int) -> None:
        """Find the cheapest way to lay a clause end on a pause."""
        best, best_back = NEVER, 0
        stray = 0.0
        for earlier_row in range(row - 1, max(row - 2 - PAUSES_SKIPPED, -1), -1):
            unpaused = 0.0
            for earlier in range(column - 1, max(column - 2 - ENDS_SKIPPED, -1), -1):
                back = earlier_row * self._columns + earlier
                cost = self._costs[back] + stray + unpaused
                if cost < best:
                    cost += self._stretch_cost(earlier_row, row, earlier, column)
                    if cost < best:
                        best, best_back = cost, back
                unpaused += self._unpaused_cost(earlier)
            stray += STRAY_PAUSE_COST * self._weights[earlier_row]
        self._costs[row * self._columns + column] = best
        self._backs[row * self._columns + column] = best_back

    def _stretch_cost(self, row: int, until_row: int, column: int, until_column: int) -> float:
        """Of the words between two clause ends, laid between two pauses."""
        score, pace = self._score, self._pace
        first, last = self._ends[column], self._ends[until_column]
        begin, end = self._stops[row], self._stops[until_row]
        ratio = math.log((end - begin) / ((score.letters_before[last] - score.letters_before[first]) * pace))
        variance = WORD_SPREAD * WORD_SPREAD / (last - first) + CLAUSE_SPREAD * CLAUSE_SPREAD
        hisses = (score.hisses_before[last] - score.hisses_before[first]) * HISS_LETTERS * pace
        excess = abs(self._clock.hisses_before[end] - self._clock.hisses_before[begin] - hisses)
        return ratio * ratio / (2 * variance) + HISS_COST * min(excess, 2 * MOST_HISS_STEPS)

    def _unpaused_cost(self, column: int) -> float:
        """Of a clause end without a pause."""
        return NO_PAUSE_COST * self._score.words[self._ends[column] - 1].pause if column else 0.0

    def _break_off(self) -> tuple[float, int]:
        """The cheapest path to the last clause end that was reached when the sound broke off, and its place."""
        best, best_at = NEVER, 0
        for at in range(len(self._costs)):
            cost = self._costs[at]
            if cost < best:
                cost += self._rest_cost(at // self._columns, at % self._columns)
                if cost < best:
                    best, best_at = cost, at
        return best, best_at

    def _rest_cost(self, row: int, column: int) -> float:
        """Of the sound behind a pause, if no other clause ended in it."""
        cost = STRAY_PAUSE_COST * sum(self._weights[row + 1 :])
        begun = self._score.letters_before[self._ends[column]]
        held = (self._clock.total - self._stops[row]) / self._pace
        for later in range(column + 1, self._columns):
            if self._score.letters_before[self._ends[later]] - begun < held * 0.8:
                cost += self._unpaused_cost(later)
        missing = held - (self._score.letters - begun)
        return cost + (missing / (0.2 * held + 2.0)) ** 2 if missing > 0 else cost
