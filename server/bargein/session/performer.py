"""Does what the core decides: tells the caller, runs the model's streams, lets it be observed."""

from __future__ import annotations

from bargein.core import actions, decisions
from bargein.core.actions import Action, WorkAction
from bargein.core.completion import CompletionRequest
from bargein.core.decisions import Decision
from bargein.core.items import Failure
from bargein.money.books import Refused
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.judgements import JudgementTasks
from bargein.session.latency import Measured
from bargein.session.observer import Observer
from bargein.session.purse import Purse
from bargein.session.reply_sound import ReplySound
from bargein.session.streams import Streams
from bargein.session.tool_runs import ToolRuns
from bargein.session.transcriptions import TranscriptionTasks
from bargein.wire.decision_records import explained
from bargein.wire.errors import BUDGET_EXCEEDED


class Performer:
    """Performs actions, in order, on the event loop's thread. Never waits."""

    def __init__(
        self,
        protocol: CallerProtocol,
        streams: Streams,
        transcriptions: TranscriptionTasks,
        judgements: JudgementTasks,
        tools: ToolRuns,
        observer: Observer,
        purse: Purse,
    ) -> None:
        self.sounds: dict[str, ReplySound] = {}
        """How to convert the sound of each response that is on."""
        self.tools = tools
        self._protocol = protocol
        self._streams = streams
        self._transcriptions = transcriptions
        self._judgements = judgements
        self._observer = observer
        self._purse = purse

    def perform(self, todo: list[Action], now: float) -> None:
        """Do everything in ``todo``, in order.

        :raises CallerError: an item that was asked for is too large to be shown; there is nothing else to do then.
        """
        observer, protocol = self._observer, self._protocol
        for action in todo:
            if isinstance(action, actions.AudioSent):
                self._send_audio(action, now)
                continue
            spent = self._purse.done(action.response) if isinstance(action, actions.ResponseDone) else None
            measured = observer.note(action, now, spent)
            if isinstance(action, WorkAction):
                self._work(action)
            elif isinstance(action, Decision):
                self._mind_ahead(action)
                if protocol.wants_decisions:
                    protocol.tell_decision(explained(action))
            else:
                self._mind_sound(action)
                protocol.tell(action)
                self.tools.note(action)
                if isinstance(action, actions.ResponseDone) and (spent := self._purse.take_told()) is not None:
                    protocol.tell_cost(spent)
            if measured is not None:
                protocol.tell_latency(measured)
        protocol.told(now)

    def settle(self, todo: list[Action], now: float) -> None:
        """Do what ends a session, and count it; there is nobody left to tell."""
        for action in todo:
            match action:
                case actions.CancelStream():
                    self._work(action)
                case actions.ResponseDone(response):
                    self._observer.note(action, now, self._purse.done(response))
                    self._mind_sound(action)
                case decisions.SpeculationEnded():
                    self._observer.note(action, now)
                    self._mind_ahead(action)
                case actions.Cut():
                    self._observer.note(action, now)
                case _:
                    pass

    def close(self) -> None:
        """All is over, and paid."""
        self._purse.close()

    def stream_closed(self, response_id: str, delay_s: float) -> None:
        """A cancelled stream's connection is closed."""
        self._tell_latency(self._observer.stream_closed(response_id, delay_s))

    def _send_audio(self, action: actions.AudioSent, now: float) -> None:
        self._protocol.tell_audio(action)
        sound = self.sounds.get(action.response_id)
        if sound is not None:
            self._tell_latency(self._observer.sound_sent(action, sound.rate_hz, now))

    def _work(self, action: WorkAction) -> None:
        match action:
            case actions.StartStream(response_id, request, again, ahead):
                if again and (sound := self.sounds.get(response_id)) is not None:
                    sound.begin_again()
                if ahead is not None:
                    self.sounds[response_id] = ReplySound(ahead, raw=self._protocol.raw_sound)
                self._ask(response_id, request, again=again, ahead=ahead is not None)
            case actions.CancelStream(response_id):
                self._streams.cancel(response_id)
            case actions.PauseStream(response_id):
                self._streams.pause(response_id)
            case actions.ContinueStream(response_id):
                self._streams.go_on(response_id)
            case actions.StartTranscription(item_id, speech, transcription, told):
                self._transcriptions.start(item_id, speech, transcription, told=told)
            case actions.StartJudging():
                self._judgements.start(action)
            case actions.StopJudging(utterance_id):
                self._judgements.stop(utterance_id)
            case actions.StartPhrase():
                self._judgements.phrases.start(action)
            case actions.StopPhrase(phrase_id):
                self._judgements.phrases.stop(phrase_id)

    def _ask(self, response_id: str, request: CompletionRequest, *, again: bool, ahead: bool) -> None:
        """Ask the model, if nothing is in the way of paying for it."""
        asked = self._purse.begin(response_id, request, again=again)
        if not isinstance(asked, Refused):
            self._streams.start(response_id, asked)
            return
        if not ahead:  # What is asked ahead is asked once more when its turn is over.
            self._protocol.tell_over_budget(asked)
        self._streams.refuse(response_id, Failure("insufficient_quota", BUDGET_EXCEEDED, asked.message))

    def _mind_sound(self, action: Action) -> None:
        match action:
            case actions.ResponseCreated(response):
                if response.id not in self.sounds:  # Else it was asked for ahead, and has begun to be converted.
                    fmt = response.settings.output_format
                    self.sounds[response.id] = ReplySound(fmt, raw=self._protocol.raw_sound)
            case actions.ResponseDone(response):
                self.sounds.pop(response.id, None)
            case _:
                pass

    def _mind_ahead(self, decision: Decision) -> None:
        if isinstance(decision, decisions.SpeculationEnded):
            self._purse.ended_ahead(decision)
            if decision.outcome != "used":
                self.sounds.pop(decision.response_id, None)

    def _tell_latency(self, measured: Measured | None) -> None:
        if measured is not None:
            self._protocol.tell_latency(measured)
