"""Every rule of the floor, on literal times: what is done, and whose floor it is then.

A row of a table without a test is an error (:func:`test_every_row_is_visited`). What is expected is written here by
hand, not read from the tables: a row that says something else makes a test fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bargein.core import actions, events
from bargein.core.audio import PCMU_8K
from bargein.core.completion import TextPiece, ToolCallPiece
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, TurnDetection
from bargein.core.decisions import BargeInRefused, UtteranceVerdict
from bargein.core.echo_guard import ECHO_LIKENESS, SURE_LIKENESS
from bargein.core.floor import AgentState, CallerState, CallerTrigger
from bargein.core.items import Failure
from bargein.core.rules import TABLES
from bargein.core.rulings import Flow, Holding
from bargein.errors import CallerError
from support.conversation_script import detecting, manual
from support.rule_stage import (
    EAGER,
    QUIET,
    WEIGHED,
    Row,
    Watched,
    agent_first,
    happen,
    judged,
    outcome,
    stage,
    uttering,
)

C, CT = CallerState, CallerTrigger
A = AgentState

EXPECTED = """
evidence / idle: voice started | speaking, idle
evidence / thinking: voice | starting, thinking held
evidence / thinking, polite: voice started | speaking, thinking
evidence / speaking: voice held | starting, speaking held
evidence / speaking, polite: voice started | speaking, speaking
evidence / draining: voice held | starting, draining held
evidence / draining, polite: voice started | speaking, draining
confirm / idle: started | speaking, idle
confirm / thinking: started cancel cancelled | speaking, idle
confirm / thinking, polite: started | speaking, thinking
confirm / waiting: started | speaking, waiting
confirm / speaking: started cancel flushed cancelled | speaking, idle
confirm / speaking, polite: started resumed | speaking, speaking
confirm / draining: started flushed cancelled | speaking, idle
confirm / draining, polite: started resumed | speaking, draining
misfire / idle: quiet | silent, idle
misfire / thinking: quiet | silent, thinking
misfire / waiting: quiet sound | silent, speaking
misfire / speaking: quiet resumed | silent, speaking
misfire / draining: quiet resumed | silent, draining
echo / idle: quiet | silent, idle
echo / thinking: quiet | silent, thinking
echo / waiting: quiet sound | silent, speaking
echo / speaking: quiet resumed | silent, speaking
echo / draining: quiet resumed | silent, draining
cease / thinking: quiet | judging, thinking held
cease / speaking: quiet | judging, speaking held
cease / draining: quiet | judging, draining held
take up / idle: voice | starting, idle
take up / thinking: voice | starting, thinking held
take up / waiting: voice | starting, waiting held
take up / speaking: voice | starting, speaking held
take up / draining: voice | starting, draining held
backchannel / idle: | silent, idle
backchannel / thinking: | silent, thinking
backchannel / waiting: sound | silent, speaking
backchannel / speaking: resumed | silent, speaking
backchannel / draining: resumed | silent, draining
noise / idle: | silent, idle
noise / thinking: | silent, thinking
noise / waiting: sound | silent, speaking
noise / speaking: resumed | silent, speaking
noise / draining: resumed | silent, draining
pause / idle: quiet | stopping, idle
pause / thinking: quiet | stopping, thinking
pause / waiting: quiet | stopping, waiting
pause / speaking: quiet | stopping, speaking
pause / draining: quiet | stopping, draining
go on / idle: voice | speaking, idle
go on / thinking: voice cancel cancelled | speaking, idle
go on / thinking, polite: voice | speaking, thinking
go on / waiting: voice | speaking, waiting
go on / speaking: voice cancel flushed cancelled | speaking, idle
go on / speaking, polite: voice | speaking, speaking
go on / draining: voice flushed cancelled | speaking, idle
go on / draining, polite: voice | speaking, draining
end / idle: stopped committed asked | silent, thinking
end / thinking: stopped committed | silent, thinking
end / waiting: stopped committed cancel cancelled asked | silent, thinking
end / waiting, polite: stopped committed sound | silent, speaking
end / speaking: stopped committed | silent, speaking
end / draining: stopped committed | silent, draining
full / idle: stopped committed started | speaking, idle
full / thinking: stopped committed started | speaking, thinking
full / waiting: stopped committed started | speaking, waiting
full / speaking: stopped committed started | speaking, speaking
full / draining: stopped committed started | speaking, draining
limit / idle: quiet stopped committed asked | silent, thinking
limit / thinking: quiet stopped committed | silent, thinking
limit / waiting: quiet stopped committed cancel cancelled asked | silent, thinking
limit / waiting, polite: quiet stopped committed sound | silent, speaking
limit / speaking: quiet stopped committed | silent, speaking
limit / draining: quiet stopped committed | silent, draining
next turn / idle: voice started | speaking, idle
next turn / thinking: voice started | speaking, thinking
next turn / speaking: voice started | speaking, speaking
next turn / draining: voice started | speaking, draining
next turn goes on / idle: voice | speaking, idle
next turn goes on / thinking: voice | speaking, thinking
next turn goes on / waiting: voice | speaking, waiting
next turn goes on / speaking: voice | speaking, speaking
next turn goes on / draining: voice | speaking, draining
taken / idle: stopped quiet committed | silent, idle
taken / thinking: stopped quiet committed | silent, thinking
taken / waiting: stopped quiet committed sound | silent, speaking
taken / speaking: stopped quiet committed | silent, speaking
taken / draining: stopped quiet committed | silent, draining
"""
"""What the caller does / what the agent does: what is done | the floor then. Where nothing is said of a polite agent
(``interrupt_response: false``), it does the same.
"""

Joint = tuple[CallerTrigger, AgentState, bool, str]


def joint_rules() -> list[Joint]:
    rules: dict[tuple[str, str], str] = {}
    for line in EXPECTED.strip().splitlines():
        case, _, expected = line.partition(": ")
        trigger, _, agent = case.partition(" / ")
        rules[trigger, agent] = expected
    return [
        (CallerTrigger(trigger), AgentState(agent), polite, rules.get((trigger, f"{agent}, polite"), expected))
        if polite
        else (CallerTrigger(trigger), AgentState(agent), polite, expected)
        for (trigger, agent), expected in rules.items()
        if not agent.endswith("polite")
        for polite in (False, True)
        # What may not interrupt is not judged.
        if not (polite and trigger == "cease")
    ]


def check_joint(trigger: CallerTrigger, agent: AgentState, polite: bool, expected: str) -> Watched:
    script, batch = happen(trigger, agent, detecting(interrupt_response=not polite))
    assert outcome(script, batch) == expected
    return script


@pytest.mark.parametrize(("trigger", "agent", "polite", "expected"), joint_rules())
def test_a_joint_rule(trigger: CallerTrigger, agent: AgentState, polite: bool, expected: str) -> None:
    check_joint(trigger, agent, polite, expected)


# The others, each as a scene. A scene returns the scripts that it has played.

SCENES: list[Callable[[], list[Watched]]] = []


def scene(play: Callable[[], list[Watched]]) -> Callable[[], list[Watched]]:
    SCENES.append(play)
    return play


def started(script: Watched) -> int:
    """How many responses: a model that answers without sound is asked twice for one."""
    return len([stream for stream in script.all(actions.StartStream) if not stream.again])


@scene
def a_turn_that_nobody_answers_leaves_the_floor_to_what_waits() -> list[Watched]:
    played = []
    for agent, then in [
        (A.IDLE, "stopped committed | silent, idle"),
        (A.THINKING, "stopped committed | silent, thinking"),
        (A.WAITING, "stopped committed sound | silent, speaking"),
        (A.SPEAKING, "stopped committed | silent, speaking"),
        (A.DRAINING, "stopped committed | silent, draining"),
    ]:
        script, batch = happen(CT.END, agent, detecting(create_response=False))
        assert outcome(script, batch) == then
        asked = started(script)
        script.advance(20_000)
        assert started(script) == asked
        played.append(script)
    return played


@scene
def a_turn_that_is_answered_later_is() -> list[Watched]:
    played = []
    for polite in (False, True):
        for agent in (A.THINKING, A.SPEAKING, A.DRAINING, *([A.WAITING] if polite else [])):
            script, _ = happen(CT.END, agent, detecting(interrupt_response=not polite))
            asked = started(script)
            if agent is not A.DRAINING:
                script.say("so", 100)
                script.finish()
            script.advance(20_000)
            assert started(script) == asked + 1
            played.append(script)
    return played


@scene
def a_reply_in_text_alone_does_not_give_way() -> list[Watched]:
    text = SessionConfig(turn_detection=TurnDetection(), response=ResponseSettings(audio=False))
    script = Watched(text)
    script.silence(500)
    script.speech(100)
    script.ask()
    script.piece(TextPiece("welcome"))
    assert script.states == (C.SPEAKING, A.WAITING)
    script.until(CT.END, speech=False)
    assert not script.all(actions.ResponseDone)
    assert script.states == (C.SILENT, A.THINKING)
    script.finish()
    assert [done.response.status for done in script.all(actions.ResponseDone)] == ["completed"]
    assert started(script) == 2
    return [script]


@scene
def a_response_begins_by_the_state_of_both() -> list[Watched]:
    played = []
    for caller, idle, draining in [
        (C.SILENT, "silent, thinking", "silent, thinking"),
        (C.STARTING, "starting, waiting held", "starting, thinking held"),
        (C.SPEAKING, "speaking, waiting", "speaking, waiting"),
        (C.STOPPING, "stopping, waiting", "stopping, waiting"),
    ]:
        script = stage(caller, A.IDLE)
        script.ask_for()
        assert outcome(script, script.steps[-1][1]) == f"asked | {idle}"
        played.append(script)
        script = tail_under(caller)
        script.ask_for()
        assert outcome(script, script.steps[-1][1]) == f"asked | {draining}"
        played.append(script)
    return played


@scene
def what_begins_while_it_is_in_doubt_who_has_the_floor_is_held_though_a_hold_has_expired() -> list[Watched]:
    brief = CorePolicy(hold_limit_ms=100, judge_limit_ms=300, lead_ms=60_000)
    starting = stage(C.STARTING, A.DRAINING, brief)
    judging = judged(A.DRAINING, replace(brief, weighs=True, judges_words=True, confirm_after_ms=400, ask_after_ms=0))
    for script in (starting, judging):
        while script.conversation.agent.held:
            script.advance(20)
        caller = script.states[0].value
        script.ask_for()
        assert outcome(script, script.steps[-1][1]) == f"asked held | {caller}, thinking held"
    return [starting, judging]


def tail_under(caller: CallerState) -> Watched:
    """All of a reply was sent, its response is done, and the caller still hears it."""
    script = Watched(QUIET, CorePolicy(lead_ms=2000))
    script.silence(500)
    if caller in {C.SPEAKING, C.STOPPING}:
        script.ask()
        script.say("one two three", 1900)
        script.speech(100)
        script.finish()
        script.silence(60 if caller is C.STOPPING else 0)
    else:
        script.ask()
        script.say("one two three", 1900)
        script.finish()
        script.do(events.Configured(EAGER))
        script.speech(80 if caller is C.STARTING else 0)
    assert script.conversation.agent.active is None
    assert script.states == (caller, A.DRAINING)
    return script


@scene
def evidence_that_stays_in_doubt_holds_up_what_was_asked_for_a_second_at_most() -> list[Watched]:
    script = stage(C.STARTING, A.IDLE)
    script.ask_for()
    script.say("welcome", 500)
    script.now += 0.999
    script.do(events.TimerFired())
    assert not [
        a for a in script.all(actions.AudioSent) if a.response_id == script.last(actions.StartStream).response_id
    ]
    script.now += 0.001
    script.do(events.TimerFired())
    assert script.last(actions.AudioSent).response_id == script.last(actions.StartStream).response_id
    return [script]


@scene
def who_asks_while_another_is_active_is_refused_or_queued() -> list[Watched]:
    script = stage(C.SILENT, A.SPEAKING)
    with pytest.raises(CallerError, match="already has an active response"):
        script.ask_for()
    script.finish()
    script.ask_for()
    assert started(script) == 1
    script.advance(9000)
    assert started(script) == 2
    idle = stage(C.SILENT, A.IDLE)
    idle.ask_for()
    assert started(idle) == 1
    return [script, idle]


@scene
def who_asks_before_it_is_known_where_the_last_one_stopped_waits() -> list[Watched]:
    """For the caller's answer, or for as long as that may take."""
    played = []
    for turn in (True, False):
        for answers in (True, False):
            script = Watched(detecting(silence_duration_ms=100), reports=True)
            script.silence(500)
            script.ask()
            script.say("one two three four five six", 9000)
            script.speech(300)
            cut = script.last(actions.Flushed)
            assert not script.all(actions.Cut)
            script.silence(120) if turn else script.ask_for()
            assert started(script) == 1
            if answers:
                script.do(events.PlaybackFlushed(cut.response_id, cut.item_id, 9000))
            else:
                script.advance(301)
            assert started(script) == 2
            assert script.last(actions.Cut).response_id == cut.response_id
            played.append(script)
    return played


