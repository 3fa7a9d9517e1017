"""Whatever happens, in whatever order: what must always hold of a conversation."""

from __future__ import annotations

import re
from typing import Final, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bargein.core import actions, events
from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat
from bargein.core.completion import TextPiece, ToolCallPiece
from bargein.core.config import CorePolicy, SessionConfig, TurnDetection
from bargein.core.decisions import UtteranceVerdict
from bargein.core.events import ResponseRequested
from bargein.core.floor import AgentState, CallerState
from bargein.core.items import Failure, FunctionCall, FunctionCallOutput, InputText, ItemReference, Message
from bargein.errors import CallerError
from support.conversation_laws import Laws
from support.conversation_script import Script

WORDS: Final = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo"]
DETECTIONS: Final = [
    None,
    TurnDetection(),
    TurnDetection(interrupt_response=False),
    TurnDetection(create_response=False, idle_timeout_ms=5000),
    TurnDetection(idle_timeout_ms=5000, max_wait_ms=2000),
    TurnDetection(interrupt_response=False, create_response=False),
    TurnDetection(silence_duration_ms=0),
    TurnDetection(silence_duration_ms=640, eagerness="medium", max_wait_ms=4000),
]


def shown(script: Script) -> list[str]:
    """Everything that was done, without the addresses of objects."""
    return [f"{at} {re.sub(r' at 0x[0-9a-f]+', '', repr(action))}" for at, action in script.log]


