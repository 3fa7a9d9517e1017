"""Does what the core decides: tells the caller, runs the model's streams, keeps the measurements."""

from __future__ import annotations

from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from bargein.core import actions, decisions
from bargein.core.actions import Action, WorkAction
from bargein.core.completion import Usage
from bargein.core.decisions import Decision
from bargein.core.items import NO_SOUND, Response
from bargein.metrics import Metrics
from bargein.metrics.metrics import SilentReplyOutcome
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.judgements import JudgementTasks
from bargein.session.latency import Measured, TurnClock
from bargein.session.reply_sound import ReplySound
from bargein.session.streams import Streams
from bargein.session.transcriptions import TranscriptionTasks
from bargein.wire.decision_records import explained
from bargein.wire.errors import INPUT_MISSING


@dataclass(slots=True)
class Totals:
    """What one session has used."""

    responses: int = 0
    barge_ins: int = 0
    audio_out_s: float = 0.0
    tokens: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("input_text", "input_audio", "cached", "output_text", "output_audio"), 0)
    )

    def add(self, usage: Usage) -> None:
        self.tokens["input_text"] += usage.input_text_tokens
        self.tokens["input_audio"] += usage.input_audio_tokens
        self.tokens["cached"] += usage.cached_tokens
        self.tokens["output_text"] += usage.output_text_tokens
        self.tokens["output_audio"] += usage.output_audio_tokens


class Performer:
    """Performs actions, in order, on the event loop's thread. Never waits."""

    def __init__(
        self,
        protocol: CallerProtocol,
        streams: Streams,
        transcriptions: TranscriptionTasks,
        judgements: JudgementTasks,
        clock: TurnClock,
        metrics: Metrics,
        log: FilteringBoundLogger,
        *,
        explains: bool,
    ) -> None:
        self.totals = Totals()
        self.sounds: dict[str, ReplySound] = {}
        """How to convert the sound of each response that is on."""
        self._protocol = protocol
        self._streams = streams
        self._transcriptions = transcriptions
        self._judgements = judgements
        self._clock = clock
        self._metrics = metrics
        self._log = log
        self._explains = explains
        """Decisions are written down: in the log, at ``debug``, or told to a caller who has asked."""

    def perform(self, todo: list[Action], now: float) -> None:
        """Do everything in ``todo``, in order.

        :raises CallerError: an item that was asked for is too large to be shown; there is nothing else to do then.
        """
        for action in todo:
            match action:
                case actions.AudioSent():
                    self._send_audio(action, now)
                case actions.StartStream() | actions.CancelStream() | actions.PauseStream() | actions.ContinueStream():
                    self._work(action, now)
                case actions.StartTranscription() | actions.StartJudging() | actions.StopJudging():
                    self._work(action, now)
                case (
                    decisions.Interrupted()
                    | decisions.HoldEnded()
                    | decisions.TurnEnded()
                    | decisions.TurnHealed()
                    | decisions.BargeInRefused()
                    | decisions.Judged()
                    | decisions.RuleAsked()
                ):
                    self._note_decision(action, now)
                case _:
                    self._note(action, now)
                    self._protocol.tell(action)
        self._protocol.told(now)

    def settle(self, todo: list[Action], now: float) -> None:
        """Do what ends a session, and count it; there is nobody left to tell."""
        for action in todo:
            match action:
                case actions.CancelStream():
                    self._work(action, now)
                case actions.ResponseDone():
                    self._note(action, now)
                case _:
                    pass

    def stream_closed(self, response_id: str, delay_s: float) -> None:
        """A cancelled stream's connection is closed."""
        self._tell_latency(self._clock.stream_closed(response_id, delay_s))

    def _send_audio(self, action: actions.AudioSent, now: float) -> None:
        self._protocol.tell_audio(action)
        sound = self.sounds.get(action.response_id)
        if sound is not None:
            duration_s = action.sample_count / sound.rate_hz
            self.totals.audio_out_s += duration_s
            self._metrics.traffic.audio_out_s += duration_s
        if action.start_sample == 0:
            self._tell_latency(self._clock.audio_sent(action.response_id, now))

    def _work(self, action: WorkAction, now: float) -> None:
        match action:
            case actions.StartStream(response_id, request, again):
                if again:
                    self._note_silent(response_id, "asked_again")
                self._streams.start(response_id, request)
            case actions.CancelStream(response_id):
                self._streams.cancel(response_id)
            case actions.PauseStream(response_id):
                self._streams.pause(response_id)
            case actions.ContinueStream(response_id):
                self._streams.go_on(response_id)
            case actions.StartTranscription(item_id, speech, transcription):
                self._transcriptions.start(item_id, speech, transcription)
            case actions.StartJudging():
                self._judgements.start(action)
            case actions.StopJudging(utterance_id):
                self._judgements.stop(utterance_id)

    def _note(self, action: Action, now: float) -> None:
        match action:
            case actions.ResponseCreated(response):
                self.sounds[response.id] = ReplySound(response.settings.output_format, raw=self._protocol.raw_sound)
                self._clock.asked(response.id, now, answers_turn=response.conversation_id is not None)
            case actions.Held():
                self._clock.held(now)
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
            case actions.ResponseDone(response):
                self._note_done(response)
            case _:
                pass

    def _note_done(self, response: Response) -> None:
        self.sounds.pop(response.id, None)
        self._clock.done(response.id)
        self.totals.responses += 1
        if response.status != "in_progress":
            self._metrics.responses[response.status].inc()
        if response.failure is NO_SOUND:
            self._note_silent(response.id, "given_up")
        usage = response.usage or Usage()
        self.totals.add(usage)
        tokens = self._metrics.tokens
        tokens["input", "text"].inc(usage.input_text_tokens)
        tokens["input", "audio"].inc(usage.input_audio_tokens)
        tokens["output", "text"].inc(usage.output_text_tokens)
        tokens["output", "audio"].inc(usage.output_audio_tokens)
        self._metrics.cached_tokens.inc(usage.cached_tokens)
        self._log.info(
            "response done",
            response_id=response.id,
            status=response.status,
            reason=response.reason,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            estimated=usage.estimated,
        )

    def _note_silent(self, response_id: str, then: SilentReplyOutcome) -> None:
        """The model has answered in text where it was asked to speak."""
        self._metrics.silent_replies[then].inc()
        if then == "asked_again" and (sound := self.sounds.get(response_id)) is not None:
            sound.begin_again()
        self._log.warning("the model answered without sound", response_id=response_id, then=then.replace("_", " "))

    def _note_decision(self, decision: Decision, now: float) -> None:
        if self._explains:
            record = explained(decision)
            self._log.debug("decided", **record)
            self._protocol.tell_decision(record)
        match decision:
            case decisions.Interrupted(response_id, cancelled=cancelled):
                self.totals.barge_ins += 1
                measured = self._clock.barged_in(cancelled or response_id, now, cancels=cancelled is not None)
                self._tell_latency(measured)
            case decisions.Judged(verdict=verdict, judge=judge, took_ms=took_ms):
                self._metrics.judged(judge, verdict, took_ms / 1000)
            case decisions.HoldEnded(reason, response_id=response_id) if response_id is not None:
                self._clock.hold_ended(reason)
            case decisions.TurnHealed():
                self._metrics.turns_healed.inc()
            case _:
                pass

    def _tell_latency(self, measured: Measured | None) -> None:
        if measured is not None:
            self._protocol.tell_latency(measured)
