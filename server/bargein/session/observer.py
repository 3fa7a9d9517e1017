"""The one observer of a session: counts what was decided, measures it and writes it down. It changes nothing.

Everything that metrics and the log know of turns comes from here, and from the half that is told of work
(:mod:`bargein.session.work_observer`); what they know of callers' sockets is counted where these are.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from bargein.core import actions, decisions
from bargein.core.actions import Action
from bargein.core.completion import Usage
from bargein.core.decisions import Decision, HoldEndReason
from bargein.core.items import NO_SOUND, Response
from bargein.errors import CallerError
from bargein.metrics import Metrics
from bargein.metrics.metrics import SilentReplyOutcome
from bargein.session.endings import Ending
from bargein.session.latency import Measured, TurnClock
from bargein.session.purse import Spent
from bargein.session.turn_log import TurnLog
from bargein.session.work_observer import WorkObserver
from bargein.wire.decision_records import explained
from bargein.wire.errors import INPUT_MISSING


@dataclass(slots=True)
class Totals:
    """What one session has used."""

    responses: int = 0
    barge_ins: int = 0
    audio_out_s: float = 0.0
    transcribed_s: float = 0.0
    tokens: dict[str, int] = field(default_factory=lambda: Usage().by_kind())

    def add(self, usage: Usage) -> None:
        for kind, count in usage.by_kind().items():
            self.tokens[kind] += count


class Observer:
    """Watches one session. All times are in seconds on one clock."""

    def __init__(self, metrics: Metrics, log: FilteringBoundLogger) -> None:
        self._metrics = metrics
        self._log = log
        self.work = WorkObserver(metrics, log)
        """Told what becomes of what others do."""
        self._clock = TurnClock()
        self.turns = TurnLog(log)
        """The lines of the log about turns."""
        self._totals = Totals()
        self.writes_decisions = log.is_enabled_for(logging.DEBUG)
        """Every decision is a line of the log."""

    def note(self, action: Action, now: float, spent: Spent | None = None) -> Measured | None:
        """Take one action, before it is done: all but sound, which is :meth:`sound_sent`. Returns a measurement that is
        complete by it.

        :param spent: what the response has cost that is done.
        """
        if isinstance(action, Decision):
            return self._note_decision(action, now)
        match action:
            case actions.ResponseDone(response):
                self._note_done(response, spent)
            case actions.ResponseCreated() | actions.StartStream() | actions.Cut():
                self._note_response(action, now)
            case actions.Held(response_id):
                since_onset_s = self._clock.since_onset_s(now)
                self.turns.held(response_id, since_onset_s)
                if since_onset_s is not None:
                    self._metrics.hold_delay_s.observe(since_onset_s)
            case actions.SpeechStarted():
                self._clock.speech_began()
            case actions.SpeechStopped(quiet_ms=quiet_ms):
                self._clock.speech_ended(quiet_ms / 1000, now)
            case actions.InputCommitted():
                self._metrics.turns.inc()
            case actions.InputMissing():
                self._metrics.caller_error(INPUT_MISSING)
            case actions.InputCleared():
                self._clock.speech_dropped()
            case actions.TranscriptionDone(seconds=seconds):
                self._totals.transcribed_s += seconds
                self._metrics.transcriptions["completed"].inc()
            case actions.TranscriptionFailure():
                self._metrics.transcriptions["failed"].inc()
            case _:
                pass
        return None

    # What is no action.

    def speech_noticed(self, onset_at: float, now: float) -> None:
        """There is evidence of speech whose first sample arrived at ``onset_at``."""
        self._clock.evidence(onset_at, now)

    def piece_came(self, response_id: str, now: float) -> None:
        """A piece of the model's answer came, of sound or not."""
        self.turns.piece_came(response_id, now)

    def sound_came(self, response_id: str, now: float) -> None:
        """A piece of sound came from the model."""
        self._clock.audio_came(response_id, now)

    def sound_sent(self, audio: actions.AudioSent, rate_hz: int, now: float) -> Measured | None:
        """A piece of sound left for the caller. Called ten times a second for everybody who is spoken to."""
        duration_s = audio.sample_count / rate_hz
        self._totals.audio_out_s += duration_s
        self._metrics.traffic.audio_out_s += duration_s
        self.turns.sound_sent(audio.response_id, audio.sample_count)
        if audio.start_sample != 0:
            return None
        first = self._clock.audio_sent(audio.response_id, now)
        if first is None:
            return None
        self.turns.began_to_sound(audio.response_id, first, now)
        if first.since_arrival_s is not None:
            self._metrics.first_delta_delay_s.observe(first.since_arrival_s)
        if first.since_speech_s is not None:
            self._metrics.response_latency_s.observe(first.since_speech_s)
        return first.measured

    def stream_closed(self, response_id: str, delay_s: float) -> Measured | None:
        """A cancelled stream's connection is closed, ``delay_s`` after the decision."""
        self._metrics.cancel_s.observe(delay_s)
        return self._clock.stream_closed(response_id, delay_s)

    def refused(self, error: CallerError) -> None:
        """A message of the caller's was refused."""
        self._metrics.caller_error(error.code)

    def closing(self, ending: Ending) -> None:
        """The session ends by our own decision."""
        if ending.counted:
            self._metrics.slow_callers.inc()
        self._log.info("closing", cause=ending.cause.name.lower(), code=ending.close_code, reason=ending.reason)

    def ended(self, code: int, reason: str, audio_in_s: float, now: float) -> None:
        """The connection is gone.

        :param audio_in_s: the seconds of sound that came of the caller.
        """
        self.turns.ended(now)
        totals = self._totals
        self._log.info(
            "session used",
            code=code,
            reason=reason,
            responses=totals.responses,
            barge_ins=totals.barge_ins,
            audio_in_s=round(audio_in_s, 2),
            audio_out_s=round(totals.audio_out_s, 2),
            transcribed_s=round(totals.transcribed_s, 2),
            **{f"{kind}_tokens": count for kind, count in totals.tokens.items()},
            cost_dollars=round(self.work.dollars, 6),
            unpriced=self.work.unpriced,
        )

    # Inside.

    def _note_response(self, action: actions.ResponseCreated | actions.StartStream | actions.Cut, now: float) -> None:
        match action:
            case actions.ResponseCreated(response):
                self.turns.created(response, now)
                self._clock.asked(response.id, now, answers_turn=response.conversation_id is not None)
            case actions.StartStream(response_id, again=again):
                self.turns.asked(response_id, now)
                if again:
                    self._note_silent(response_id, "asked_again")
            case actions.Cut(response_id, heard_samples=heard_samples):
                self.turns.cut(response_id, heard_samples)

    def _note_decision(self, decision: Decision, now: float) -> Measured | None:
        if self.writes_decisions:
            self._log.debug("decided", **explained(decision))
        match decision:
            case decisions.Interrupted(response_id, cancelled=cancelled):
                self.turns.interrupted(response_id, cancelled, self._clock.since_onset_s(now))
                return self._note_interruption(cancelled or response_id, now, cancels=cancelled is not None)
            case decisions.HoldEnded(reason, response_id=response_id) if response_id is not None:
                self._note_hold_end(reason)
            case decisions.Judged(verdict=verdict, judge=judge, took_ms=took_ms):
                self._metrics.judged(judge, verdict, took_ms / 1000)
            case decisions.ReplyTakenUp(response_id, as_response_id):
                self.turns.taken_up(response_id, as_response_id)
                self._metrics.false_interruptions.inc()
            case decisions.TurnHealed():
                self._metrics.turns_healed.inc()
            case decisions.SpeculationEnded(response_id, outcome, sounds=sounds, usage=usage):
                self._metrics.speculations[outcome].inc()
                if outcome == "used" and sounds:
                    self._clock.audio_came(response_id, now)
                if outcome != "used":
                    self.turns.dropped(response_id)
                if outcome == "left":  # No response will tell of it.
                    self._totals.add(usage)
                    self._metrics.count_tokens(usage)
            case _:
                pass
        return None

    def _note_interruption(self, response_id: str, now: float, *, cancels: bool) -> Measured | None:
        self._totals.barge_ins += 1
        self._metrics.barge_ins.inc()
        since_onset_s = self._clock.since_onset_s(now)
        if since_onset_s is not None:
            self._metrics.confirm_delay_s.observe(since_onset_s)
        return self._clock.barged_in(response_id, now, cancels=cancels)

    def _note_hold_end(self, reason: HoldEndReason) -> None:
        """Play-out goes on, or never will. What the caller has stopped by its own word is not counted."""
        match reason:
            case "confirmed" | "expired":
                self._metrics.holds[reason].inc()
            case "stopped":
                pass
            case _:
                self._metrics.holds["resumed"].inc()

    def _note_done(self, response: Response, spent: Spent | None) -> None:
        self._clock.done(response.id)
        self._totals.responses += 1
        if response.status != "in_progress":
            self._metrics.responses[response.status].inc()
        if response.failure is NO_SOUND:
            self._note_silent(response.id, "given_up")
        self.turns.done(response)
        usage = response.usage or Usage()
        self._totals.add(usage)
        self._metrics.count_tokens(usage)
        cost = {} if spent is None or spent.turn is None else {"cost_dollars": round(spent.turn, 6)}
        self._log.info(
            "response done",
            response_id=response.id,
            status=response.status,
            reason=response.reason,
            **{f"{kind}_tokens": count for kind, count in usage.by_kind().items()},
            estimated=usage.estimated,
            **cost,
        )

    def _note_silent(self, response_id: str, then: SilentReplyOutcome) -> None:
        """The model has answered in text where it was asked to speak."""
        self._metrics.silent_replies[then].inc()
        self._log.warning("the model answered without sound", response_id=response_id, then=then.replace("_", " "))