@scene
def what_the_server_asks_for_by_itself_waits_for_a_silent_caller() -> list[Watched]:
    """The output of a tool came, while nothing is active."""
    played = []
    for caller in (C.STARTING, C.SPEAKING, C.STOPPING):
        script = stage(caller, A.IDLE)
        asked = started(script)
        script.ask_for(answers="item_1")
        assert started(script) == asked
        script.silence(1000)
        assert script.states[0] is C.SILENT
        assert started(script) == asked + 1
        played.append(script)
    return played


@scene
def what_the_caller_has_queued_begins_whoever_speaks() -> list[Watched]:
    played = []
    for caller, then in [
        (C.SILENT, "silent, thinking"),
        (C.STARTING, "starting, waiting held"),
        (C.SPEAKING, "speaking, waiting"),
        (C.STOPPING, "stopping, waiting"),
    ]:
        script = stage(caller, A.DRAINING)
        script.ask_for()
        script.do(events.CancelRequested())
        assert outcome(script, []) == f"| {then}"
        played.append(script)
    return played


@scene
def an_answer_that_is_queued_waits_for_a_silent_caller() -> list[Watched]:
    played = []
    for caller, begins in [(C.SILENT, True), (C.STARTING, False), (C.SPEAKING, False), (C.STOPPING, False)]:
        script, _ = happen(CT.END, A.DRAINING, detecting(interrupt_response=False))
        script.do(events.Configured(detecting(interrupt_response=caller is C.STARTING)))
        script.silence(100)
        if caller is not C.SILENT:
            script.speech(80)
        if caller is C.STOPPING:
            script.silence(60)
        assert script.states == (caller, A.DRAINING)
        asked = started(script)
        script.do(events.CancelRequested())
        assert started(script) == asked + (1 if begins else 0)
        script.do(events.ClearRequested())
        assert started(script) == asked + 1
        played.append(script)
    return played


