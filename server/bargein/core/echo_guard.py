"""Whether what the microphone hears is the agent's own voice, come back from the caller's loudspeaker."""

from __future__ import annotations

from typing import Final

from bargein.core.agent import Agent
from bargein.core.caller import Caller
from bargein.core.endpointing import Endpointer
from bargein.core.measures import Measures

ECHO_REACH_S: Final = 1.5
"""How late an echo may be, network and loudspeaker included, plus how long the speech is that it is compared with."""
ECHO_LIKENESS: Final = 0.3
"""Share of the caller's sound that must be explained by ours to take it for an echo. Of an echo between bare walls
little more is; of another voice less."""
ECHO_COMPARED_MS: Final = 300
"""At least so much of the caller's sound is compared: mere evidence of speech is shorter."""


def echo_likeness(caller: Caller, agent: Agent, endpointer: Endpointer, measures: Measures, now: float) -> float | None:
    """How much of the speech in progress, or just over, is the agent's own; ``None`` where nothing was said that could
    be. An echo is what reaches :data:`ECHO_LIKENESS`.
    """
    said = agent.said_around(now, ECHO_REACH_S)
    if said is None:
        return None
    buffer = caller.buffer
    stop = endpointer.position_samples
    start = min(endpointer.onset_sample, stop - buffer.format.samples_in_ms(ECHO_COMPARED_MS))
    return measures.echo_likeness(buffer.peek(start, stop), buffer.format, said.pieces, said.format)