class ConversationMachine(RuleBasedStateMachine):
    """Drives one conversation, and checks everything that it wants done."""

    @initialize(
        reports=st.booleans(),
        detection=st.sampled_from(DETECTIONS),
        lead_ms=st.sampled_from([None, 100, 400]),
        backlog_limit_ms=st.sampled_from([500, 120_000]),
        turn_limit_ms=st.sampled_from([1500, 60_000]),
        input_limit_ms=st.sampled_from([2000, 300_000]),
        transcripts=st.sampled_from(["paced", "paced", "early"]),
        speculation_share=st.sampled_from([0.0, 0.3, 1.0]),
        judging=st.sampled_from(["first detector", "sound", "words"]),
        duck_db=st.sampled_from([None, 18.0]),
        least_lead_ms=st.sampled_from([None, 100, 250]),
    )
    def begin(
        self,
        *,
        reports: bool,
        detection: TurnDetection | None,
        lead_ms: int | None,
        backlog_limit_ms: int,
        turn_limit_ms: int,
        input_limit_ms: int,
        transcripts: Literal["paced", "early"],
        speculation_share: float,
        judging: Literal["first detector", "sound", "words"],
        duck_db: float | None,
        least_lead_ms: int | None,
    ) -> None:
        policy = CorePolicy(
            lead_ms=lead_ms,
            backlog_limit_ms=backlog_limit_ms,
            turn_limit_ms=turn_limit_ms,
            input_limit_ms=input_limit_ms,
            transcripts=transcripts,
            speculation_share=speculation_share,
            weighs=judging != "first detector",
            judges_words=judging == "words",
            duck_db=duck_db,
            least_lead_ms=least_lead_ms,
        )
        self.given = (SessionConfig(turn_detection=detection), policy, reports)
        self.script = Script(self.given[0], policy, reports=reports)
        self.laws = Laws(
            self.script.conversation.history,
            paced=lead_ms is not None,
            paced_words=policy.paces_transcripts,
            reports=reports,
        )
        self.laws.configured(detection, format_changed=False)
        self.heard: dict[str, int] = {}
        self.checked = 0
        self.broken = False

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

    @rule(ms=st.integers(1, 15), quiet_ms=st.integers(0, 15))
    def caller_nods(self, ms: int, quiet_ms: int) -> None:
        self.script.speech(ms * 20)
        self.script.silence(quiet_ms * 20)
        self.check()

    @rule(verdict=st.sampled_from(["interruption", "backchannel", "noise"]))
    def judge_answers(self, verdict: UtteranceVerdict) -> None:
        if self.script.all(actions.StartJudging):
            self.script.judge(verdict)
            self.check()

    @rule(ms=st.integers(1, 25))
    def caller_coughs(self, ms: int) -> None:
        self.script.cough(ms * 20)
        self.check()

    @rule(out_of_band=st.booleans(), refer=st.booleans())
    def caller_asks(self, out_of_band: bool, refer: bool) -> None:
        last_id = self.script.conversation.history.last_id
        about = (ItemReference(last_id or "nothing"),) if refer else None
        self.refusable(ResponseRequested(self.script.config.response, out_of_band=out_of_band, input=about))

    @rule()
    def a_tool_answers(self) -> None:
        assert self.refusable(ResponseRequested(self.script.config.response, answers="item_of_the_output"))

    @rule(ms=st.integers(1, 20))
    def caller_talks(self, ms: int) -> None:
        self.script.talk(ms * 200)
        self.check()

    @rule()
    def caller_commits(self) -> None:
        automatic, self.laws.answers_turns = self.laws.answers_turns, False
        if self.refusable(events.CommitRequested()):
            self.laws.another_silence()
        self.laws.answers_turns = automatic

    @rule()
    def caller_clears(self) -> None:
        self.refusable(events.ClearRequested())

    @rule()
    def caller_cancels(self) -> None:
        self.refusable(events.CancelRequested())

    @rule(front=st.booleans())
    def caller_writes(self, front: bool) -> None:
        message = Message("", "user", [InputText("written")])
        self.refusable(events.ItemCreateRequested(message, "root" if front else None))

    @rule(data=st.data())
    def caller_deletes(self, data: st.DataObject) -> None:
        items = [item.id for item in self.script.conversation.history]
        if items:
            self.refusable(events.ItemDeleteRequested(data.draw(st.sampled_from(items))))

    @rule(data=st.data(), ms=st.integers(0, 5000))
    def caller_truncates(self, data: st.DataObject, ms: int) -> None:
        if self.laws.sent:
            item_id = data.draw(st.sampled_from(sorted(self.laws.sent)))
            self.refusable(events.ItemTruncateRequested(item_id, 0, ms))

    @rule(samples=st.integers(-10, 100_000), playing=st.booleans(), final=st.booleans())
    def caller_reports(self, samples: int, playing: bool, final: bool) -> None:
        sent = self.script.all(actions.AudioSent)
        if not sent:
            return
        response_id, item_id = sent[-1].response_id, sent[-1].item_id
        # A first and a last report may correct what was assumed.
        self.heard.pop(item_id, None)
        if final:
            self.refusable(events.PlaybackFlushed(response_id, item_id, samples))
        else:
            self.refusable(events.PlaybackReported(response_id, item_id, samples, playing))

    @rule(detection=st.sampled_from(DETECTIONS), fmt=st.sampled_from([PCM16_24K, PCM16_24K, PCMU_8K]))
    def caller_configures(self, detection: TurnDetection | None, fmt: AudioFormat) -> None:
        before = self.script.conversation.config
        self.refusable(events.Configured(SessionConfig(turn_detection=detection, input_format=fmt)))
        self.laws.configured(detection, format_changed=fmt != before.input_format)
        self.laws.another_silence()

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
            self.script.piece(ToolCallPiece(index, f"call_{index}", "get_time", "{}"), response_id)
            self.script.piece(TextPiece("well "), response_id)
        self.check()

    @rule(data=st.data(), text=st.sampled_from(["done", ""]))
    def caller_answers_a_call(self, data: st.DataObject, text: str) -> None:
        calls = [item.call_id for item in self.script.conversation.history if isinstance(item, FunctionCall)]
        if calls:
            answer = FunctionCallOutput("", data.draw(st.sampled_from(calls)), text)
            self.refusable(events.ItemCreateRequested(answer))

    @rule(data=st.data(), late=st.booleans())
    def model_finishes(self, data: st.DataObject, late: bool) -> None:
        response_id = self.some_stream(data)
        if response_id is not None:
            self.laws.open_streams.discard(response_id)
            self.script.finish(response_id=response_id)
            if late:
                self.script.say("late ", 100, response_id)
        self.check()

    @rule(data=st.data(), processed=st.booleans())
    def model_fails(self, data: st.DataObject, processed: bool) -> None:
        response_id = self.some_stream(data)
        if response_id is not None:
            self.laws.open_streams.discard(response_id)
            self.script.do(events.StreamFailed(response_id, Failure("server_error", None, "broken"), processed))
        self.check()

    # Checks.

    def some_stream(self, data: st.DataObject) -> str | None:
        return data.draw(st.sampled_from(sorted(self.laws.open_streams))) if self.laws.open_streams else None

    def refusable(self, event: events.Event) -> bool:
        """Let it happen. Returns whether it was accepted."""
        before = len(self.script.log)
        accepted = True
        try:
            self.script.do(event)
        except CallerError:
            assert len(self.script.log) == before
            accepted = False
        self.check()
        return accepted

    def check(self) -> None:
        self.broken = True
        for event, batch in self.script.steps[self.checked :]:
            self.laws.check_step(event, batch)
        self.checked = len(self.script.steps)
        self.broken = False

    @invariant()
    def heard_is_monotone_and_never_beyond_sent(self) -> None:
        if not hasattr(self, "script"):
            return
        for item_id, sent in self.laws.sent.items():
            heard = self.script.conversation.agent.playout.heard_now(item_id, self.script.now)
            if heard is not None:
                assert self.heard.get(item_id, 0) <= heard <= sent
                self.heard[item_id] = heard

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

    @invariant()
    def whoever_has_the_floor_gives_it_back(self) -> None:
        """Frames may stop at any moment: time ends what they would have ended."""
        if not hasattr(self, "script"):
            return
        conversation, now = self.script.conversation, self.script.now
        detection = conversation.config.turn_detection
        if detection is not None and conversation.caller.state is not CallerState.SILENT:
            timer = conversation.next_timer(now)
            assert timer is not None
            assert timer <= now + max(1.0, detection.silence_duration_ms / 1000)
        if conversation.agent.state is AgentState.WAITING:
            assert conversation.caller.state is not CallerState.SILENT, "it waits for nobody"

    def caller_configures_nothing(self) -> None:
        self.refusable(events.Configured(SessionConfig(turn_detection=None)))
        self.laws.configured(None, format_changed=True)

    def teardown(self) -> None:
        """When the model and the caller fall silent, everything comes to its end; and it would again."""
        if not hasattr(self, "script") or self.broken:
            return
        self.caller_configures_nothing()
        for _ in range(1000):
            for response_id in sorted(self.laws.open_streams):
                self.laws.open_streams.discard(response_id)
                self.script.finish(response_id=response_id)
            self.script.advance(1000)
            for item_id, sent in self.laws.sent.items():
                self.script.do(events.PlaybackReported("", item_id, sent, playing=False))
            self.check()
            if self.laws.created == self.laws.done:
                break
        # Unpaced sound was all sent at once, and is heard out no sooner than it lasts.
        self.script.advance(max(3000, 1000 * sum(self.laws.sent.values()) // 8000))
        self.check()
        assert self.script.conversation.agent.state is AgentState.IDLE
        self.laws.check_settled()
        config, policy, reports = self.given
        again = Script(config, policy, reports=reports)
        again.replay(self.script.happened)
        assert shown(again) == shown(self.script)


TestConversation = ConversationMachine.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
