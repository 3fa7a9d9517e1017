"""A short utterance over a reply, while it is found out why somebody spoke.

Whoever hears words is asked (:class:`~bargein.core.actions.StartJudging`) and has until a deadline; what counts without
an answer is the sound (:mod:`bargein.core.sound_judge`). One utterance is judged at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.agent import Agent
from bargein.core.caller import Caller
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.decisions import Judged, UtteranceVerdict
from bargein.core.endpointing import Endpointer
from bargein.core.events import UtteranceJudged
from bargein.core.floor import CallerTrigger
from bargein.core.reply import NewId
from bargein.core.sound_judge import JUDGE_NAME, UtteranceFigures, judge_by_sound

BEFORE_MS: Final = 200
"""Sound before the onset that goes with it: the first consonant."""

TRIGGERS: Final[dict[UtteranceVerdict, CallerTrigger]] = {
    "interruption": CallerTrigger.CONFIRM,
    "backchannel": CallerTrigger.BACKCHANNEL,
    "noise": CallerTrigger.NOISE,
}
"""What a verdict means for the floor."""


@dataclass(slots=True)
class _Utterance:
    id: str
    figures: UtteranceFigures
    ended_at: float
    until: float
    asked: bool
    """Somebody was asked."""


class Judging:
    """Times are in seconds on the clock of whoever drives the conversation."""

    def __init__(self, policy: CorePolicy, new_id: NewId, caller: Caller, agent: Agent) -> None:
        self._policy = policy
        self._new_id = new_id
        self._caller = caller
        self._agent = agent
        self._utterance: _Utterance | None = None

    @property
    def due_at(self) -> float | None:
        """When the sound alone decides; ``None`` while nothing is judged."""
        return None if self._utterance is None else self._utterance.until

    def start(self, endpointer: Endpointer, config: SessionConfig, now: float, out: list[Action]) -> None:
        """What the caller just said is to be judged."""
        policy, buffer = self._policy, self._caller.buffer
        figures = endpointer.utterance(audible=self._agent.audible)
        ended_at = now - endpointer.quiet_s
        limit_ms = policy.judge_limit_ms if policy.judges_words else policy.misfire_after_ms
        utterance = _Utterance(
            self._new_id("utt"), figures, ended_at, max(now, ended_at + limit_ms / 1000), policy.judges_words
        )
        self._utterance = utterance
        if not policy.judges_words:
            return
        onset = endpointer.onset_sample - buffer.format.samples_in_ms(BEFORE_MS)
        said, unsaid = self._agent.words_around(now)
        out.append(
            actions.StartJudging(
                utterance.id,
                buffer.peek(max(onset, buffer.start_sample), buffer.end_sample),
                buffer.format,
                figures,
                said,
                unsaid,
                None if config.transcription is None else config.transcription.language,
                utterance.until,
            )
        )

    def stop(self, out: list[Action]) -> None:
        """It is not judged any more."""
        utterance, self._utterance = self._utterance, None
        if utterance is not None and utterance.asked:
            out.append(actions.StopJudging(utterance.id))

    def answered(self, event: UtteranceJudged, now: float, out: list[Action]) -> UtteranceVerdict | None:
        """A judge has answered. Returns the verdict, unless it comes too late."""
        utterance = self._utterance
        if utterance is None or utterance.id != event.utterance_id:
            return None
        return self._decide(utterance, event.verdict, event.judge, event.words, now, out)

    def by_sound(self, now: float, out: list[Action]) -> UtteranceVerdict | None:
        """Nobody has answered. Returns the verdict, if there is something to judge."""
        utterance = self._utterance
        if utterance is None:
            return None
        verdict = judge_by_sound(utterance.figures, self._policy.short_utterance)
        if utterance.asked:
            out.append(actions.StopJudging(utterance.id))
        return self._decide(utterance, verdict, JUDGE_NAME, None, now, out)

    def forgive(self, lost_s: float) -> None:
        """See :meth:`Conversation.forgive`."""
        if self._utterance is not None:
            self._utterance.until += lost_s

    def _decide(
        self,
        utterance: _Utterance,
        verdict: UtteranceVerdict,
        judge: str,
        words: str | None,
        now: float,
        out: list[Action],
    ) -> UtteranceVerdict:
        self._utterance = None
        figures = utterance.figures
        out.append(
            Judged(
                utterance.id,
                verdict,
                judge,
                (now - utterance.ended_at) * 1000,
                words,
                self._caller.position_ms,
                figures.duration_ms,
                figures.level_db,
                figures.probability,
            )
        )
        return verdict
