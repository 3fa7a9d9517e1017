"""A short utterance over a reply, while it is found out why somebody spoke.

Whoever hears words is asked (:class:`~bargein.core.actions.StartJudging`) and has until a deadline; what counts without
an answer is the sound (:mod:`bargein.core.sound_judge`). One utterance is judged at a time. While it goes on its words
so far are asked for as well: what is certain by them need not wait for its end.
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


@dataclass(slots=True)
class _SoFar:
    """What was asked of an utterance that goes on."""

    asked_samples: int = 0
    """Speech that there was when it was asked last."""
    pending_id: str | None = None
    figures: UtteranceFigures | None = None
    """As it was then."""
    nods: bool = False
    """By its words it is a backchannel, so far."""


class Judging:
    """Times are in seconds on the clock of whoever drives the conversation."""

    def __init__(self, policy: CorePolicy, new_id: NewId, caller: Caller, agent: Agent) -> None:
        self._policy = policy
        self._new_id = new_id
        self._caller = caller
        self._agent = agent
        self._utterance: _Utterance | None = None
        self._so_far: _SoFar | None = None

    @property
    def due_at(self) -> float | None:
        """When the sound alone decides; ``None`` while nothing is judged."""
        return None if self._utterance is None else self._utterance.until

    @property
    def nods_so_far(self) -> bool:
        """The utterance that goes on is a backchannel, by the words that were heard of it."""
        return self._so_far is not None and self._so_far.nods

    def ask_so_far(self, endpointer: Endpointer, config: SessionConfig, now: float, out: list[Action]) -> None:
        """The caller goes on to speak over a reply: ask for the words so far, if it is time to."""
        policy, so_far = self._policy, self._so_far
        if not policy.ask_after_ms or not policy.hears_words(config):
            return
        spoken, step = endpointer.spoken_samples, self._caller.buffer.format.samples_in_ms(policy.ask_after_ms)
        if so_far is None:
            if spoken < step:
                return
            so_far = self._so_far = _SoFar()
        if so_far.pending_id is not None or spoken - so_far.asked_samples < step:
            return
        so_far.asked_samples = spoken
        so_far.pending_id = self._new_id("utt")
        until = now + policy.judge_limit_ms / 1000
        figures = so_far.figures = endpointer.utterance(audible=self._agent.audible)
        out.append(self._question(so_far.pending_id, figures, endpointer, config, now, until, over=False))

    def understood(self, event: UtteranceJudged) -> bool:
        """A judge has answered. Returns whether it is about the words so far."""
        so_far = self._so_far
        if so_far is None or so_far.pending_id != event.utterance_id:
            return False
        so_far.pending_id = None
        so_far.nods = False
        return True

    def listen_on(self) -> None:
        """By the words so far, more speech is needed to confirm the utterance."""
        if self._so_far is not None:
            self._so_far.nods = True

    def explain(self, event: UtteranceJudged, verdict: UtteranceVerdict, out: list[Action]) -> None:
        """The words so far decide: say so."""
        figures = None if self._so_far is None else self._so_far.figures
        assert figures is not None, "it was asked"
        out.append(self._judged(event.utterance_id, verdict, event.judge, event.words, figures, 0.0))

    def start(self, endpointer: Endpointer, config: SessionConfig, now: float, out: list[Action]) -> None:
        """What the caller just said is to be judged."""
        policy = self._policy
        figures = endpointer.utterance(audible=self._agent.audible)
        ended_at = now - endpointer.quiet_s
        limit_ms = policy.judge_limit_ms if policy.judges_words else policy.misfire_after_ms
        utterance = _Utterance(
            self._new_id("utt"), figures, ended_at, max(now, ended_at + limit_ms / 1000), policy.judges_words
        )
        self._utterance = utterance
        if not policy.judges_words:
            return
        out.append(self._question(utterance.id, figures, endpointer, config, now, utterance.until, over=True))

    def _question(  # one for each part of it
        self,
        utterance_id: str,
        figures: UtteranceFigures,
        endpointer: Endpointer,
        config: SessionConfig,
        now: float,
        until: float,
        *,
        over: bool,
    ) -> actions.StartJudging:
        buffer = self._caller.buffer
        onset = endpointer.onset_sample - buffer.format.samples_in_ms(BEFORE_MS)
        said, unsaid = self._agent.playout.words_around(now)
        return actions.StartJudging(
            utterance_id,
            buffer.peek(max(onset, buffer.start_sample), buffer.end_sample),
            buffer.format,
            figures,
            said,
            unsaid,
            None if config.transcription is None else config.transcription.language,
            until,
            over,
        )

    def forget(self, out: list[Action]) -> None:
        """What was asked of the words so far is of no use any more: it is decided, or another utterance."""
        so_far, self._so_far = self._so_far, None
        if so_far is not None and so_far.pending_id is not None:
            out.append(actions.StopJudging(so_far.pending_id))

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
        assert event.verdict is not None, "it is over"
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
        took_ms = (now - utterance.ended_at) * 1000
        out.append(self._judged(utterance.id, verdict, judge, words, utterance.figures, took_ms))
        return verdict

    def _judged(  # one for each part of it
        self,
        utterance_id: str,
        verdict: UtteranceVerdict,
        judge: str,
        words: str | None,
        figures: UtteranceFigures,
        took_ms: float,
    ) -> Judged:
        return Judged(
            utterance_id,
            verdict,
            judge,
            took_ms,
            words,
            self._caller.position_ms,
            figures.duration_ms,
            figures.level_db,
            figures.probability,
        )
