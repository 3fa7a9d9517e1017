"""Whether what the microphone hears is the agent's own voice, come back from the caller's loudspeaker, and how late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bargein.core.agent import Agent
from bargein.core.caller import Caller
from bargein.core.endpointing import Endpointer
from bargein.core.measures import PLAIN_LIKENESS, EchoMatch, Measures
from bargein.core.rulings import EchoRule
from bargein.core.said import COMPARED_MS

ECHO_REACH_S: Final = 1.7
"""How late an echo may be, network and loudspeaker included, plus how long the speech is that it is compared with."""
ECHO_LIKENESS: Final = 0.3
"""Share of the caller's sound that must be explained by ours to take it for an echo. Of another voice less is; of an
echo between bare walls often too, and its shape tells."""
SURE_LIKENESS: Final = PLAIN_LIKENESS
"""The same of mere evidence, which is short: of a short vowel of any voice some filter explains much."""
DECLARED_LIKENESS: Final = 0.2
"""The same of a caller who has said that there is an echo: nineteen of twenty other voices are below it."""
ECHO_SHAPE: Final = 0.86
"""How alike the shapes of both sounds must be to take it for an echo. With a third of a second of speech in it, other
voices are so much alike twice in a thousand times, and an echo nearly always, whatever the room.
"""
SURE_SHAPE: Final = 0.92
"""The same of mere evidence."""
DECLARED_SHAPE: Final = 0.8
"""The same of a caller who has said that there is an echo."""
SAME_DELAY_S: Final = 0.02
"""Delays that are no further apart are the same one."""
APART_S: Final = 0.5
"""Of the caller's sound that is alike at the same delay twice, so much lies between: of one syllable, both times are
likely to be alike by the same chance."""
TRUSTED_AFTER: Final = 3
"""So many times unlike what was said, with no echo since: mere evidence of this caller is compared no more."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Where sound that is like what was said lies."""

    delay_s: float
    heard_s: float
    """In the caller's sound."""


class EchoGuard:
    """What is known of one caller's echo."""

    def __init__(self, agent: Agent, measures: Measures) -> None:
        self.delay_s: float | None = None
        """How long after its play-out, by our estimate, the agent's sound is in the caller's; ``None``: this caller has
        shown no echo.
        """
        self._found = self._found_by_shape = _Found(0.0, 0.0)
        """By the last comparison."""
        self._candidate: _Found | None = None
        """What was like an echo once, and not at the delay that is known."""
        self._unlike = 0
        """Comparisons since the last echo."""
        self._said: bool | None = None
        self._agent = agent
        self._measures = measures

    def configure(self, echo_cancellation: bool | None) -> None:
        """What the caller has said of its echo."""
        self._said = echo_cancellation

    @property
    def wants_cancelling(self) -> bool:
        """An echo was found, of a caller who has not said that there is none."""
        return self.delay_s is not None and self._said is not False

    def forget(self) -> None:
        """What was known of an echo does not help: there is none, or none any more."""
        self.delay_s = None
        self._candidate = None
        self._unlike = 0

    def compare(self, caller: Caller, endpointer: Endpointer, now: float, rule: EchoRule) -> EchoMatch | None:
        """How much of the speech in progress, or just over, is the agent's own; ``None`` where nothing was said that
        could be, or ``rule`` need not know of this caller.
        """
        if rule is EchoRule.SURE and self._unlike >= TRUSTED_AFTER:
            return None
        said = self._agent.playout.said_around(now, ECHO_REACH_S)
        if said is None:
            return None
        buffer = caller.buffer
        stop = endpointer.position_samples
        start = min(endpointer.onset_sample, stop - buffer.format.samples_in_ms(COMPARED_MS))
        match = self._measures.echo_match(buffer.peek(start, stop), buffer.format, said.pieces, said.format)
        heard_ago_s = (buffer.end_sample - max(start, buffer.start_sample)) / buffer.format.rate_hz
        heard_s = stop / buffer.format.rate_hz
        self._found = _Found(match.said_s - said.ends_s - heard_ago_s, heard_s)
        self._found_by_shape = _Found(match.shape_said_s - said.ends_s - heard_ago_s, heard_s)
        return match

    def is_echo(self, match: EchoMatch, rule: EchoRule) -> bool:
        """Whether so much likeness is one, by the rule that asks; if it is, its delay is learnt."""
        least, least_shape = (SURE_LIKENESS, SURE_SHAPE) if rule is EchoRule.SURE else (ECHO_LIKENESS, ECHO_SHAPE)
        if self._said:
            least, least_shape = DECLARED_LIKENESS, DECLARED_SHAPE
        if match.likeness >= least:
            found = self._found
        elif match.shape is not None and match.shape >= least_shape:
            found = self._found_by_shape
        else:
            self._unlike += 1
            return False
        self._unlike = 0
        self._learn(found)
        return True

    def _learn(self, found: _Found) -> None:
        """One likeness at a new delay may be chance; the second, of other sound, is the way that the sound takes."""
        candidate = self._candidate
        if self.delay_s is not None and abs(found.delay_s - self.delay_s) <= SAME_DELAY_S:
            return
        again = candidate is not None and abs(found.delay_s - candidate.delay_s) <= SAME_DELAY_S
        if not again:
            self._candidate = found
        if self._said and self.delay_s is None:
            self.delay_s = found.delay_s
        elif again and candidate is not None and found.heard_s - candidate.heard_s >= APART_S:
            self.delay_s, self._candidate = found.delay_s, None
