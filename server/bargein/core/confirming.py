"""How much speech the second detector must find before it is believed: as much as a mistake would cost.

What the rules answer (:data:`bargein.core.rules.ENOUGH_TABLE`) is turned into a duration here. The rule is asked for
every window of an utterance that is undecided, since the agent may fall silent or be heard in the middle of it; it is
told of once for each answer.
"""

from __future__ import annotations

from typing import Final

from bargein.core.agent import Agent
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.floor import AgentState, Floor
from bargein.core.judging import Judging
from bargein.core.rules import ENOUGH_TABLE
from bargein.core.rulings import Enough, Hearing

UNHEARD_CONFIRM_MS: Final = 240
"""Speech that confirms while a reply is made and nothing of it is heard: there is nothing to nod to."""


class Confirming:
    """Knows how much speech confirms, and whether what ends before that is judged."""

    def __init__(self, policy: CorePolicy, floor: Floor, agent: Agent, judging: Judging) -> None:
        self._policy = policy
        self._floor = floor
        self._agent = agent
        self._judging = judging
        self._case: tuple[bool, AgentState, Hearing] | None = None
        """Of which the rules were asked last, for the utterance in hand."""
        self._enough = Enough.ANNOUNCED

    def begin_anew(self) -> None:
        """Nothing is undecided any more: the rules are asked again for the next utterance."""
        self._case = None

    def enough(self, config: SessionConfig) -> Enough:
        """What the rules say now."""
        detection = config.turn_detection
        hearing = Hearing.NOTHING
        if self._agent.audible:
            hearing = Hearing.NODDED if self._judging.nods_so_far else Hearing.SOUND
        case = (detection is None or detection.interrupt_response, self._floor.agent_state, hearing)
        if case != self._case:
            self._enough = self._floor.ask(ENOUGH_TABLE, case)
            self._case = case
        return self._enough

    def needed_ms(self, enough: Enough, config: SessionConfig) -> float:
        """So much speech is enough."""
        policy = self._policy
        match enough:
            case Enough.ANNOUNCED:
                return policy.announce_after_ms
            case Enough.UNHEARD:
                return min(policy.confirm_after_ms, UNHEARD_CONFIRM_MS)
            case Enough.HEARD:
                judged_ms = policy.confirm_judged_ms if policy.hears_words(config) else None
                return policy.confirm_after_ms if judged_ms is None else judged_ms
            case Enough.NODDED:
                return policy.longest_nod_ms