@scene
def what_the_model_says_by_the_state_and_the_hold() -> list[Watched]:
    """A call of a tool is told at once where nothing is gated; sound is sent where nothing is kept."""
    played = []
    for caller, agent, told, sent, ended in [
        (C.SILENT, A.THINKING, True, True, False),
        (C.STARTING, A.THINKING, False, False, False),
        (C.SPEAKING, A.WAITING, True, False, False),
        (C.STARTING, A.WAITING, True, False, False),
        (C.SILENT, A.SPEAKING, True, True, False),
        (C.STARTING, A.SPEAKING, True, False, False),
    ]:
        script = stage(caller, agent, CorePolicy(lead_ms=60_000))
        asked = script.last(actions.StartStream).response_id
        before = len(script.log)
        script.piece(ToolCallPiece(0, "call_1", "look_up", "{}"), asked)
        script.say("", 100, asked)
        kinds = set(script.kinds(before))
        assert ("ArgumentsSent" in kinds) is told, (caller, agent)
        assert ("AudioSent" in kinds) is sent, (caller, agent)
        assert ("ResponseDone" in kinds) is ended, (caller, agent)
        played.append(script)
    for caller, sent in [(C.SILENT, True), (C.STARTING, False)]:
        script = stage(caller, A.DRAINING)
        before = len(script.log)
        script.now += 0.5
        script.do(events.TimerFired())
        assert ("AudioSent" in script.kinds(before)) is sent
        played.append(script)
    return played


