"""An utterance over a reply while it goes on: how much of it is speech, and what its words are good for by then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bargein.core import actions, decisions, events
from bargein.core.config import CorePolicy, Transcription
from bargein.core.decisions import UtteranceVerdict
from bargein.core.floor import CallerState
from support.conversation_script import SILENCE_DB, SPEECH_DB, Script, detecting

POLICY = CorePolicy(weighs=True, judges_words=True, confirm_after_ms=600, ask_after_ms=240, longest_nod_ms=900)


def over_a_reply(policy: CorePolicy = POLICY) -> Script:
    script = Script(detecting(), policy)
    script.silence(500)
    script.ask()
    script.say("one two three four five six", 9000)
    script.advance(500)
    script.silence(200)
    return script


def speak(script: Script, ms: int) -> None:
    """As people do: the level moves from window to window, or it would be taken for a tone."""
    for number in range(ms // 20):
        script.windows(20, 1.0, SPEECH_DB + (0.0, 6.0, 3.0)[number % 3])


def answer(script: Script, verdict: decisions.UtteranceVerdict | None, question: int = -1) -> None:
    asked = script.all(actions.StartJudging)[question]
    script.do(events.UtteranceJudged(asked.utterance_id, verdict, "words", 150.0, "whatever"))


def test_what_the_second_detector_hears_on_is_no_speech() -> None:
    """It says "speech" for 120 ms after the sound: without its level 300 ms would be 420."""
    script = over_a_reply(replace(POLICY, confirm_after_ms=320))
    speak(script, 300)
    script.windows(120, 1.0, SILENCE_DB)
    assert not script.all(actions.SpeechStarted)
    script.silence(200)
    [asked] = [asked for asked in script.all(actions.StartJudging) if asked.over]
    assert asked.figures.speech_ms == pytest.approx(300, abs=20)


def test_in_noise_what_is_nearly_as_loud_counts() -> None:
    """A consonant is hardly over the noise, and speech all the same."""
    script = Script(detecting(), replace(POLICY, confirm_after_ms=320))
    script.windows(2500, 0.0, -34.0)
    script.ask()
    script.say("one two three four five six", 9000)
    script.windows(400, 0.0, -34.0)
    for _ in range(5):
        for level_db in (-14.0, -20.0, -17.0, -28.0):
            script.windows(20, 1.0, level_db)
    assert script.all(actions.SpeechStarted)


def test_words_are_asked_for_while_it_goes_on() -> None:
    script = over_a_reply()
    speak(script, 220)
    assert not script.all(actions.StartJudging)
    speak(script, 20)
    [asked] = script.all(actions.StartJudging)
    fmt = script.config.input_format
    assert not asked.over
    assert asked.audio == script.conversation.caller.buffer.peek(
        asked_from := script.conversation.caller.buffer.end_sample - fmt.samples_of(len(asked.audio)),
        script.conversation.caller.buffer.end_sample,
    )
    assert asked_from > 0
    speak(script, 300)
    assert len(script.all(actions.StartJudging)) == 1, "one question at a time"


def test_a_word_that_is_no_backchannel_interrupts_at_once() -> None:
    script = over_a_reply()
    speak(script, 300)
    assert not script.all(actions.SpeechStarted)
    answer(script, "interruption")
    assert script.all(actions.SpeechStarted)
    told = [decision for _, decision in script.decisions if isinstance(decision, decisions.Judged)]
    assert [(one.verdict, one.judge, one.words, one.took_ms) for one in told] == [
        ("interruption", "words", "whatever", 0.0)
    ]


def test_a_backchannel_so_far_needs_more_to_be_confirmed_and_is_asked_about_again() -> None:
    script = over_a_reply()
    speak(script, 300)
    answer(script, "backchannel")
    speak(script, 580)
    assert not script.all(actions.SpeechStarted)
    assert [asked.over for asked in script.all(actions.StartJudging)] == [False, False]
    speak(script, 40)
    assert script.all(actions.SpeechStarted)
    second = script.all(actions.StartJudging)[1]
    assert script.last(actions.StopJudging).utterance_id == second.utterance_id, "nobody waits for the answer any more"


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize(("verdict", "confirmed"), [("backchannel", False), ("noise", True), (None, True)])
def test_only_a_backchannel_so_far_needs_more_to_be_confirmed(
    verdict: UtteranceVerdict | None, confirmed: bool, quiet: bool
) -> None:
    """Also where the answer comes in a short quiet, and it is taken up."""
    script = over_a_reply()
    speak(script, 300)
    [asked] = script.all(actions.StartJudging)
    if quiet:
        script.silence(160)
    assert script.conversation.caller.state is (CallerState.JUDGING if quiet else CallerState.STARTING)
    script.do(events.UtteranceJudged(asked.utterance_id, verdict, "words", 150.0))
    speak(script, 400)
    assert bool(script.all(actions.SpeechStarted)) is confirmed


def test_what_is_not_certain_is_asked_about_again() -> None:
    """The first fragment of most sentences says nothing yet."""
    script = over_a_reply(replace(POLICY, confirm_after_ms=2000))
    for number in range(1, 5):
        speak(script, 260)
        assert len(script.all(actions.StartJudging)) == number
        answer(script, None)
    assert not script.all(actions.SpeechStarted)
    speak(script, 260)
    answer(script, "interruption")
    assert script.all(actions.SpeechStarted)


def test_without_an_answer_it_is_confirmed_by_its_sound() -> None:
    script = over_a_reply()
    speak(script, 580)
    assert not script.all(actions.SpeechStarted)
    speak(script, 40)
    assert script.all(actions.SpeechStarted)


def test_its_end_is_judged_by_all_of_its_words() -> None:
    script = over_a_reply()
    speak(script, 300)
    answer(script, "backchannel")
    script.silence(160)
    assert [asked.over for asked in script.all(actions.StartJudging)] == [False, True]
    answer(script, "interruption")
    assert script.all(actions.SpeechStarted)


def test_the_next_utterance_is_asked_about_anew() -> None:
    script = over_a_reply()
    speak(script, 300)
    answer(script, "backchannel")
    script.silence(160)
    answer(script, "backchannel")
    script.silence(2500)
    speak(script, 620)
    assert script.all(actions.SpeechStarted), "what was known of the one before is forgotten"


def test_an_answer_that_comes_when_all_is_decided_is_dropped() -> None:
    script = over_a_reply()
    speak(script, 620)
    [started] = script.all(actions.SpeechStarted)
    answer(script, "interruption")
    answer(script, "backchannel")
    assert script.all(actions.SpeechStarted) == [started]
    assert not [decision for _, decision in script.decisions if isinstance(decision, decisions.Judged)]


def test_without_a_recogniser_for_this_caller_its_sound_decides_as_soon_as_for_any() -> None:
    judged = replace(POLICY, confirm_after_ms=320, confirm_judged_ms=550, knows_recogniser=False)
    for policy, transcription, confirmed_ms in [
        (judged, None, 320),
        (judged, Transcription("whisper-1"), 550),
        (replace(judged, knows_recogniser=True), None, 550),
        (replace(judged, judges_words=False), Transcription("whisper-1"), 320),
    ]:
        script = over_a_reply(policy)
        script.do(events.Configured(replace(script.config, transcription=transcription)))
        speak(script, confirmed_ms - 40)
        assert not script.all(actions.SpeechStarted)
        assert bool(script.all(actions.StartJudging)) is (confirmed_ms == 550)
        speak(script, 60)
        assert script.all(actions.SpeechStarted)


def test_zero_asks_when_it_has_ended() -> None:
    script = over_a_reply(replace(POLICY, ask_after_ms=0))
    speak(script, 500)
    script.silence(160)
    assert [asked.over for asked in script.all(actions.StartJudging)] == [True]
