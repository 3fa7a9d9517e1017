"""What the core says of its decisions: on literal times, and again when the same is put into a fresh one."""

from __future__ import annotations

from typing import TypeVar

import pytest

from bargein.alignment.aligner import Aligner
from bargein.core import actions, events
from bargein.core.config import CorePolicy
from bargein.core.decisions import (
    BargeInRefused,
    Decision,
    Figures,
    HoldEnded,
    Interrupted,
    RuleAsked,
    TurnEnded,
    UtteranceVerdict,
)
from bargein.core.events import ResponseRequested
from bargein.core.floor import AgentState, CallerState, CallerTrigger
from bargein.core.items import Failure
from bargein.core.recorded import replay
from bargein.wire.decision_records import explained
from support.conversation_script import Script, detecting, manual
from support.rule_stage import EAGER, happen, judged, stage

D = TypeVar("D", bound=Decision)
C, A, CT = CallerState, AgentState, CallerTrigger


def decided(script: Script, kind: type[D]) -> list[D]:
    return [decision for _, decision in script.decisions if isinstance(decision, kind)]


def talking(*, reports: bool = False) -> Script:
    """The agent has been speaking for a second."""
    script = Script(reports=reports)
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 4000)
    script.silence(1000)
    return script


def test_an_interruption_says_what_it_ended_and_from_what_it_was_known() -> None:
    script = talking()
    asked, sent = script.last(actions.ResponseCreated).response.id, script.last(actions.AudioSent)
    script.speech(240)
    (interrupted,) = decided(script, Interrupted)
    assert interrupted.held_ms == pytest.approx(160)
    assert interrupted == Interrupted(
        response_id=asked,
        reason="confirmed",
        at_ms=1740,
        onset_ms=1500,
        held_ms=interrupted.held_ms,
        cancelled=asked,
        flushed=(sent.item_id,),
        figures=interrupted.figures,
    )
    assert interrupted.figures is not None
    assert (interrupted.figures.level_db, interrupted.figures.evidence_ms) == (-20.0, 240.0)
    assert interrupted.figures.voiced_ms == 240.0
    assert interrupted.figures.floor_db < -60
    assert interrupted.figures.likeness == 0.0
    (ended,) = decided(script, HoldEnded)
    assert ended == HoldEnded("confirmed", ended.lasted_ms, asked)
    assert ended.lasted_ms == interrupted.held_ms


@pytest.mark.parametrize("verdict", ["backchannel", "noise"])
def test_what_was_judged_to_be_no_interruption_says_so(verdict: UtteranceVerdict) -> None:
    script = judged(A.SPEAKING)
    script.judge(verdict)
    assert [ended.reason for ended in decided(script, HoldEnded)] == [verdict]
    assert [refused.reason for refused in decided(script, BargeInRefused)] == [verdict]


def test_an_interruption_follows_what_was_done_about_it() -> None:
    script = talking()
    script.speech(240)
    batch = script.steps[-1][1]
    assert isinstance(batch[-1], Interrupted)
    assert isinstance(batch[0], actions.SpeechStarted)


def test_who_goes_on_after_a_pause_interrupts_by_that() -> None:
    script, _ = happen(CT.GO_ON, A.SPEAKING, EAGER)
    (interrupted,) = decided(script, Interrupted)
    assert (interrupted.reason, interrupted.held_ms) == ("went on", None)


def test_what_had_no_stream_any_more_is_not_cancelled() -> None:
    script, _ = happen(CT.CONFIRM, A.DRAINING, EAGER)
    (interrupted,) = decided(script, Interrupted)
    assert interrupted.cancelled is None
    assert len(interrupted.flushed) == 1


def test_a_reply_that_makes_way_at_the_end_of_a_turn_was_not_interrupted() -> None:
    script, _ = happen(CT.END, A.WAITING, detecting())
    assert script.last(actions.ResponseDone).response.reason == "turn_detected"
    assert not decided(script, Interrupted)