@scene
def what_has_no_sound_ends_at_once_where_it_waits_and_not_where_it_is_held() -> list[Watched]:
    played = []
    for caller, agent, ended in [
        (C.SILENT, A.THINKING, True),
        (C.SPEAKING, A.WAITING, True),
        (C.STARTING, A.THINKING, False),
    ]:
        script = stage(caller, A.IDLE if agent is A.WAITING else agent)
        if agent is A.WAITING:
            script.ask()
        before = len(script.log)
        script.piece(ToolCallPiece(0, "call_1", "look_up", "{}"))
        script.finish("tool_calls")
        assert ("ResponseDone" in script.kinds(before)) is ended
        played.append(script)
    return played


@scene
def a_reply_that_was_sent_whole_does_not_end_during_a_hold() -> list[Watched]:
    script = stage(C.SILENT, A.SPEAKING, CorePolicy(lead_ms=60_000))
    script.do(events.Configured(EAGER))
    script.speech(80)
    script.finish()
    assert script.states == (C.STARTING, A.DRAINING)
    assert not script.all(actions.ResponseDone)
    script.until(CT.MISFIRE, speech=False)
    assert len(script.all(actions.ResponseDone)) == 1
    return [script]


@scene
def a_stream_ends_in_any_state() -> list[Watched]:
    played = []
    for caller, agent, then in [
        (C.SILENT, A.THINKING, A.IDLE),
        (C.SILENT, A.SPEAKING, A.DRAINING),
        (C.SPEAKING, A.WAITING, A.WAITING),
    ]:
        script = stage(caller, agent)
        script.finish("length")
        assert script.states == (caller, then)
        played.append(script)
    return played


@scene
def a_stream_that_ended_unheard_during_a_hold_is_over_when_the_hold_is() -> list[Watched]:
    """Its sound is still to be sent: nothing more of it is made."""
    script = stage(C.STARTING, A.THINKING)
    script.say("welcome", 3000)
    script.finish()
    assert script.states == (C.STARTING, A.THINKING)
    script.until(CT.MISFIRE, speech=False)
    assert script.states == (C.SILENT, A.DRAINING)
    script.advance(20_000)
    assert script.sent_ms() >= 3000
    assert script.states == (C.SILENT, A.IDLE)
    return [script]


@scene
def what_is_taken_up_after_a_hold_has_expired_holds_no_second_time() -> list[Watched]:
    played = []
    for agent in (A.THINKING, A.SPEAKING, A.DRAINING):
        script = judged(agent, replace(WEIGHED, hold_limit_ms=1, judge_limit_ms=300))
        while script.conversation.agent.held:
            script.advance(20)
        assert script.states == (C.JUDGING, agent)
        assert outcome(script, script.until(CT.TAKE_UP, speech=True)) == f"voice | starting, {agent.value}"
        played.append(script)
    return played


