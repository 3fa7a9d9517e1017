"""How long to wait in a pause until the turn is taken to be over: ``semantic_vad``, without a model.

What is known of a pause when it has lasted :data:`NOTICED_MS`: how long this caller pauses and goes on, whether the
voice fell or hung before it, and whether the turn so far has the rhythm of digits or letters that are dictated. A
little later, where somebody hears words: whether they are a phrase that is finished. From that, and from the eagerness
that the caller has set, follows how long it may last. All of it is asked once a pause; nothing is counted for a caller
who is silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bargein.core.decisions import PauseReason

Eagerness = Literal["low", "medium", "high"]
"""``auto`` is ``medium``."""

PhraseEnd = Literal["finished", "open", "dictated"]
"""How what was said by a pause ends: as a phrase does, in the midst of one, or in digits or letters one by one."""

NOTICED_MS: Final = 200
"""Less silence than this lies within words."""
KEPT_BURSTS: Final = 16
KEPT_PAUSES: Final = 8
"""Of the newest pauses it is known how long this caller pauses."""

FELL_ST_PER_S: Final = -10.0
"""A voice that falls as fast as this, in semitones a second, ends something."""
HUNG_ST_PER_S: Final = -2.0
"""One that falls no faster than this, or rises, leaves something open."""

SHORTEST_DICTATION: Final = 2
"""So many bursts have a rhythm."""
PLAIN_DICTATION: Final = 4
"""After so many it is plain that there is one."""
LONGEST_BURST_MS: Final = 1500
"""A group of digits is no longer."""
BURST_LIKENESS: Final = 2.5
"""The longest burst of a dictation is no longer than this many times the shortest."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What is known of a pause."""

    bursts_ms: tuple[int, ...]
    """Speech of the turn between its pauses: the newest lies before this one."""
    pauses_ms: tuple[int, ...]
    """The pauses of the turn, after each of which it went on."""
    usual_ms: int | None
    """How long this caller's longer pauses within turns are; ``None``: that is not known yet."""
    slope_st_per_s: float | None = None
    """How the pitch moved before it, in semitones a second; ``None``: there was too little of a voice."""
    phrase: PhraseEnd | None = None
    """What the words so far are; ``None``: nobody knows yet, or they tell nothing."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a pause may last, in ms."""

    fell: int
    usual: int
    """Where nothing speaks for another."""
    hung: int
    open: int
    """In the midst of a phrase, by its words."""
    learned: int
    """However long this caller pauses."""
    longest: int
    """Where it is plain that something is dictated."""


WAITS: Final[dict[Eagerness, Waits]] = {
    "low": Waits(fell=1000, usual=1200, hung=1400, open=2000, learned=1400, longest=2000),
    "medium": Waits(fell=560, usual=640, hung=800, open=1200, learned=680, longest=1000),
    "high": Waits(fell=320, usual=400, hung=480, open=700, learned=480, longest=600),
}
BEYOND_USUAL: Final = 1.1
"""How much longer than a caller's pauses another may be."""
BEYOND_DICTATED: Final = 1.25


@dataclass(frozen=True, slots=True)
class PauseWait:
    """How long a pause may last, from its beginning on, until the turn is over, and why."""

    ms: int
    reason: PauseReason


def wait(pause: Pause, eagerness: Eagerness) -> PauseWait:
    """How long ``pause`` may last."""
    waits = WAITS[eagerness]
    found = _by_voice(pause.slope_st_per_s, waits) if pause.phrase is None else _by_words(pause.phrase, waits)
    longest_ms = max(pause.pauses_ms, default=0)
    known_ms = max(longest_ms, pause.usual_ms or 0)
    learned_ms = min(round(BEYOND_USUAL * known_ms), waits.learned)
    if learned_ms > found.ms:
        found = PauseWait(learned_ms, "own pauses")
    if is_dictated(pause.bursts_ms):
        plain = len(pause.bursts_ms) >= PLAIN_DICTATION
        dictated_ms = min(round(BEYOND_DICTATED * longest_ms), waits.longest if plain else waits.learned)
        if dictated_ms > found.ms:
            found = PauseWait(dictated_ms, "dictation")
    return found


def _by_voice(slope_st_per_s: float | None, waits: Waits) -> PauseWait:
    if slope_st_per_s is not None and slope_st_per_s <= FELL_ST_PER_S:
        return PauseWait(waits.fell, "voice fell")
    if slope_st_per_s is not None and slope_st_per_s >= HUNG_ST_PER_S:
        return PauseWait(waits.hung, "voice hung")
    return PauseWait(waits.usual, "nothing known")


def _by_words(phrase: PhraseEnd, waits: Waits) -> PauseWait:
    match phrase:
        case "finished":
            return PauseWait(waits.fell, "finished phrase")
        case "open":
            return PauseWait(waits.open, "open phrase")
        case "dictated":
            return PauseWait(waits.hung, "dictated words")


def may_be_over(pause: Pause) -> bool:
    """Whether it is worth while to ask the model already."""
    hung = pause.slope_st_per_s is not None and pause.slope_st_per_s >= HUNG_ST_PER_S
    return not hung and not (len(pause.bursts_ms) >= PLAIN_DICTATION and is_dictated(pause.bursts_ms))


def is_dictated(bursts_ms: Sequence[int]) -> bool:
    """Whether a turn goes like digits or letters: short bursts of like length."""
    if len(bursts_ms) < SHORTEST_DICTATION:
        return False
    return max(bursts_ms) <= min(LONGEST_BURST_MS, BURST_LIKENESS * min(bursts_ms))


class Rhythm:
    """The bursts and pauses of one caller, as far as they matter to the end of a turn."""

    def __init__(self) -> None:
        self._bursts_ms: deque[int] = deque(maxlen=KEPT_BURSTS)
        self._pauses_ms: deque[int] = deque(maxlen=KEPT_BURSTS)
        self._ended_ms: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        """Bursts and pauses of the turn that has ended last."""
        self._usual_ms: deque[int] = deque(maxlen=KEPT_PAUSES)

    def paused(self, burst_ms: int) -> Pause:
        """A pause was noticed after ``burst_ms`` of speech."""
        self._bursts_ms.append(burst_ms)
        usual = sorted(self._usual_ms)
        # The second longest: one long pause is none that is usual.
        usual_ms = usual[-2] if len(usual) > 1 else None
        return Pause(tuple(self._bursts_ms), tuple(self._pauses_ms), usual_ms)

    def went_on(self, pause_ms: int) -> None:
        """The turn goes on after a pause that was noticed."""
        self._pauses_ms.append(pause_ms)
        self._usual_ms.append(pause_ms)

    def ended(self) -> None:
        """The turn is over, as it seems."""
        self._ended_ms = (tuple(self._bursts_ms), tuple(self._pauses_ms))
        self._bursts_ms.clear()
        self._pauses_ms.clear()

    def was_cut_off(self, pause_ms: int) -> None:
        """It was not: what is heard is the rest of the turn that ended ``pause_ms`` before."""
        bursts_ms, pauses_ms = self._ended_ms
        self._bursts_ms.extendleft(reversed(bursts_ms))
        self._pauses_ms.extendleft(reversed(pauses_ms))
        self.went_on(pause_ms)