@pytest.mark.parametrize(
    ("reason", "trigger", "config"),
    [
        ("confirmed", CT.CONFIRM, EAGER),
        ("announced", CT.CONFIRM, detecting(interrupt_response=False)),
        ("misfire", CT.MISFIRE, EAGER),
        ("echo", CT.ECHO, EAGER),
    ],
)
def test_a_hold_ends_by_a_decision(reason: str, trigger: CallerTrigger, config: object) -> None:
    script, _ = happen(trigger, A.SPEAKING, config)  # type: ignore[arg-type]
    assert [ended.reason for ended in decided(script, HoldEnded)] == [reason]
    assert decided(script, HoldEnded)[0].response_id == script.last(actions.Held).response_id


@pytest.mark.parametrize("reason", ["taken", "expired", "failed", "stopped"])
def test_a_hold_ends_for_another_reason(reason: str) -> None:
    script = stage(C.STARTING, A.SPEAKING)
    match reason:
        case "taken":
            script.do(events.ClearRequested())
        case "expired":
            script.now += 1.0
            script.do(events.TimerFired())
        case "failed":
            asked = script.last(actions.StartStream).response_id
            script.do(events.StreamFailed(asked, Failure("server_error", None, "broken")))
        case _:
            script.do(events.CancelRequested())
    assert [ended.reason for ended in decided(script, HoldEnded)] == [reason]


def test_a_hold_ends_where_what_it_held_waits_from_then_on() -> None:
    script, _ = happen(CT.CONFIRM, A.WAITING, EAGER)
    assert [ended.reason for ended in decided(script, HoldEnded)] == ["stopped", "waiting"]
    assert decided(script, HoldEnded)[-1].response_id is None, "nothing of it was heard"


@pytest.mark.parametrize(("reason", "trigger", "then"), [("silence", CT.END, "answer"), ("limit", CT.LIMIT, "answer")])
def test_a_turn_ends_by_a_decision(reason: str, trigger: CallerTrigger, then: str) -> None:
    script, _ = happen(trigger, A.IDLE, detecting())
    (ended,) = decided(script, TurnEnded)
    assert (ended.item_id, ended.reason, ended.then) == (script.last(actions.InputCommitted).item.id, reason, then)
    assert ended.at_ms == script.last(actions.SpeechStopped).audio_end_ms
    assert ended.quiet_ms == script.last(actions.SpeechStopped).quiet_ms


def test_a_turn_ends_when_no_sound_comes() -> None:
    script = stage(C.SPEAKING, A.IDLE)
    script.advance(1000)
    (ended,) = decided(script, TurnEnded)
    assert (ended.reason, ended.then) == ("no sound", "leave")
    assert ended.quiet_ms == pytest.approx(1020)


def test_a_turn_ends_after_the_longest_wait() -> None:
    script = Script(detecting(silence_duration_ms=3000, max_wait_ms=600))
    script.silence(500)
    script.speech(400)
    script.silence(80)
    for _ in range(20):
        script.cough(60)
        script.silence(80)
    assert [ended.reason for ended in decided(script, TurnEnded)][:1] == ["longest wait"]


@pytest.mark.parametrize("event", [events.CommitRequested(), events.ClearRequested(), events.Configured(manual())])
def test_a_turn_is_taken(event: events.Event) -> None:
    script = stage(C.SPEAKING, A.IDLE)
    script.do(event)
    assert [ended.reason for ended in decided(script, TurnEnded)] == ["taken"]


def test_a_turn_whose_answer_takes_the_place_of_a_reply_says_so() -> None:
    script, _ = happen(CT.END, A.WAITING, detecting())
    assert [ended.then for ended in decided(script, TurnEnded)] == ["answer instead"]


