"""Whether what the microphone hears is the agent's own voice, come back from the caller's loudspeaker, and how late."""

from __future__ import annotations

from typing import Final

from bargein.core.agent import Agent
from bargein.core.caller import Caller
from bargein.core.endpointing import Endpointer
from bargein.core.measures import Measures
from bargein.core.verdicts import EchoRule

ECHO_REACH_S: Final = 1.5
"""How late an echo may be, network and loudspeaker included, plus how long the speech is that it is compared with."""
ECHO_LIKENESS: Final = 0.3
"""Share of the caller's sound that must be explained by ours to take it for an echo. Of an echo between bare walls
little more is; of another voice less."""
SURE_LIKENESS: Final = 0.35
"""The same of mere evidence, which is short: of a short vowel of any voice some filter explains much."""
DECLARED_LIKENESS: Final = 0.2
"""The same of a caller who has said that there is an echo: nineteen of twenty other voices are below it."""
ECHO_COMPARED_MS: Final = 300
"""At least so much of the caller's sound is compared: mere evidence of speech is shorter."""
SAME_DELAY_S: Final = 0.02
"""Delays that are no further apart are the same one."""


class EchoGuard:
    """What is known of one caller's echo."""

    def __init__(self, agent: Agent, measures: Measures) -> None:
        self.delay_s: float | None = None
        """How long after its play-out, by our estimate, the agent's sound is in the caller's; ``None``: this caller has
        shown no echo.
        """
        self._another_delay_s: float | None = None
        self._found_delay_s = 0.0
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

    def likeness(self, caller: Caller, endpointer: Endpointer, now: float) -> float | None:
        """How much of the speech in progress, or just over, is the agent's own; ``None`` where nothing was said that
        could be.
        """
        said = self._agent.said_around(now, ECHO_REACH_S)
        if said is None:
            return None
        buffer = caller.buffer
        stop = endpointer.position_samples
        start = min(endpointer.onset_sample, stop - buffer.format.samples_in_ms(ECHO_COMPARED_MS))
        match = self._measures.echo_match(buffer.peek(start, stop), buffer.format, said.pieces, said.format)
        said_ago_s = match.said_s - said.ends_s
        heard_ago_s = (buffer.end_sample - max(start, buffer.start_sample)) / buffer.format.rate_hz
        self._found_delay_s = said_ago_s - heard_ago_s
        return match.likeness

    def is_echo(self, likeness: float, rule: EchoRule) -> bool:
        """Whether so much likeness is one, by the rule that asks; if it is, its delay is learnt."""
        least = SURE_LIKENESS if rule is EchoRule.SURE else ECHO_LIKENESS
        if likeness < (DECLARED_LIKENESS if self._said else least):
            return False
        self._learn_delay(self._found_delay_s)
        return True

    def _learn_delay(self, delay_s: float) -> None:
        """One likeness at another delay is chance; the second is another way of the sound."""
        known_s, other_s = self.delay_s, self._another_delay_s
        if known_s is None or (other_s is not None and abs(delay_s - other_s) <= SAME_DELAY_S):
            self.delay_s = delay_s
            self._another_delay_s = None
        elif abs(delay_s - known_s) > SAME_DELAY_S:
            self._another_delay_s = delay_s
