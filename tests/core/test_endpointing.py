"""Where a caller's turn begins and ends, at the figures that decide."""

from __future__ import annotations

from bargein.core import actions, events
from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.core.config import SessionConfig, TurnDetection
from bargein.core.noise_floor import QUIETEST_DB
from support.conversation_script import Script, detecting

GATE_DB = QUIETEST_DB + 9.0
"""What begins as speech is no quieter than this over silence."""


def test_speech_that_goes_on_may_be_quieter_than_speech_that_begins() -> None:
    script = Script()
    script.silence(2000)
    script.windows(600, 1.0, GATE_DB - 2.0)
    assert not script.all(actions.SpeechStarted)
    script.silence(500)
    script.speech(600)
    script.windows(600, 1.0, GATE_DB - 2.0)
    assert not script.all(actions.SpeechStopped)
    script.windows(500, 1.0, GATE_DB - 4.0)
    assert script.last(actions.SpeechStopped).audio_end_ms == 2000 + 600 + 500 + 600 + 600 + 500


def test_breath_and_clicks_put_off_the_end_of_a_turn_no_longer_than_the_longest_wait() -> None:
    script = Script(detecting(silence_duration_ms=1500, max_wait_ms=2000))
    script.silence(500)
    script.speech(1000)
    script.silence(1000)
    script.cough(60)
    script.silence(1000)
    assert script.at(actions.SpeechStopped) == 500 + 1000 + 2000


def test_who_speaks_on_begins_the_longest_wait_anew() -> None:
    script = Script(detecting(silence_duration_ms=1500, max_wait_ms=2000))
    script.silence(500)
    script.speech(1000)
    script.silence(1000)
    script.speech(200)
    script.silence(1480)
    assert not script.all(actions.SpeechStopped)
    script.silence(20)
    assert script.at(actions.SpeechStopped) == 500 + 1000 + 1000 + 200 + 1500


def test_another_input_format_is_measured_at_its_own_rate() -> None:
    script = Script(SessionConfig(input_format=PCM16_24K, turn_detection=TurnDetection()))
    script.silence(500)
    script.do(events.Configured(SessionConfig(input_format=PCMU_8K, turn_detection=TurnDetection())))
    script.silence(500)
    script.speech(1000)
    script.silence(480)
    assert not script.all(actions.SpeechStopped)
    script.silence(20)
    stopped = script.last(actions.SpeechStopped)
    assert stopped.audio_end_ms == 500 + 500 + 1000 + 500


def test_speech_in_another_format_is_confirmed_at_its_own_rate() -> None:
    script = Script(SessionConfig(input_format=PCM16_24K, turn_detection=TurnDetection()))
    script.silence(500)
    script.do(events.Configured(SessionConfig(input_format=PCMU_8K, turn_detection=TurnDetection())))
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.speech(220)
    assert script.all(actions.Held)
    assert not script.all(actions.CancelStream)
    script.speech(20)
    assert script.all(actions.CancelStream)