@pytest.mark.parametrize(
    ("reason", "trigger", "config"),
    [
        ("not allowed", CT.EVIDENCE, detecting(interrupt_response=False)),
        ("not allowed", CT.CONFIRM, detecting(interrupt_response=False)),
        ("misfire", CT.MISFIRE, EAGER),
        ("echo", CT.ECHO, EAGER),
        ("same speech", CT.NEXT, EAGER),
    ],
)
def test_a_barge_in_is_refused(reason: str, trigger: CallerTrigger, config: object) -> None:
    for agent in (A.THINKING, A.SPEAKING, A.DRAINING):
        _, batch = happen(trigger, agent, config)  # type: ignore[arg-type]
        refused = [action for action in batch if isinstance(action, BargeInRefused)]
        assert [action.reason for action in refused] == [reason]
        figures = refused[0].figures
        assert figures is not None
        if reason == "echo":
            assert figures.likeness == 0.9
    silent, batch = happen(trigger, A.IDLE, config)  # type: ignore[arg-type]
    assert not [action for action in batch if isinstance(action, BargeInRefused)], "there was nobody to interrupt"
    assert not decided(silent, Interrupted)


def test_every_rule_that_is_asked_is_told_where_that_is_wanted() -> None:
    script = talking()
    assert not decided(script, RuleAsked)
    script.conversation.explain(True)
    script.speech(80)
    assert [(asked.rule, asked.case, asked.outcome) for asked in decided(script, RuleAsked)] == [
        ("caller", "silent, evidence", "starting"),
        ("voice", "starting", "yes"),
        ("caller and agent", "evidence, speaking", "hold"),
        ("echo", "hold", "ignored if sure"),
        ("hold", "no, no", "held"),
        ("flow", "speaking, held", "keep"),
    ]
    joint = decided(script, RuleAsked)[2]
    assert joint.at_ms == 1580
    assert joint.figures is not None
    assert (joint.figures.level_db, joint.figures.evidence_ms) == (-20.0, 80.0)
    script.conversation.explain(False)
    before = len(decided(script, RuleAsked))
    script.speech(400)
    assert len(decided(script, RuleAsked)) == before


def test_a_record_is_readable() -> None:
    figures = Figures(-20.04, float("-inf"), 239.6, 200.2, 0.1234)
    assert explained(BargeInRefused("echo", 1740, figures)) == {
        "what": "barge-in refused",
        "why": "echo",
        "at_ms": 1740,
        "level_db": -20.0,
        "floor_db": -120.0,
        "evidence_ms": 240,
        "voiced_ms": 200,
        "likeness": 0.123,
    }
    assert explained(HoldEnded("expired", 1000.04, None)) == {
        "what": "hold ended",
        "why": "expired",
        "lasted_ms": 1000.0,
        "response_id": None,
    }


def test_what_happened_gives_the_same_decisions_again() -> None:
    script = talking(reports=True)
    script.conversation.explain(True)
    script.cough(100)
    script.silence(400)
    script.do(events.TimeLost(0.2))
    script.speech(400)
    script.do(ResponseRequested(script.config.response))
    script.silence(600)
    with pytest.raises(Exception, match="no active"):
        script.do(events.CancelRequested("resp_none"))
    script.say("fine", 300)
    script.finish()
    script.advance(2000)
    again = replay(script.happened, script.config, script.policy, script, Aligner(script), reports=True)
    since = len(again.decisions) - len(script.decisions)
    assert [kind for _, kind in again.decisions if not isinstance(kind, RuleAsked)] == [
        kind for _, kind in script.decisions if not isinstance(kind, RuleAsked)
    ]
    assert len(decided(script, Interrupted)) == 1
    assert again.decisions[since:] == script.decisions
    assert [str(error) for _, error in again.refused] == ["Cancellation failed: no active response found"]
    told = [(at, type(action)) for at, action in again.actions if not isinstance(action, Decision)]
    assert told == [(at, type(action)) for at, action in script.log]


def test_another_policy_decides_otherwise() -> None:
    script = talking()
    script.speech(240)
    assert decided(script, Interrupted)
    patient = CorePolicy(confirm_after_ms=400)
    again = replay(script.happened, script.config, patient, script, Aligner(script))
    assert not [decision for _, decision in again.decisions if isinstance(decision, Interrupted)]
