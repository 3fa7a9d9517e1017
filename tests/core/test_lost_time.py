"""The process stood still for a while: what was waited for has so much longer. And how long a tail is waited for."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.floor import AgentState
from support.conversation_script import Script, detecting

LOST_S = 5.0


def in_a_reply(*, reports: bool = True) -> Script:
    script = Script(detecting(), reports=reports)
    script.silence(500)
    script.ask()
    script.say("one two three four five six", 9000)
    script.silence(500)
    return script


def stand_still(script: Script) -> None:
    """The first thing that happens after it is that all timers are due."""
    script.now += LOST_S
    script.do(events.TimeLost(LOST_S))
    script.do(events.TimerFired())


def test_a_hold_lasts_as_long_as_it_would_have() -> None:
    script = in_a_reply(reports=False)
    script.speech(80)
    assert script.conversation.agent.held
    stand_still(script)
    assert script.conversation.agent.held
    script.advance(1001)
    assert not script.conversation.agent.held


def test_a_player_has_its_time_to_say_where_it_stopped() -> None:
    script = in_a_reply()
    script.speech(400)
    assert script.all(actions.Flushed)
    stand_still(script)
    assert not script.all(actions.Cut)
    script.advance(301)
    assert script.all(actions.Cut)


def tail() -> Script:
    """A response is done, and its player has said that it stands, and says no more."""
    script = Script(detecting(), reports=True)
    script.silence(500)
    script.ask()
    script.say("welcome", 300)
    script.finish()
    sent = script.last(actions.AudioSent)
    script.do(events.PlaybackReported(sent.response_id, sent.item_id, 2400, playing=False))
    assert script.conversation.agent.state is AgentState.DRAINING
    return script


def s_until_idle(script: Script) -> float:
    began = script.now
    while script.conversation.agent.state is not AgentState.IDLE:
        script.silence(20)
    return script.now - began


def test_a_tail_is_waited_for_as_long_as_it_would_have_been() -> None:
    usual = s_until_idle(tail())
    script = tail()
    stand_still(script)
    assert s_until_idle(script) == pytest.approx(usual, abs=0.02)


def test_a_tail_that_was_held_is_waited_for_anew() -> None:
    """Its player was told to pause, and is told to play on."""
    usual = s_until_idle(tail())
    script = tail()
    script.silence(500)
    script.cough(80)
    assert script.conversation.agent.held
    while not script.all(actions.Resumed):
        script.silence(20)
    assert s_until_idle(script) == pytest.approx(usual, abs=0.02)


def test_a_player_has_heard_no_more_than_it_was_sent() -> None:
    script = in_a_reply()
    script.speech(400)
    flushed = script.last(actions.Flushed)
    sent = sum(sound.sample_count for sound in script.all(actions.AudioSent))
    script.do(events.PlaybackFlushed(flushed.response_id, flushed.item_id, 10**9))
    assert script.last(actions.Cut).heard_samples == sent
