"""What must hold of everything that a conversation tells us to do, in whatever order things happen to it."""

from __future__ import annotations

from collections.abc import Sequence

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.completion import AssistantMessage, CompletionRequest, ToolMessage
from bargein.core.completion import Message as CompletionMessage
from bargein.core.history import History
from bargein.core.items import Message, OutputAudio


class Laws:
    """Takes actions one by one, as they are given, and asserts the laws.

    :param paced: sound is sent a bounded lead ahead: only then does one reply sound at a time.
    """

    def __init__(self, history: History, *, paced: bool, reports: bool) -> None:
        self.open_streams: set[str] = set()
        """Streams that were started and neither ended nor were cancelled: the driver takes out those that end."""
        self.created: set[str] = set()
        self.done: set[str] = set()
        self.sent: dict[str, int] = {}
        """Samples sent, by item."""
        self.said: dict[str, str] = {}
        self._history = history
        self._paced = paced
        self._reports = reports
        self._out_of_band: set[str] = set()
        self._open_items: dict[str, str] = {}
        self._closed_items: set[str] = set()
        self._paused: set[str] = set()
        self._held: str | None = None
        self._to_cut: set[str] = set()
        self._voice = False
        self._speech: str | None = None

    def check_batch(self, batch: list[Action]) -> None:
        """Check everything that one event has brought about."""
        for action in batch:
            self._check(action)
        assert len([action for action in batch if isinstance(action, actions.CancelStream)]) <= 1
        flushed = [action.item_id for action in batch if isinstance(action, actions.Flushed)]
        assert len(flushed) == len(set(flushed))
        assert len(flushed) <= 1 or not self._paced

    def check_settled(self) -> None:
        """Every stream has ended and every sound was heard: nothing may be open any more."""
        assert self.created == self.done, "a response never ends"
        assert not self._open_items
        assert not self._to_cut, "a flush without its cut"
        assert self._held is None or not self._reports, "a player that was told to pause and never to go on"

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
                self.said[item_id] = self.said.get(item_id, "") + delta
            case actions.ArgumentsSent(response_id, item_id, _, _, _):
                assert self._open_items[item_id] == response_id
            case actions.AudioSent(response_id, item_id, _, _, start, count, _):
                assert self._open_items[item_id] == response_id, "sound of an item that is over"
                assert start == self.sent.get(item_id, 0), "sound lost or repeated"
                assert count > 0
                assert not self._paced or self._held is None or response_id in self._out_of_band, "sound during a hold"
                self.sent[item_id] = start + count
            case _:
                self._check_floor(action)

    def _check_stream(
        self, action: actions.StartStream | actions.CancelStream | actions.PauseStream | actions.ContinueStream
    ) -> None:
        match action:
            case actions.StartStream(response_id, request):
                self.open_streams.add(response_id)
                assert len(self.open_streams - self._out_of_band) <= 1, "two live streams"
                self._check_told(request)
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
            self.created.add(response.id)
            if response.conversation_id is None:
                self._out_of_band.add(response.id)
            return
        assert response.id in self.created - self.done
        self.done.add(response.id)
        assert response.status != "in_progress"
        assert response.usage is not None
        assert response.id not in self._open_items.values(), "done with an item open"
        assert response.id not in self.open_streams, "done, and its stream lives on"

    def _check_floor(self, action: Action) -> None:
        match action:
            case actions.SpeechStarted(item_id, _):
                assert self._speech is None
                self._speech = item_id
            case actions.SpeechStopped(item_id, _):
                assert self._speech == item_id
                self._speech = None
            case actions.InputCommitted() | actions.InputCleared():
                self._speech = None
            case actions.VoiceChanged(speech, _, _, _):
                assert speech is not self._voice, "told on change only"
                self._voice = speech
            case actions.Held(_, item_id, at_sample):
                assert self._held is None
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
            case actions.Cut(_, item_id, heard_samples, heard_text, unheard_text):
                self._to_cut.discard(item_id)
                assert heard_samples <= self.sent.get(item_id, 0)
                assert heard_text + unheard_text == self.said.get(item_id, "")
            case _:
                pass

    def detection_ended(self) -> None:
        """Turn detection was switched off: speech that was announced does not end any more."""
        self._speech = None

    def _check_told(self, request: CompletionRequest) -> None:
        """There is something to answer, in an order that servers take, and no reply that was stopped is told beyond
        what was heard of it.
        """
        assert request.messages, "no server takes a request without a message"
        check_order(request.messages)
        told = [message.text or "" for message in request.messages if isinstance(message, AssistantMessage)]
        allowed = [self._may_be_told(item) for item in self._history if isinstance(item, Message)]
        for text in told:
            assert not text or text in allowed

    def _may_be_told(self, item: Message) -> str:
        if item.id in self._history.heard:
            return self._history.heard[item.id].text
        if item.status == "incomplete" and any(isinstance(part, OutputAudio) for part in item.parts):
            return ""
        return self.said.get(item.id, "")


def check_order(messages: Sequence[CompletionMessage]) -> None:
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
