"""Where each word of a stretch of sound ends: see :mod:`bargein.alignment.score`."""

from __future__ import annotations

import math
from typing import Final

from bargein.alignment.score import (
    DIP_COST,
    HISS_COST,
    HISS_LETTERS,
    MOST_HISS_STEPS,
    NEVER,
    NO_PAUSE_COST,
    SPLIT_WORD_COST,
    STRAY_PAUSE_COST,
    USUAL_DIP,
    WORD_SPREAD,
    Anchor,
    Score,
)
from bargein.alignment.spoken_words import SpokenWord
from bargein.alignment.voiced_clock import VoicedClock

BEAM: Final = 6.0
"""Paths that are dearer than the cheapest by more are given up."""
FURTHEST_STEPS: Final = 60
"""So are those that are further from the cheapest: a text without punctuation would leave thousands to follow."""
SHORTEST: Final = 0.35
LONGEST: Final = 2.2
"""Of a word, as multiples of what its letters promise."""


def between(score: Score, clock: VoicedClock, begin: Anchor, end: Anchor) -> list[int]:
    """The voiced steps at which the words between two anchors end; the last of them at the second anchor."""
    count, length = end.words - begin.words, end.steps - begin.steps
    if length >= 2 * count:
        pace = length / (score.letters_before[end.words] - score.letters_before[begin.words])
        search = _Search(score, clock, begin, length, pace)
        for index in range(count - 1):
            search.step(score.words[begin.words + index], room=count - 1 - index)
        search.finish(score.words[end.words - 1])
        if search.cost_at(length) < NEVER:
            return search.path(count - 1, length)
    return [begin.steps + length * index // count for index in range(1, count + 1)]


def behind(score: Score, clock: VoicedClock, begin: Anchor, pace: float) -> list[int]:
    """The voiced steps at which words end behind the last anchor, as many as the sound holds.

    :param pace: voiced steps for a letter.
    """
    length = clock.total - begin.steps
    limit = score.letters_before[begin.words] + 1.5 * length / pace
    search = _Search(score, clock, begin, length, pace)
    best_cost, best_at = search.broken_off(score, begin.words)
    best_index = -1
    for index in range(len(score.words) - begin.words):
        if score.letters_before[begin.words + index] > limit:
            break
        search.step(score.words[begin.words + index], room=0)
        cost, at = search.broken_off(score, begin.words + index + 1)
        if cost < best_cost:
            best_cost, best_index, best_at = cost, index, at
    return search.path(best_index, best_at)


class _Search:
    """The cheapest ways to say one word after the other from an anchor on. Steps count from the anchor.

    :param length: steps that may be used.
    :param pace: voiced steps for a letter.
    """

    def __init__(self, score: Score, clock: VoicedClock, begin: Anchor, length: int, pace: float) -> None:
        self._costs = [0.0]
        """Of the words so far, by the step at which the last of them ends, from :attr:`_from` on: only a window of the
        sound is within reach of a word, however long the whole is.
        """
        self._from = 0
        self._first = 0
        self._last = 0
        """Between these steps the last word ends, on every path that is left."""
        self._length = length
        self._pace = pace
        self._begin = begin.steps
        self._arrived_steps = score.arrived_steps[begin.words :]
        self._hisses_before = clock.hisses_before[begin.steps : begin.steps + length + 1]
        self._dips = clock.dips(begin.steps, begin.steps + length)
        self._backs: list[tuple[int, list[int]]] = []
        """Where the word began, for each word and each step at which it may end: the first of these, and a window."""
        self._pause_at = [0.0] * (length + 1)
        for pause in clock.pauses:
            if 0 < pause.at - begin.steps < length:
                self._pause_at[pause.at - begin.steps] = pause.weight
        self._pauses_upto: list[float] = []
        weight = 0.0
        for at in range(length + 1):
            weight += self._pause_at[at]
            self._pauses_upto.append(weight)

    def step(self, word: SpokenWord, *, room: int) -> None:
        """Say one more word.

        :param room: steps that have to be left behind it.
        """
        expected = word.letters * self._pace
        shortest, longest = max(1, int(expected * SHORTEST)), int(expected * LONGEST) + 2
        durations = [_duration_cost(steps, expected) for steps in range(shortest, longest + 1)]
        hisses = word.hisses * HISS_LETTERS * self._pace
        limit = self._length - room
        known_costs, known_from = self._costs, self._from
        dearest = min(known_costs) + BEAM
        arrived = self._arrived_steps[len(self._backs)] - self._begin
        hisses_before = self._hisses_before
        begin, stop = max(self._first, arrived), min(self._last + 1, limit)
        window = begin + shortest
        width = max(min(stop - 1 + longest, limit) - window + 1, 1)
        found, back = [NEVER] * width, [0] * width
        first, last = limit, 0
        for start in range(begin, stop):
            known = known_costs[start - known_from]
            if known > dearest:
                continue
            known -= SPLIT_WORD_COST * self._pauses_upto[start]
            due = hisses_before[start] + hisses
            first = min(first, start + shortest)
            last = min(start + longest, limit)
            for steps in range(shortest, last - start + 1):
                end = start + steps
                excess = abs(hisses_before[end] - due)
                cost = known + durations[steps - shortest] + HISS_COST * min(excess, MOST_HISS_STEPS)
                if cost < found[end - window]:
                    found[end - window] = cost
                    back[end - window] = start
        for end in range(max(first, window), last + 1):
            found[end - window] += self._pause_cost(word, end) + DIP_COST * (USUAL_DIP - self._dips[end])
        cheapest = window + found.index(min(found))
        self._costs, self._from = found, window
        self._first, self._last = max(first, cheapest - FURTHEST_STEPS), min(last, cheapest + FURTHEST_STEPS)
        self._backs.append((window, back))

    def finish(self, word: SpokenWord) -> None:
        """Say the last word: it takes all that is left."""
        length, expected = self._length, word.letters * self._pace
        hisses = word.hisses * HISS_LETTERS * self._pace
        best, best_start = NEVER, 0
        for start in range(self._first, min(self._last + 1, length)):
            cost = self.cost_at(start)
            if cost < best:
                excess = abs(self._hisses_before[length] - self._hisses_before[start] - hisses)
                cost += _duration_cost(length - start, expected) + HISS_COST * min(excess, MOST_HISS_STEPS)
                cost += SPLIT_WORD_COST * (self._pauses_upto[length] - self._pauses_upto[start])
                if cost < best:
                    best, best_start = cost, start
        self._costs, self._from = [best], length
        self._backs.append((length, [best_start]))

    def cost_at(self, at: int) -> float:
        """The cheapest way to have said the words so far by step ``at``."""
        return self._costs[at - self._from] if 0 <= at - self._from < len(self._costs) else NEVER

    def broken_off(self, score: Score, following: int) -> tuple[float, int]:
        """The cheapest cost, and the step, at which the words so far end if the sound breaks off in the next.

        :param following: the next word's place in the score.
        """
        expected = score.words[following].letters * self._pace if following < len(score.words) else 1.0
        best, best_at = NEVER, 0
        for at in range(self._last, self._first - 1, -1):
            cost = self.cost_at(at)
            if cost < best:
                cost += SPLIT_WORD_COST * (self._pauses_upto[self._length] - self._pauses_upto[at])
                begun = self._length - at
                if begun > expected:
                    cost += _duration_cost(begun, expected)
                if cost < best:
                    best, best_at = cost, at
        return best, best_at

    def path(self, index: int, at: int) -> list[int]:
        """Where each word up to ``index`` ends, in steps of the whole sound, if that one ends at ``at``."""
        ends: list[int] = []
        while index >= 0:
            ends.append(self._begin + at)
            window, back = self._backs[index]
            at = back[at - window]
            index -= 1
        ends.reverse()
        return ends

    def _pause_cost(self, word: SpokenWord, end: int) -> float:
        """Of the pauses within a word, and of one behind it or none."""
        cost = SPLIT_WORD_COST * self._pauses_upto[end - 1]
        if not word.pause:
            return cost + STRAY_PAUSE_COST * self._pause_at[end]
        return cost if self._pause_at[end] else cost + NO_PAUSE_COST * word.pause


def _duration_cost(steps: int, expected: float) -> float:
    """Of a word that takes so many steps: its logarithm is normally distributed."""
    deviations = math.log(steps / expected) / WORD_SPREAD
    return deviations * deviations / 2
