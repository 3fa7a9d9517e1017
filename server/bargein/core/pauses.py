"""What follows from a pause of the caller's, while it lasts: how long it may, and whether the model is asked ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bargein.core.actions import Action
from bargein.core.agent import Agent
from bargein.core.caller import Caller
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.decisions import PauseJudged
from bargein.core.endpointing import Endpointer
from bargein.core.events import PhraseHeard, ResponseRequested
from bargein.core.healing import Healing
from bargein.core.measures import Measures
from bargein.core.phrases import Phrases
from bargein.core.reply import NewId
from bargein.core.speculation import Speculation
from bargein.core.turn_end import Eagerness, Pause, may_be_over, wait

INTONATION_MS: Final = 500
"""So much of the speech before a pause tells whether the voice fell or hung."""


class Pauses:
    """Times are in seconds on the clock of whoever drives the conversation. These are no rules of the floor: nobody's
    state changes in a pause.
    """

    def __init__(
        self,
        policy: CorePolicy,
        new_id: NewId,
        measures: Measures,
        caller: Caller,
        agent: Agent,
        speculation: Speculation,
        healing: Healing,
    ) -> None:
        self._measures = measures
        self._caller = caller
        self._agent = agent
        self._speculation = speculation
        self._healing = healing
        self._phrases = Phrases(policy, new_id, caller)

    def noticed(
        self, endpointer: Endpointer, config: SessionConfig, now: float, out: list[Action], *, answers: bool
    ) -> None:
        """The caller pauses.

        :param answers: turns are answered by themselves.
        """
        pause, detection = endpointer.notice_pause(), config.turn_detection
        speculates = self._speculation.allowed and self._agent.is_free and answers
        if detection is None or (detection.eagerness is None and not speculates):
            return
        buffer = self._caller.buffer
        first = endpointer.pause_sample - buffer.format.samples_in_ms(INTONATION_MS)
        slope = self._measures.pitch_slope(buffer.peek(first, endpointer.pause_sample), buffer.format)
        pause = replace(pause, slope_st_per_s=slope)
        if detection.eagerness is not None:
            self._wait(endpointer, pause, detection.eagerness, out)
            self._phrases.ask(endpointer, pause, config, now, out)
        turn = self._caller.turn_so_far()
        if speculates and turn is not None and may_be_over(pause):
            wanted = ResponseRequested(config.response)
            self._speculation.begin(wanted, turn, self._healing.link_of(turn.id), now, out)

    def phrase_heard(self, event: PhraseHeard, config: SessionConfig, out: list[Action]) -> None:
        """Somebody who was asked for the words before a pause has answered: it may last longer, or not so long."""
        endpointer, detection = self._caller.endpointer, config.turn_detection
        pause = self._phrases.heard(event, endpointer)
        if pause is not None and endpointer is not None and detection is not None and detection.eagerness is not None:
            self._wait(endpointer, pause, detection.eagerness, out)

    def _wait(self, endpointer: Endpointer, pause: Pause, eagerness: Eagerness, out: list[Action]) -> None:
        found = wait(pause, eagerness)
        endpointer.wait(found.ms)
        out.append(
            PauseJudged(
                found.reason,
                found.ms,
                self._caller.position_ms,
                pause.slope_st_per_s,
                max(pause.pauses_ms, default=None),
                pause.usual_ms,
            )
        )

    def forget(self, out: list[Action]) -> None:
        """It is over: no words before it are waited for."""
        self._phrases.forget(out)
