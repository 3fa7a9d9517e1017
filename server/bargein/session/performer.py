"""Does what the core decides: tells the caller, runs the model's streams, lets it be observed."""

from __future__ import annotations

from bargein.core import actions, decisions
from bargein.core.actions import Action, WorkAction
from bargein.core.decisions import Decision
from bargein.session.caller_protocol import CallerProtocol
from bargein.session.judgements import JudgementTasks
from bargein.session.latency import Measured
from bargein.session.observer import Observer
from bargein.session.reply_sound import ReplySound
from bargein.session.streams import Streams
from bargein.session.transcriptions import TranscriptionTasks
from bargein.wire.decision_records import explained


class Performer:
    """Performs actions, in order, on the event loop's thread. Never waits."""

    def __init__(
        self,
        protocol: CallerProtocol,
        streams: Streams,
        transcriptions: TranscriptionTasks,
        judgements: JudgementTasks,
        observer: Observer,
    ) -> None:
        self.sounds: dict[str, ReplySound] = {}
        """How to convert the sound of each response that is on."""
        self._protocol = protocol
        self._streams = streams
        self._transcriptions = transcriptions
        self._judgements = judgements
        self._observer = observer

    def perform(self, todo: list[Action], now: float) -> None:
        """Do everything in ``todo``, in order.

        :raises CallerError: an item that was asked for is too large to be shown; there is nothing else to do then.
        """
        observer, protocol = self._observer, self._protocol
        for action in todo:
            if isinstance(action, actions.AudioSent):
                self._send_audio(action, now)
                continue
            measured = observer.note(action, now)
            if isinstance(action, WorkAction):
                self._work(action)
            elif isinstance(action, Decision):
                self._mind_sound(action)
                if protocol.wants_decisions:
                    protocol.tell_decision(explained(action))
            else:
                self._mind_sound(action)
                protocol.tell(action)
            if measured is not None:
                protocol.tell_latency(measured)
        protocol.told(now)

    def settle(self, todo: list[Action], now: float) -> None:
        """Do what ends a session, and count it; there is nobody left to tell."""
        for action in todo:
            match action:
                case actions.CancelStream():
                    self._work(action)
                case actions.ResponseDone():
                    self._observer.note(action, now)
                    self._mind_sound(action)
                case decisions.SpeculationEnded():
                    self._observer.note(action, now)
                case _:
                    pass

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

    def _mind_sound(self, action: Action) -> None:
        match action:
            case actions.ResponseCreated(response):
                if response.id not in self.sounds:  # Else it was asked for ahead, and has begun to be converted.
                    fmt = response.settings.output_format
                    self.sounds[response.id] = ReplySound(fmt, raw=self._protocol.raw_sound)
            case actions.ResponseDone(response):
                self.sounds.pop(response.id, None)
            case decisions.SpeculationEnded(response_id, outcome) if outcome != "used":
                self.sounds.pop(response_id, None)
            case _:
                pass

    def _tell_latency(self, measured: Measured | None) -> None:
        if measured is not None:
            self._protocol.tell_latency(measured)