@scene
def that_the_caller_may_not_interrupt_is_said_where_there_is_somebody_to_interrupt() -> list[Watched]:
    played = []
    for agent, refused in [(A.IDLE, []), *((agent, ["not allowed"]) for agent in (A.THINKING, A.SPEAKING, A.DRAINING))]:
        script, batch = happen(CT.EVIDENCE, agent, detecting(interrupt_response=False))
        assert [action.reason for action in batch if isinstance(action, BargeInRefused)] == refused
        played.append(script)
    return played


@scene
def a_stream_breaks_in_any_state() -> list[Watched]:
    played = []
    for caller, agent, then in [
        (C.SILENT, A.THINKING, A.IDLE),
        (C.SILENT, A.SPEAKING, A.DRAINING),
        (C.SPEAKING, A.WAITING, A.IDLE),
    ]:
        script = stage(caller, agent)
        script.do(
            events.StreamFailed(script.last(actions.StartStream).response_id, Failure("server_error", None, "broken"))
        )
        assert script.states == (caller, then)
        assert script.last(actions.ResponseDone).response.status == "failed"
        script.advance(3000)
        assert script.conversation.agent.state is A.IDLE
        played.append(script)
    return played


@scene
def a_reply_is_heard_out() -> list[Watched]:
    script = stage(C.SILENT, A.DRAINING)
    script.advance(8999)
    assert script.states == (C.SILENT, A.DRAINING)
    script.advance(1)
    assert script.states == (C.SILENT, A.IDLE)
    return [script]


@scene
def everything_stops_when_the_caller_leaves() -> list[Watched]:
    played = []
    for agent, ended in [
        (A.IDLE, 0),
        (A.THINKING, 1),
        (A.WAITING, 1),
        (A.SPEAKING, 1),
        (A.DRAINING, 1),
    ]:
        script = stage(C.SPEAKING, agent)
        before = script.kinds().count("ResponseDone")
        script.do(events.CallerLeft())
        assert script.kinds().count("ResponseDone") == before + ended
        assert script.conversation.agent.state is A.IDLE
        played.append(script)
    return played


@scene
def frames_stop() -> list[Watched]:
    played = []
    for caller, expected in [(C.STARTING, "quiet resumed"), (C.SPEAKING, "stopped"), (C.STOPPING, "stopped")]:
        script = stage(caller, A.SPEAKING)
        before = len(script.log)
        script.advance(999)
        assert script.states[0] is caller
        script.advance(1)
        assert script.states[0] is C.SILENT
        kinds = script.kinds(before)
        assert ("SpeechStopped" in kinds) is (expected == "stopped")
        assert ("Resumed" in kinds) is (expected != "stopped")
        played.append(script)
    return played


@scene
def frames_stop_behind_what_was_said_shortly() -> list[Watched]:
    """It is judged, where somebody may be interrupted by it; else it was none."""
    played = []
    for polite, then in [(False, "quiet | judging, speaking held"), (True, "quiet resumed | silent, speaking")]:
        script = uttering(A.SPEAKING)
        script.do(events.Configured(QUIET if polite else EAGER))
        script.advance(999)
        assert script.states[0] is C.STARTING
        script.advance(1)
        assert outcome(script, script.steps[-1][1]) == then
        played.append(script)
    return played


@scene
def a_turn_is_bounded_in_any_state() -> list[Watched]:
    """In doubt it was none; in a pause what follows is new, and may interrupt; else it goes on."""
    doubtful = stage(C.STARTING, A.SPEAKING, CorePolicy(turn_limit_ms=400))
    for _ in range(20):
        if doubtful.states[0] is not C.STARTING:
            break
        doubtful.cough(20)
        doubtful.silence(60)
    assert doubtful.rows_of("turn's bound") == [C.STARTING]
    assert not doubtful.all(actions.SpeechStarted)

    paused = stage(C.STOPPING, A.SPEAKING, CorePolicy(turn_limit_ms=200))
    paused.silence(20)
    paused.until(CT.LIMIT, speech=False)
    assert len(paused.all(actions.InputCommitted)) == 1
    paused.do(events.Configured(EAGER))
    paused.speech(80)
    assert paused.conversation.agent.held

    spoken, _ = happen(CT.LIMIT, A.SPEAKING, EAGER)
    spoken.speech(80)
    assert spoken.states == (C.SPEAKING, A.SPEAKING)
    return [doubtful, paused, spoken]


@scene
def speech_is_taken_in_any_state() -> list[Watched]:
    played = []
    for caller, expected in [
        (C.SILENT, "committed | silent, speaking"),
        (C.STARTING, "quiet committed resumed | silent, speaking"),
        (C.SPEAKING, "stopped quiet committed | silent, speaking"),
        (C.STOPPING, "stopped committed | silent, speaking"),
    ]:
        script = stage(caller, A.SPEAKING)
        assert outcome(script, script.do(events.CommitRequested())) == expected
        played.append(script)
    by_hand = Watched(manual())
    by_hand.speech(200)
    assert outcome(by_hand, by_hand.do(events.CommitRequested())) == "committed | silent, idle"
    return [*played, by_hand]


