"""The caller's side on literal times: turns that change hands, or their rules, half way."""

from __future__ import annotations

import math

import pytest

from bargein.core import actions, events
from support.conversation_script import Script, detecting, manual


def voice(script: Script) -> list[bool]:
    return [changed.speech for changed in script.all(actions.VoiceChanged)]


def test_speech_is_announced_though_interrupting_was_forbidden_while_it_was_weighed() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.silence(200)
    script.speech(100)
    assert script.all(actions.Held)
    script.do(events.Configured(detecting(interrupt_response=False)))
    script.speech(400)
    assert script.all(actions.Resumed)
    assert not script.all(actions.ResponseDone)
    script.silence(500)
    assert len(script.all(actions.SpeechStarted)) == 1
    assert script.last(actions.SpeechStopped).item_id == script.last(actions.SpeechStarted).item_id


@pytest.mark.parametrize("may_interrupt", [True, False])
def test_voicing_is_weighed_only_where_it_decides(may_interrupt: bool) -> None:
    script = Script(detecting(interrupt_response=may_interrupt))
    assert script.conversation.weigh_above_db == math.inf
    script.ask()
    assert (script.conversation.weigh_above_db < math.inf) is may_interrupt
    script.speech(400)
    assert script.conversation.weigh_above_db == math.inf


def test_the_idle_timeout_does_not_count_the_time_of_a_turn_that_interrupted() -> None:
    script = Script(detecting(idle_timeout_ms=5000, create_response=False))
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.silence(200)
    script.speech(6000)
    script.silence(600)
    assert len(script.all(actions.InputCommitted)) == 1
    assert not script.all(actions.IdleTimedOut)


def test_a_turn_that_was_committed_by_hand_ends_the_idle_time_too() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    script.be_answered()
    script.silence(4000)
    script.do(events.CommitRequested())
    script.silence(6000)
    assert not script.all(actions.IdleTimedOut)


@pytest.mark.parametrize("silence_duration_ms", [0, 20, 60])
def test_a_turn_ends_in_silence_however_short_that_is(silence_duration_ms: int) -> None:
    script = Script(detecting(silence_duration_ms=silence_duration_ms))
    script.silence(500)
    script.speech(1000)
    script.silence(200)
    assert len(script.all(actions.SpeechStopped)) == 1
    assert voice(script) == [True, False]


@pytest.mark.parametrize(
    "event", [events.ClearRequested(), events.CommitRequested(), events.Configured(manual())], ids=str
)
def test_a_turn_that_is_taken_by_hand_ends_the_voice_that_was_told(event: events.Event) -> None:
    script = Script()
    script.silence(500)
    script.speech(1000)
    script.do(event)
    assert voice(script) == [True, False]
    script.do(event if not isinstance(event, events.CommitRequested) else events.ClearRequested())
    assert voice(script) == [True, False]
