"""What is held while it is decided whether the caller interrupts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bargein.core import actions, events
from bargein.core.audio import PCM16_24K
from bargein.core.config import CorePolicy
from bargein.core.history import Heard
from support.conversation_script import SILENCE_DB, SPEECH_DB, Script, detecting, manual


def test_what_was_gated_is_told_in_the_order_in_which_the_model_said_it() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.cough(80)
    for word in ("one ", "two ", "three "):
        script.say(word, 300)
    script.finish()
    assert not script.words_told()
    script.silence(200)
    script.advance(2000)
    assert script.words_told() == "one two three "
    assert script.last(actions.ResponseDone).response.status == "completed"


@pytest.mark.parametrize("second_ms", [700, 5000])
def test_a_second_cut_never_tells_more_as_heard_than_the_first(second_ms: int) -> None:
    script = Script(manual())
    script.ask()
    script.say("one two three four", 2000)
    script.finish()
    item_id = script.last(actions.OutputItemAdded).item.id
    script.advance(3000)
    script.do(events.ItemTruncateRequested(item_id, 0, 600))
    script.do(events.ItemTruncateRequested(item_id, 0, second_ms))
    assert script.conversation.history.heard[item_id] == Heard(PCM16_24K.samples_in_ms(600), "one")
    script.do(events.ItemTruncateRequested(item_id, 0, 100))
    assert script.conversation.history.heard[item_id] == Heard(PCM16_24K.samples_in_ms(100), "")


DUCKING = CorePolicy(duck_db=18.0)


def ducked(*, policy: CorePolicy = DUCKING, finish: bool = False, lasts_ms: int = 3000) -> Script:
    """A reply is held for a caller whose player plays on quietly; it has heard 500 ms of it."""
    script = Script(detecting(), policy, reports=True)
    script.silence(500)
    script.ask()
    script.say("one two three four five six", lasts_ms)
    if finish:
        script.finish()
    item_id = script.last(actions.OutputItemAdded).item.id
    script.advance(500)
    script.do(events.PlaybackReported(script.last(actions.ResponseCreated).response.id, item_id, 12_000, True))
    script.cough(80)
    return script


def report(script: Script, ms: int, *, probability: float = 0.0) -> None:
    """The player plays on, and says so ten times a second; the caller goes on to speak, or not."""
    item_id = script.last(actions.OutputItemAdded).item.id
    for _ in range(ms // 100):
        script.windows(100, probability, SPEECH_DB if probability else SILENCE_DB)
        heard = script.conversation.agent.playout.heard_now(item_id, script.now)
        if heard is not None:
            script.do(events.PlaybackReported(script.last(actions.ResponseCreated).response.id, item_id, heard, True))


def test_a_reply_that_is_ducked_is_sent_on_and_ends_while_it_is_held() -> None:
    script = ducked(finish=True)
    assert script.last(actions.Held).duck_db == 18.0
    sent = sum(sound.sample_count for sound in script.all(actions.AudioSent))
    report(script, 100)
    assert script.conversation.agent.held
    assert sum(sound.sample_count for sound in script.all(actions.AudioSent)) - sent == pytest.approx(2400, abs=2400)
    report(script, 2500)
    assert [held.duck_db for held in script.all(actions.Held)] == [18.0]
    assert script.last(actions.ResponseDone).response.status == "completed"


def test_what_was_played_ducked_counts_as_heard() -> None:
    """The place is the player's word, as always: it goes on during the hold, and the flush tells the last of it."""
    script = ducked()
    before = script.last(actions.Held).at_sample
    report(script, 300, probability=1.0)
    flushed = script.last(actions.Flushed)
    script.do(events.PlaybackFlushed(flushed.response_id, flushed.item_id, before + 9000))
    cut = script.last(actions.Cut)
    assert cut.heard_samples == before + 9000
    assert script.conversation.history.heard[cut.item_id].samples == before + 9000


def test_a_ducked_reply_goes_on_from_where_it_is() -> None:
    script = ducked()
    at = script.last(actions.Held).at_sample
    report(script, 200)
    resumed = script.last(actions.Resumed)
    assert resumed.from_sample - at == pytest.approx(24 * 200, abs=24 * 120)
    sounds = script.all(actions.AudioSent)
    assert [sound.start_sample for sound in sounds[1:]] == [
        sound.start_sample + sound.sample_count for sound in sounds[:-1]
    ]


def test_a_caller_who_reports_nothing_is_not_ducked() -> None:
    script = Script(detecting(), DUCKING)
    script.silence(500)
    script.ask()
    script.say("one two three four five six", 3000)
    script.advance(500)
    script.cough(80)
    assert script.last(actions.Held).duck_db is None
    sent = len(script.all(actions.AudioSent))
    script.advance(150)
    assert len(script.all(actions.AudioSent)) == sent


def test_nobody_is_ducked_whose_echo_is_taken_out() -> None:
    """The filter knows one loudness of the loudspeaker."""
    script = ducked()
    script.silence(400)
    script.conversation.echo.delay_s = 0.1
    script.cough(80)
    assert [held.duck_db for held in script.all(actions.Held)] == [18.0, None]


def test_the_reply_behind_a_ducked_one_waits() -> None:
    """What is heard quietly ends; the next must not begin to sound before it is decided."""
    script = ducked(policy=replace(DUCKING, lead_ms=2000, hold_limit_ms=5000), finish=True, lasts_ms=1900)
    script.ask()
    script.say("and another", 500)
    script.speech(100)
    assert script.conversation.agent.held
    assert len(script.all(actions.OutputItemAdded)) == 1
    script.silence(300)
    assert len(script.all(actions.OutputItemAdded)) == 2


def test_the_idle_timeout_is_exact() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    script.silence(200)
    script.ask()
    script.say("are you there", 1000)
    script.finish()
    script.advance(10_000)
    assert script.at(actions.IdleTimedOut) == 200 + 1000 + 5000