@scene
def an_echo_is_ignored_before_it_is_announced() -> list[Watched]:
    """At evidence where that is enough, else when it is confirmed."""
    played = []
    for agent, config in [(A.SPEAKING, QUIET), (A.SPEAKING, EAGER)]:
        script = stage(C.SILENT, agent)
        script.do(events.Configured(config))
        script.echo = 0.9
        script.until(CT.ECHO, speech=True)
        assert not script.all(actions.SpeechStarted)
        assert script.states == (C.SILENT, agent)
        played.append(script)
    late = Watched(EAGER)
    late.silence(500)
    late.ask()
    late.say("so", 100)
    late.finish()
    late.silence(200)
    late.echo = 0.9
    late.until(CT.ECHO, speech=True)
    assert not late.all(actions.SpeechStarted), "within a second of a reply's end"
    return [*played, late]


@scene
def what_is_about_to_be_announced_is_an_echo_by_less_than_mere_evidence() -> list[Watched]:
    """There is more of it by then, and the more alike an echo is."""
    played = []
    for policy in (CorePolicy(), WEIGHED):
        for echo, announced in [(ECHO_LIKENESS, 0), (ECHO_LIKENESS - 0.01, 1)]:
            script = Watched(EAGER, policy)
            script.silence(500)
            script.ask()
            script.say("so", 100)
            script.finish()
            script.silence(200)
            assert script.states == (C.SILENT, A.IDLE)
            script.echo = echo
            script.speech(140)
            assert script.kinds().count("SpeechStarted") == announced
            played.append(script)
    for trigger, agent, ignored, believed in [
        (CT.EVIDENCE, A.SPEAKING, "voice quiet | silent, speaking", "voice started | speaking, speaking"),
        (CT.CONFIRM, A.WAITING, "quiet sound | silent, speaking", "started | speaking, waiting"),
        (CT.CONFIRM, A.SPEAKING, "quiet resumed | silent, speaking", INTERRUPTED),
        (CT.CEASE, A.SPEAKING, "quiet resumed | silent, speaking", "quiet | judging, speaking held"),
    ]:
        for echo, then in [(ECHO_LIKENESS, ignored), (ECHO_LIKENESS - 0.01, believed)]:
            config = QUIET if trigger is CT.EVIDENCE else EAGER
            script, batch = happen(trigger, agent, config, echo=echo)
            assert outcome(script, batch) == then
            played.append(script)
    return played


@scene
def evidence_that_is_surely_an_echo_holds_nothing() -> list[Watched]:
    """What is in doubt does, and is compared again when there is more of it."""
    played = []
    for echo, holds in [(SURE_LIKENESS, 0), (SURE_LIKENESS - 0.01, 1)]:
        script = stage(C.SILENT, A.SPEAKING)
        script.do(events.Configured(EAGER))
        script.echo = echo
        script.speech(200)
        assert script.kinds().count("Held") == holds
        assert not script.all(actions.SpeechStarted)
        played.append(script)
    return played


@scene
def what_is_known_to_be_the_caller_is_no_echo() -> list[Watched]:
    played = []
    for trigger, agent, announced in [
        (CT.GO_ON, A.SPEAKING, 1),
        (CT.FULL, A.SPEAKING, 2),
        (CT.END, A.SPEAKING, 1),
        (CT.LIMIT, A.SPEAKING, 1),
        (CT.NEXT, A.SPEAKING, 2),
    ]:
        script, _ = happen(trigger, agent, EAGER)
        likely, _ = happen(trigger, agent, EAGER, echo=0.9)
        assert len(script.all(actions.SpeechStarted)) == announced
        assert script.kinds() == likely.kinds()
        played += [script, likely]
    return played


@scene
def an_echo_that_looks_like_a_cough_is_learnt() -> list[Watched]:
    played = []
    for echo, holds in [(ECHO_LIKENESS, 2), (0.0, 3)]:
        script = stage(C.SILENT, A.SPEAKING)
        script.do(events.Configured(EAGER))
        script.echo = echo
        for _ in range(3):
            script.speech(80)
            script.silence(300)
        assert script.kinds().count("Held") == holds
        played.append(script)
    return played


INTERRUPTED = "started cancel flushed cancelled | speaking, idle"


@scene
def evidence_is_weighed_before_anything_is_announced() -> list[Watched]:
    """It holds a reply at once, and announces nothing; little speech is enough where nobody is interrupted."""
    played = []
    for config, agent, at_evidence, at_confirm, confirmed_ms in [
        (EAGER, A.IDLE, "voice | starting, idle", "started | speaking, idle", 100),
        (QUIET, A.SPEAKING, "voice | starting, speaking", "started | speaking, speaking", 100),
        # The level of this speech does not move at all: twice the evidence is asked of it.
        (EAGER, A.SPEAKING, "voice held | starting, speaking held", INTERRUPTED, 800),
    ]:
        script = Watched(config, WEIGHED)
        script.silence(500)
        if agent is A.SPEAKING:
            script.ask()
            script.say("one two three four five six", 9000)
        began = script.now
        script.until(CT.EVIDENCE, speech=True)
        assert outcome(script, script.steps[-2][1]) == at_evidence
        batch = script.until(CT.CONFIRM, speech=True)
        assert outcome(script, batch) == at_confirm
        assert round((script.now - began) * 1000) == confirmed_ms
        played.append(script)
    return played


