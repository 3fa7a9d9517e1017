"""What must hold of everything that a conversation tells us to do, in whatever order things happen to it."""

from __future__ import annotations

from collections.abc import Sequence

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.completion import (
    AssistantMessage,
    ChatMessage,
    CompletionRequest,
    ToolMessage,
    UserAudio,
    UserMessage,
)
from bargein.core.config import TurnDetection
from bargein.core.decisions import HoldEnded, Interrupted, SpeculationEnded, TurnHealed
from bargein.core.events import Event
from bargein.core.history import History
from bargein.core.items import InputAudio, Message
from support.transcript_laws import TranscriptLaws, transcript_of


class Laws:
    """Takes actions one by one, as they are given, and asserts the laws.

    :param paced: sound is sent a bounded lead ahead: only then does one reply sound at a time.
    :param paced_words: words go with their sound.
    """

    def __init__(self, history: History, *, paced: bool, paced_words: bool, reports: bool) -> None:
        self.open_streams: set[str] = set()
        """Streams that were started and neither ended nor were cancelled: the driver takes out those that end."""
        self.created: set[str] = set()
        self.done: set[str] = set()
        self.sent: dict[str, int] = {}
        """Samples sent, by item."""
        self.said: dict[str, str] = {}
        self._history = history
        self._paced = paced
        self._paced_words = paced_words
        self._reports = reports
        self._out_of_band: set[str] = set()
        self._asked: dict[str, CompletionRequest] = {}
        self._asked_again: set[str] = set()
        self._open_items: dict[str, str] = {}
        self._closed_items: set[str] = set()
        self._paused: set[str] = set()
        self._held: str | None = None
        self._ducked: str | None = None
        """The response that is played on, quietly, while it is held."""
        self._to_cut: set[str] = set()
        self._voice = False
        self._speech: str | None = None
        """The item of the speech that was announced and has not been stopped."""
        self._started_ms = 0
        self._stopped: actions.SpeechStopped | None = None
        """Speech that was stopped within this batch, and not committed yet."""
        self._begun_in: dict[str, str] = {}
        """The speech during which each response was created."""
        self.answers_turns = False
        """Turns that end now are answered without being asked for it: the driver knows."""
        self._unanswered: str | None = None
        """The newest turn whose answer is yet to come."""
        self._ended: str | None = None
        """The turn that ended within this batch."""
        self._silence_broken = False
        self._flushed_now: set[str] = set()
        """Items of which this batch flushes sound."""
        self._thrown_away: set[str] = set()
        """Responses of which nobody may hear."""
        self._turn_bytes: dict[str, int] = {}
        """Sound of each turn, with that of the pieces that it goes on with."""
        self._transcripts = TranscriptLaws(paced=paced_words, reports=reports)

    def check_step(self, event: Event, batch: list[Action]) -> None:
        """Check everything that one event has brought about."""
        self._stopped = self._ended = None
        self._flushed_now = {action.item_id for action in batch if isinstance(action, actions.Flushed)}
        self._transcripts.check_step(event, batch)
        for action in batch:
            self._check(action)
        self._check_decisions(batch)
        self._check_interrupted(batch)
        self._check_healed(batch)
        self._check_speculation(batch)
        assert len([action for action in batch if isinstance(action, actions.CancelStream)]) <= 1
        flushed = [action.item_id for action in batch if isinstance(action, actions.Flushed)]
        assert len(flushed) == len(set(flushed))
        assert len(flushed) <= 1 or not self._paced

    def _check_decisions(self, batch: list[Action]) -> None:
        """What is said of an interruption is what was done about it. One is a reply that ended because the caller
        speaks, just announced or going on after a pause; and nothing else is.
        """
        speaks = interrupted = False
        for action in batch:
            match action:
                case actions.SpeechStarted() | actions.VoiceChanged(speech=True):
                    speaks = True
                case actions.SpeechStopped():
                    speaks = False
                case actions.CancelStream(response_id) if response_id not in self.created:
                    pass  # Asked ahead: nobody had heard of it.
                case actions.CancelStream() | actions.Flushed():
                    interrupted = interrupted or speaks
                case actions.ResponseDone(response) if response.reason == "turn_detected":
                    interrupted = interrupted or speaks
                case _:
                    pass
        said = [action for action in batch if isinstance(action, Interrupted)]
        assert len(said) == interrupted, "an interruption that nobody says, or that is none"
        for interruption in said:
            assert interruption.response_id in self.created
            assert [a.item_id for a in batch if isinstance(a, actions.Flushed)] == list(interruption.flushed)
            cancelled = [
                a.response_id for a in batch if isinstance(a, actions.CancelStream) and a.response_id in self.created
            ]
            assert cancelled == ([] if interruption.cancelled is None else [interruption.cancelled])
            assert interruption.onset_ms <= interruption.at_ms
        ended = [action for action in batch if isinstance(action, HoldEnded) and action.response_id is not None]
        assert not [a for a in batch if isinstance(a, actions.Resumed)] or ended
        for hold in ended:
            assert hold.reason != "confirmed" or said

    def _check_interrupted(self, batch: list[Action]) -> None:
        """Behind the speech that interrupts a reply nothing comes of it but its end."""
        ended = {
            action.response.id
            for action in batch
            if isinstance(action, actions.ResponseDone) and action.response.reason == "turn_detected"
        }
        speaks = False
        for action in batch:
            match action:
                case actions.SpeechStarted():
                    speaks = True
                case actions.SpeechStopped():
                    speaks = False
                case (
                    actions.TranscriptSent(response_id)
                    | actions.TextSent(response_id)
                    | actions.AudioSent(response_id)
                    | actions.ArgumentsSent(response_id)
                ):
                    assert not speaks or response_id not in ended, "it speaks on when it is interrupted"
                case _:
                    pass

    def _check_speculation(self, batch: list[Action]) -> None:
        """What the model was asked ahead is told at the turn's end, or never."""
        committed = False
        for action in batch:
            match action:
                case actions.InputCommitted():
                    committed = True
                case SpeculationEnded(response_id, "used"):
                    assert committed, "told before the end of the turn"
                    assert response_id in self.created
                case SpeculationEnded(response_id):
                    assert response_id not in self.created | self.open_streams
                    self._thrown_away.add(response_id)
                case _:
                    pass

    def _check_healed(self, batch: list[Action]) -> None:
        """A turn that was ended too early is answered once, as one: with the sound of all its pieces."""
        whole_bytes = 0
        for action in batch:
            match action:
                case actions.InputCommitted(item, _):
                    self._turn_bytes[item.id] = _sound_bytes(item)
                case TurnHealed(item_id, goes_on_with, response_id):
                    assert response_id in self.done, "the reply to half a turn goes on"
                    whole_bytes = self._turn_bytes[item_id] = self._turn_bytes[item_id] + self._turn_bytes[goes_on_with]
                case actions.StartStream(_, request, ahead=None) if whole_bytes:
                    turn = request.messages[-1]
                    assert isinstance(turn, UserMessage)
                    told = [part for part in turn.parts if isinstance(part, UserAudio)]
                    assert sum(len(part.audio) for part in told) == whole_bytes, "half a turn is answered"
                case _:
                    pass

    def check_settled(self) -> None:
        """Every stream has ended and every sound was heard: nothing may be open any more."""
        assert self.created == self.done, "a response never ends"
        assert self._speech is None, "speech that never stops"
        assert self._unanswered is None, "a turn that is never answered"
        assert not self._open_items
        assert not self._to_cut, "a flush without its cut"
        assert self._held is None or not self._reports, "a player that was told to pause and never to go on"

    def _may_sound(self, response_id: str) -> bool:
        return self._held is None or response_id == self._ducked or response_id in self._out_of_band

    def _check(self, action: Action) -> None:
        match action:
            case actions.StartStream() | actions.CancelStream() | actions.PauseStream() | actions.ContinueStream():
                self._check_stream(action)
            case actions.ResponseCreated() | actions.ResponseDone():
                self._check_response(action)
            case actions.OutputItemAdded(response, _, item, _):
                assert response.id in self.created - self.done
                assert item.id not in self._open_items
                self._open_items[item.id] = response.id
            case actions.OutputItemDone(response, _, item, _):
                assert self._open_items.pop(item.id) == response.id
                assert item.status != "in_progress"
                self._closed_items.add(item.id)
            case actions.TranscriptSent(response_id, item_id, _, delta) | actions.TextSent(
                response_id, item_id, _, delta
            ):
                assert self._open_items[item_id] == response_id
                # What is known to have been heard when it is cut is told then, hold or not.
                assert not self._paced_words or self._may_sound(response_id) or item_id in self._flushed_now
                self.said[item_id] = self.said.get(item_id, "") + delta
            case actions.ArgumentsSent(response_id, item_id, _, _, _):
                assert self._open_items[item_id] == response_id
            case actions.AudioSent(response_id, item_id, _, _, start, count, _):
                assert self._open_items[item_id] == response_id, "sound of an item that is over"
                assert start == self.sent.get(item_id, 0), "sound lost or repeated"
                assert count > 0
                assert not self._paced or self._may_sound(response_id), "sound during a hold"
                if start == 0 and response_id in self._begun_in:
                    assert self._begun_in[response_id] != self._speech, "it talks over a caller who had the floor"
                self.sent[item_id] = start + count
            case _:
                self._check_floor(action)

    def _check_stream(
        self, action: actions.StartStream | actions.CancelStream | actions.PauseStream | actions.ContinueStream
    ) -> None:
        match action:
            case actions.StartStream(response_id, request, again, ahead):
                assert again is (response_id in self._asked), "asked twice without a reason"
                assert (ahead is None) is (response_id in self.created), "asked before anybody was told"
                assert response_id not in self._asked_again, "asked for ever"
                assert not again or response_id not in self._open_items.values(), "asked again after something was told"
                if again:
                    self._asked_again.add(response_id)
                    # The same, and a reminder, whatever has become of the conversation meanwhile.
                    assert request.messages[:-1] == self._asked[response_id].messages
                else:
                    self._asked[response_id] = request
                    self._check_told(request)
                self.open_streams.add(response_id)
                assert len(self.open_streams - self._out_of_band) <= 1, "two live streams"
            case actions.CancelStream(response_id):
                assert response_id in self.open_streams, "cancelled twice, or after its end"
                self.open_streams.remove(response_id)
            case actions.PauseStream(response_id):
                assert response_id not in self._paused
                self._paused.add(response_id)
            case actions.ContinueStream(response_id):
                self._paused.remove(response_id)

    def _check_response(self, action: actions.ResponseCreated | actions.ResponseDone) -> None:
        response = action.response
        if isinstance(action, actions.ResponseCreated):
            assert response.id not in self.created
            assert response.id not in self._thrown_away, "what was thrown away is told"
            self.created.add(response.id)
            if response.conversation_id is None:
                self._out_of_band.add(response.id)
                return
            in_progress = self.created - self.done - self._out_of_band - {response.id}
            assert not in_progress, "two responses of the conversation at once"
            self._unanswered = None
            if self._speech is not None:
                self._begun_in[response.id] = self._speech
            return
        assert response.id in self.created - self.done
        self.done.add(response.id)
        assert response.status != "in_progress"
        assert response.usage is not None
        assert response.id not in self._open_items.values(), "done with an item open"
        assert response.id not in self.open_streams, "done, and its stream lives on"
        if response.reason == "turn_detected":
            self._unanswered = None  # The turn that interrupts is answered, and what was queued with it.

    def _check_floor(self, action: Action) -> None:
        match action:
            case (
                actions.SpeechStarted()
                | actions.SpeechStopped()
                | actions.IdleTimedOut()
                | actions.InputCommitted()
                | actions.InputCleared()
                | actions.ItemCreated()
                | actions.ItemDeleted()
            ):
                self._check_input(action)
            case actions.VoiceChanged(speech, _, _, _):
                assert speech is not self._voice, "told on change only"
                self._voice = speech
            case actions.Held(response_id, item_id, at_sample, duck_db):
                assert self._held is None
                assert duck_db is None or self._reports
                self._ducked = None if duck_db is None else response_id
                assert at_sample <= self.sent[item_id]
                self._held = item_id
            case actions.Resumed(_, item_id, from_sample):
                assert self._held == item_id
                assert from_sample <= self.sent[item_id]
                self._held = None
            case actions.Flushed(_, item_id):
                assert item_id not in self._to_cut
                self._to_cut.add(item_id)
                self._held = None
                self._unanswered = None
            case actions.Cut(_, item_id, heard_samples, _, _):
                self._to_cut.discard(item_id)
                assert heard_samples <= self.sent.get(item_id, 0)
            case _:
                pass

    def _check_input(
        self,
        action: (
            actions.SpeechStarted
            | actions.SpeechStopped
            | actions.IdleTimedOut
            | actions.InputCommitted
            | actions.InputCleared
            | actions.ItemCreated
            | actions.ItemDeleted
        ),
    ) -> None:
        match action:
            case actions.SpeechStarted(item_id, start_ms):
                assert self._speech is None, "started twice"
                self._speech, self._started_ms, self._silence_broken = item_id, start_ms, False
                if self._ended is not None and self._ended == self._unanswered:
                    self._unanswered = None  # It goes on: its end will be answered.
            case actions.SpeechStopped(item_id, _):
                assert self._speech == item_id, "stopped, and not started"
                self._speech, self._stopped = None, action
            case actions.IdleTimedOut():
                assert not self._silence_broken, "one silence broken twice"
                self._silence_broken = True
            case actions.InputCommitted(item, _):
                self._check_committed(item)
            case actions.InputCleared():
                assert self._speech is None, "cleared in the middle of speech"
            case actions.ItemCreated():
                self._silence_broken = False
            case actions.ItemDeleted(item_id):
                if item_id == self._unanswered:
                    self._unanswered = None

    def _check_committed(self, item: Message) -> None:
        assert self._speech is None, "committed in the middle of speech"
        stopped, self._stopped = self._stopped, None
        if stopped is None:
            return
        assert stopped.item_id == item.id, "the speech became another item"
        speech = item.parts[0]
        assert isinstance(speech, InputAudio)
        said_ms = speech.format.ms_of(speech.format.samples_of(len(speech.audio)))
        assert abs(stopped.audio_end_ms - self._started_ms - said_ms) <= 1, "speech was lost"
        if self.answers_turns:
            self._unanswered = self._ended = item.id

    def configured(self, detection: TurnDetection | None, *, format_changed: bool) -> None:
        """The driver has configured the session."""
        self.answers_turns = detection is not None and detection.create_response
        if detection is None or format_changed:
            assert self._speech is None, "speech whose end nobody will notice"

    def another_silence(self) -> None:
        """The driver has sent something that begins a new silence."""
        self._silence_broken = False

    def _check_told(self, request: CompletionRequest) -> None:
        """There is something to answer, in an order that servers take, and no reply that was stopped is told beyond
        what was heard of it.
        """
        assert request.messages, "no server takes a request without a message"
        check_order(request.messages)
        told = [message.text or "" for message in request.messages if isinstance(message, AssistantMessage)]
        items = [item for item in self._history if isinstance(item, Message)]
        for text in told:
            assert not text or any(self._may_be_told(item, text) for item in items)

    def _may_be_told(self, item: Message, text: str) -> bool:
        if item.id in self._history.heard:
            return text == self._history.heard[item.id].text
        if item.id in self._closed_items:
            return text == self.said.get(item.id) and (item.status == "completed" or transcript_of(item) is None)
        # Beside the conversation the model may be told of a reply that goes on.
        return self._transcripts.written(item.id).startswith(text)


def _sound_bytes(item: Message) -> int:
    return sum(len(part.audio) for part in item.parts if isinstance(part, InputAudio))


def check_order(messages: Sequence[ChatMessage]) -> None:
    """Every call of a tool is answered once, directly behind it, and nothing else is answered."""
    unanswered: set[str] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            assert message.call_id in unanswered, "an output without its call"
            unanswered.remove(message.call_id)
            continue
        assert not unanswered, "a call without an output"
        if isinstance(message, AssistantMessage):
            unanswered = {call.call_id for call in message.tool_calls}
            assert len(unanswered) == len(message.tool_calls), "two calls of one id"
    assert not unanswered, "a call without an output"
