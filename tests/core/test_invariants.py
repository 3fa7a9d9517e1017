"""Whatever happens, in whatever order: what must always hold of a conversation."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bargein.core import actions, events
from bargein.core.completion import AssistantMessage, TextPiece, ToolCallPiece
from bargein.core.config import CorePolicy, SessionConfig, TurnDetection
from bargein.core.events import ResponseRequested
from bargein.core.floor import CallerState
from bargein.core.items import Failure
from bargein.errors import CallerError
from support.conversation_script import Script

WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima"]


class ConversationMachine(RuleBasedStateMachine):
    """Drives one conversation and checks every action as it is given."""

    @initialize(
        reports=st.booleans(),
        may_interrupt=st.booleans(),
        detection=st.booleans(),
        lead_ms=st.sampled_from([None, 100, 400]),
    )
    def begin(self, reports: bool, may_interrupt: bool, detection: bool, lead_ms: int | None) -> None:
        turn_detection = TurnDetection(interrupt_response=may_interrupt) if detection else None
        self.script = Script(SessionConfig(turn_detection=turn_detection), CorePolicy(lead_ms=lead_ms), reports=reports)
        self.open_streams: set[str] = set()
        self.done: set[str] = set()
        self.created: set[str] = set()
        self.sent: dict[str, int] = {}
        self.heard: dict[str, int] = {}
        self.said: dict[str, str] = {}
        self.out_of_band: set[str] = set()
        self.checked = 0

    # Events.

    @rule(ms=st.integers(0, 3000))
    def time_passes(self, ms: int) -> None:
        self.script.advance(ms)
        self.check()

    @rule(ms=st.integers(1, 40))
    def caller_speaks(self, ms: int) -> None:
        self.script.speech(ms * 20)
        self.check()

    @rule(ms=st.integers(1, 60))
    def caller_is_silent(self, ms: int) -> None:
        self.script.silence(ms * 20)
        self.check()

    @rule(ms=st.integers(1, 25))
    def caller_coughs(self, ms: int) -> None:
        self.script.cough(ms * 20)
        self.check()

    @rule(out_of_band=st.booleans())
    def caller_asks(self, out_of_band: bool) -> None:
        self.refusable(ResponseRequested(self.script.config.response, out_of_band=out_of_band))

    @rule()
    def caller_commits(self) -> None:
        self.refusable(events.CommitRequested())

    @rule()
    def caller_clears(self) -> None:
        self.refusable(events.ClearRequested())

    @rule()
    def caller_cancels(self) -> None:
        self.refusable(events.CancelRequested())

    @rule(ms=st.integers(0, 5000))
    def caller_truncates(self, ms: int) -> None:
        sent = self.script.all(actions.AudioSent)
        if sent:
            self.refusable(events.ItemTruncateRequested(sent[-1].item_id, 0, ms))

    @rule(samples=st.integers(-10, 100_000), playing=st.booleans(), final=st.booleans())
    def caller_reports(self, samples: int, playing: bool, final: bool) -> None:
        sent = self.script.all(actions.AudioSent)
        if not sent:
            return
        response_id, item_id = sent[-1].response_id, sent[-1].item_id
        if final:
            self.refusable(events.PlaybackFlushed(response_id, item_id, samples))
        else:
            self.refusable(events.PlaybackReported(response_id, item_id, samples, playing))

    @rule(detection=st.booleans())
    def caller_configures(self, detection: bool) -> None:
        self.refusable(events.Configured(SessionConfig(turn_detection=TurnDetection() if detection else None)))

    @rule(data=st.data(), ms=st.integers(0, 1500), word=st.sampled_from(WORDS))
    def model_says(self, data: st.DataObject, ms: int, word: str) -> None:
        response_id = self.some_stream(data)
        if response_id is not None:
            self.script.say(word + " ", ms, response_id)
        self.check()

    @rule(data=st.data(), index=st.integers(0, 1))
    def model_calls(self, data: st.DataObject, index: int) -> None:
        response_id = self.some_stream(data)
        if response_id is not None:
            self.script.piece(ToolCallPiece(index, f"call_{response_id}_{index}", "get_time", "{}"), response_id)
            self.script.piece(TextPiece("well "), response_id)
        self.check()

    @rule(data=st.data(), late=st.booleans())
    def model_finishes(self, data: st.DataObject, late: bool) -> None:
        response_id = self.some_stream(data)
        if response_id is not None:
            self.open_streams.discard(response_id)
            self.script.finish(response_id=response_id)
            if late:
                self.script.say("late ", 100, response_id)
        self.check()

    @rule(data=st.data())
    def model_fails(self, data: st.DataObject) -> None:
        response_id = self.some_stream(data)
        if response_id is not None:
            self.open_streams.discard(response_id)
            self.script.do(events.StreamFailed(response_id, Failure("server_error", None, "broken")))
        self.check()

    # Checks.

    def some_stream(self, data: st.DataObject) -> str | None:
        return data.draw(st.sampled_from(sorted(self.open_streams))) if self.open_streams else None

    def refusable(self, event: events.Event) -> None:
        before = len(self.script.log)
        try:
            self.script.do(event)
        except CallerError:
            assert len(self.script.log) == before
        self.check()

    def check(self) -> None:
        fresh = self.script.log[self.checked :]
        self.checked = len(self.script.log)
        batches: dict[float, list[actions.Action]] = {}
        for at, action in fresh:
            batches.setdefault(at, []).append(action)
            self.check_action(action)
        for batch in batches.values():
            self.check_barge_in(batch)

    def check_action(self, action: actions.Action) -> None:
        match action:
            case actions.ResponseCreated(response):
                assert response.id not in self.created
                self.created.add(response.id)
                if response.conversation_id is None:
                    self.out_of_band.add(response.id)
            case actions.StartStream(response_id, request):
                self.open_streams.add(response_id)
                assert len(self.open_streams - self.out_of_band - self.done) <= 1, "two live streams"
                self.check_told(request.messages)
            case actions.CancelStream(response_id):
                assert response_id in self.open_streams, "cancelled twice, or after its end"
                self.open_streams.remove(response_id)
            case actions.TranscriptSent(response_id, item_id, _, delta):
                assert response_id not in self.done
                self.said[item_id] = self.said.get(item_id, "") + delta
            case actions.AudioSent(response_id, item_id, _, _, start, count, _):
                assert response_id not in self.done, "sound of a response that is over"
                assert start == self.sent.get(item_id, 0), "sound lost or repeated"
                self.sent[item_id] = start + count
            case actions.ResponseDone(response):
                assert response.id in self.created
                assert response.id not in self.done, "done twice"
                self.done.add(response.id)
            case actions.Cut(_, item_id, heard_samples, heard_text, unheard_text):
                assert heard_samples <= self.sent.get(item_id, 0)
                assert heard_text + unheard_text == self.said.get(item_id, "")
            case _:
                pass

    def check_told(self, messages: tuple[object, ...]) -> None:
        """No cut reply is told beyond what was heard of it."""
        told = [message.text or "" for message in messages if isinstance(message, AssistantMessage)]
        history = self.script.conversation.history
        allowed = [
            history.heard[item.id].text if item.id in history.heard else self.said.get(item.id, "") for item in history
        ]
        for text in told:
            assert not text or text in allowed

    def check_barge_in(self, batch: list[actions.Action]) -> None:
        cancels = [action for action in batch if isinstance(action, actions.CancelStream)]
        assert len(cancels) <= 1
        flushes = [action.item_id for action in batch if isinstance(action, actions.Flushed)]
        assert len(flushes) == len(set(flushes)) <= 1

    @invariant()
    def heard_is_monotone_and_never_beyond_sent(self) -> None:
        if not hasattr(self, "script"):
            return
        for item_id, sent in self.sent.items():
            heard = self.script.conversation.agent.heard_now(item_id, self.script.now)
            if heard is not None:
                assert 0 <= heard <= sent

    @invariant()
    def no_hold_lasts(self) -> None:
        if not hasattr(self, "script"):
            return
        if self.script.conversation.agent.held:
            timer = self.script.conversation.next_timer(self.script.now)
            assert timer is not None
            assert timer <= self.script.now + self.script.policy.hold_limit_ms / 1000

    @invariant()
    def announced_speech_is_being_heard(self) -> None:
        if not hasattr(self, "script"):
            return
        caller = self.script.conversation.caller
        speaking = caller.state in {CallerState.SPEAKING, CallerState.STOPPING}
        assert speaking == (caller.speech_item_id is not None)


TestConversation = ConversationMachine.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