@scene
def what_was_said_shortly_interrupts_when_it_is_judged_so() -> list[Watched]:
    played = []
    for agent, then in [
        (A.IDLE, "voice started | speaking, idle"),
        (A.THINKING, "voice started cancel cancelled | speaking, idle"),
        (A.WAITING, "voice started | speaking, waiting"),
        (A.SPEAKING, "voice started cancel flushed cancelled | speaking, idle"),
        (A.DRAINING, "voice started flushed cancelled | speaking, idle"),
    ]:
        script = judged(agent)
        assert outcome(script, script.judge("interruption")) == then
        script.until(CT.END, speech=False)
        assert len(script.all(actions.InputCommitted)) == 1
        played.append(script)
    return played


@scene
def what_was_said_shortly_is_an_echo_or_is_taken() -> list[Watched]:
    echo = uttering(A.SPEAKING)
    echo.echo = 0.9
    assert outcome(echo, echo.until(CT.ECHO, speech=False)) == "quiet resumed | silent, speaking"
    assert not echo.all(actions.StartJudging)
    taken = judged(A.SPEAKING)
    assert outcome(taken, taken.do(events.CommitRequested())) == "committed resumed | silent, speaking"
    assert taken.last(actions.StopJudging).utterance_id == taken.last(actions.StartJudging).utterance_id
    other = judged(A.SPEAKING)
    in_another_format = replace(EAGER, input_format=PCMU_8K)
    assert outcome(other, other.do(events.Configured(in_another_format))) == "resumed | silent, speaking"
    late = judged(A.SPEAKING)
    late.echo = 0.9
    assert outcome(late, late.judge("interruption")).endswith("resumed | silent, speaking")
    return [echo, taken, other, late]


@scene
def a_response_begins_while_it_is_judged_why_somebody_spoke() -> list[Watched]:
    idle = judged(A.IDLE)
    idle.ask_for()
    assert outcome(idle, idle.steps[-1][1]) == "asked | judging, waiting held"
    tail = Watched(EAGER, replace(WEIGHED, lead_ms=2000))
    tail.silence(500)
    tail.ask()
    tail.say("one two three", 1900)
    tail.finish()
    tail.speech(200)
    tail.until(CT.CEASE, speech=False)
    assert tail.conversation.agent.active is None
    tail.ask_for()
    assert outcome(tail, tail.steps[-1][1]) == "asked | judging, thinking held"
    queued = judged(A.DRAINING)
    queued.ask_for()
    queued.do(events.CancelRequested())
    assert queued.states == (C.JUDGING, A.WAITING)
    answer = Watched(detecting(interrupt_response=False), WEIGHED)
    answer.silence(500)
    answer.ask()
    answer.say("one two three", 9000)
    answer.finish()
    answer.speech(200)
    answer.until(CT.END, speech=False)
    answer.do(events.Configured(detecting()))
    answer.speech(200)
    answer.until(CT.CEASE, speech=False)
    asked = started(answer)
    answer.do(events.CancelRequested())
    assert (answer.states, started(answer)) == ((C.JUDGING, A.IDLE), asked)
    answer.judge("backchannel")
    assert started(answer) == asked + 1
    return [idle, tail, queued, answer]


@scene
def its_words_are_known_before_its_end() -> list[Watched]:
    played = []
    cases: list[tuple[UtteranceVerdict, str, str]] = [
        ("interruption", INTERRUPTED, f"voice {INTERRUPTED}"),
        ("backchannel", "| starting, speaking held", "| judging, speaking held"),
        ("noise", "| starting, speaking held", "| judging, speaking held"),
    ]
    for verdict, going_on, ended in cases:
        for over in (False, True):
            script = uttering(A.SPEAKING, replace(WEIGHED, ask_after_ms=100))
            asked = script.last(actions.StartJudging)
            assert not asked.over
            if over:
                script.until(CT.CEASE, speech=False)
            batch = script.do(events.UtteranceJudged(asked.utterance_id, verdict, "words", 150.0))
            assert outcome(script, batch) == (ended if over else going_on)
            played.append(script)
    return played


