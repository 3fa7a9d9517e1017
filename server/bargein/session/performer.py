"""Does what the core decides: tells the caller, runs the model's streams, keeps the measurements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from bargein.core import actions, decisions
from bargein.core.actions import Action, BargeinAction, WorkAction
from bargein.core.completion import Usage
from bargein.core.decisions import Decision
from bargein.core.items import Response
from bargein.core.reply import NO_SOUND
from bargein.metrics import Metrics
from bargein.metrics.metrics import SilentReplyOutcome
from bargein.session.latency import Measured, TurnClock
from bargein.session.outbox import Outbox
from bargein.session.reply_sound import ReplySound
from bargein.session.streams import Streams
from bargein.session.transcriptions import TranscriptionTasks
from bargein.wire import bargein_events, ladder, server_events
from bargein.wire.decision_records import explained
from bargein.wire.errors import INPUT_MISSING
from bargein.wire.long_items import LongItem, check_retrievable, is_long


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
        outbox: Outbox,
        streams: Streams,
        transcriptions: TranscriptionTasks,
        clock: TurnClock,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self.totals = Totals()
        self.sounds: dict[str, ReplySound] = {}
        """How to convert the sound of each response that is on."""
        self.at_length: Iterator[None] | None = None
        """What is told in pieces, and not yet: whoever takes it sees it through before anything else is received."""
        self.audio_produced = False
        """The model has spoken: the voice is fixed now."""
        self.explains = False
        """Decisions are written down: in the log, at ``debug``, or told to a caller who has asked."""
        self.tells_decisions = False
        self._outbox = outbox
        self._streams = streams
        self._transcriptions = transcriptions
        self._clock = clock
        self._metrics = metrics
        self._log = log

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
                case actions.StartTranscription():
                    self._work(action, now)
                case (
                    decisions.Interrupted()
                    | decisions.HoldEnded()
                    | decisions.TurnEnded()
                    | decisions.BargeInRefused()
                    | decisions.RuleAsked()
                ):
                    self._note_decision(action, now)
                case (
                    actions.VoiceChanged()
                    | actions.ReplyNumbered()
                    | actions.Held()
                    | actions.Resumed()
                    | actions.Flushed()
                    | actions.Cut()
                ):
                    self._tell_bargein(action, now)
                case actions.ItemCreated(item) if is_long(item, with_audio=False):
                    self.at_length = self._tell_at_length(action, LongItem(item, with_audio=False))
                case actions.ItemRetrieved(item) if is_long(item, with_audio=True):
                    check_retrievable(item)
                    self.at_length = self._tell_at_length(action, LongItem(item, with_audio=True))
                case _:
                    self._note(action, now)
                    for event in ladder.events(action):
                        self._outbox.send(event)

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

    def _tell_at_length(self, action: actions.ItemCreated | actions.ItemRetrieved, item: LongItem) -> Iterator[None]:
        """Tell of an item whose JSON is long, piece by piece."""
        yield from item.write()
        if isinstance(action, actions.ItemCreated):
            told = [server_events.item_added(item.shown, action.previous_item_id)]
            told.append(server_events.item_done(item.shown, action.previous_item_id))
        else:
            told = [server_events.item_retrieved(item.shown)]
        for event in told:
            yield
            self._outbox.send_long(event, item)

    def _send_audio(self, action: actions.AudioSent, now: float) -> None:
        self._outbox.send_audio(action)
        sound = self.sounds.get(action.response_id)
        if sound is not None:
            duration_s = action.sample_count / sound.rate_hz
            self.totals.audio_out_s += duration_s
            self._metrics.traffic.audio_out_s += duration_s
        self.audio_produced = True
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

    def _tell_bargein(self, action: BargeinAction, now: float) -> None:
        if isinstance(action, actions.Held):
            self._clock.held(now)
        if self._outbox.bargein:
            self._outbox.send(ladder.bargein_event(action))

    def _note(self, action: Action, now: float) -> None:
        match action:
            case actions.ResponseCreated(response):
                self.sounds[response.id] = ReplySound(response.settings.output_format, binary=self._outbox.bargein)
                self._clock.asked(response.id, now, answers_turn=response.conversation_id is not None)
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
        if self.explains:
            record = explained(decision)
            self._log.debug("decided", **record)
            if self.tells_decisions:
                self._outbox.send(bargein_events.decision(record))
        match decision:
            case decisions.Interrupted(response_id, cancelled=cancelled):
                self.totals.barge_ins += 1
                measured = self._clock.barged_in(cancelled or response_id, now, cancels=cancelled is not None)
                self._tell_latency(measured)
            case decisions.HoldEnded(reason, response_id=response_id) if response_id is not None:
                self._clock.hold_ended(reason)
            case _:
                pass

    def _tell_latency(self, measured: Measured | None) -> None:
        if measured is not None and self._outbox.bargein:
            self._outbox.send(bargein_events.latency(measured.response_id, measured.stages_ms, measured.after))