@scene
def it_takes_as_much_speech_as_a_mistake_would_cost() -> list[Watched]:
    """The level of this speech does not move at all: twice as much is asked of it."""
    played = []
    for polite, agent, tail, nods, confirmed_ms in [
        (False, A.IDLE, False, False, 100),
        (False, A.WAITING, False, False, 100),
        (False, A.THINKING, False, False, 480),
        (False, A.THINKING, True, False, 800),
        (False, A.THINKING, True, True, 1800),
        (False, A.SPEAKING, False, False, 800),
        (False, A.SPEAKING, False, True, 1800),
        (False, A.DRAINING, False, False, 800),
        (False, A.DRAINING, False, True, 1800),
        (True, A.IDLE, False, False, 100),
        (True, A.WAITING, False, False, 100),
        (True, A.THINKING, False, False, 100),
        (True, A.THINKING, True, False, 100),
        (True, A.THINKING, True, True, 220),
        (True, A.SPEAKING, False, False, 100),
        (True, A.SPEAKING, False, True, 220),
        (True, A.DRAINING, False, False, 100),
        (True, A.DRAINING, False, True, 220),
    ]:
        script = Watched(EAGER, replace(WEIGHED, ask_after_ms=100, lead_ms=4000))
        script.silence(500)
        if tail:
            script.ask()
            script.say("one two three", 3900)
            script.finish()
            script.ask()
        else:
            agent_first(script, agent)
        script.silence(200)
        began = script.now
        if nods:
            script.speech(200)
            script.judge("backchannel")
        else:
            script.until(CT.EVIDENCE, speech=True)
        if agent is A.WAITING:
            script.ask()
        assert script.states == (C.STARTING, agent)
        script.do(events.Configured(QUIET if polite else EAGER))
        script.until(CT.CONFIRM, speech=True)
        assert round((script.now - began) * 1000) == confirmed_ms
        assert len(script.rows_of("enough speech")) <= 3, "it is not told of for every window"
        played.append(script)
    return played


@scene
def a_reply_is_made_quieter_where_it_can_be() -> list[Watched]:
    played = []
    ducking = CorePolicy(duck_db=18.0, lead_ms=2000)
    for reports, echo, agent, then in [
        (True, False, A.SPEAKING, Flow.SEND),
        (True, True, A.SPEAKING, Flow.KEEP),
        (False, False, A.SPEAKING, Flow.KEEP),
        (False, True, A.SPEAKING, Flow.KEEP),
        (True, False, A.DRAINING, Flow.SEND),
    ]:
        script = Watched(EAGER, ducking, reports=reports)
        script.silence(500)
        script.conversation.echo.delay_s = 0.1 if echo else None
        script.ask()
        script.say("one two three four five six", 9000)
        if agent is A.DRAINING:
            script.finish()
        script.speech(80)
        assert script.states == (C.STARTING, agent)
        assert [answer for (table, _), answer in script.rows if table == "flow"][-1] is then
        played.append(script)
    tail = Watched(EAGER, ducking, reports=True)
    tail.silence(500)
    tail.ask()
    tail.say("one two three", 1900)
    tail.finish()
    tail.speech(80)
    tail.ask_for()
    assert tail.states == (C.STARTING, A.THINKING)
    assert tail.rows[-1] == (("flow", (A.THINKING, Holding.DUCKED)), Flow.GATE)
    heard_out = Watched(EAGER, ducking, reports=True)
    heard_out.silence(500)
    heard_out.ask()
    heard_out.say("one", 500)
    heard_out.finish()
    heard_out.speech(80)
    item_id = heard_out.last(actions.OutputItemAdded).item.id
    response_id = heard_out.last(actions.ResponseCreated).response.id
    heard_out.do(events.PlaybackReported(response_id, item_id, 12_000, playing=False))
    assert heard_out.states == (C.STARTING, A.IDLE)
    heard_out.ask_for()
    assert heard_out.states == (C.STARTING, A.WAITING)
    assert heard_out.rows[-1] == (("flow", (A.WAITING, Holding.DUCKED)), Flow.WAIT)
    return [*played, tail, heard_out]


@pytest.mark.parametrize("play", SCENES, ids=lambda play: play.__name__)
def test_a_scene(play: Callable[[], list[Watched]]) -> None:
    assert play()


def test_every_row_is_visited() -> None:
    """Whatever part of this file runs, and in however many processes: this test plays all of it."""
    played = [check_joint(*case) for case in joint_rules()]
    for play in SCENES:
        played += play()
    visited: set[Row] = {row for script in played for row, _ in script.rows}
    rows: set[Row] = {(table.name, key) for table in TABLES for key in table.rows}
    assert not rows - visited, "rules that no test visits"
    assert not visited - rows


def test_the_reply_that_waits_for_a_turn_without_end_is_answered_instead() -> None:
    """The turn's bound is an end like any other; what goes on then does not interrupt its answer."""
    script, batch = happen(CT.LIMIT, A.WAITING, detecting())
    assert outcome(script, batch) == "quiet stopped committed cancel cancelled asked | silent, thinking"
    script.speech(200)
    script.say("here it is", 300)
    assert script.states == (C.SPEAKING, A.SPEAKING)
    assert [done.response.reason for done in script.all(actions.ResponseDone)] == ["turn_detected"]
