"""Words that are asked for in a pause, and what comes of them for the end of the turn."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.config import CorePolicy, SessionConfig, TurnDetection
from bargein.core.decisions import PauseJudged
from bargein.core.phrases import BEFORE_MS, LONGEST_MS
from bargein.core.turn_end import NOTICED_MS, WAITS, PhraseEnd
from support.conversation_script import Script

MEDIUM = WAITS["medium"]


def paused(speech_ms: int = 1200, *, hears: bool = True, detection: TurnDetection | None = None) -> Script:
    """A caller who has just paused for long enough to be noticed."""
    detection = detection or TurnDetection(eagerness="medium")
    script = Script(SessionConfig(turn_detection=detection), CorePolicy(hears_phrases=hears))
    script.silence(500)
    script.speech(speech_ms)
    script.silence(NOTICED_MS)
    return script


def heard(script: Script, end: PhraseEnd | None) -> None:
    script.do(events.PhraseHeard(script.last(actions.StartPhrase).phrase_id, end))


def ended_ms(script: Script) -> int:
    """How long the pause lasts before the turn is over."""
    for passed_ms in range(NOTICED_MS, 5000, 20):
        if script.all(actions.SpeechStopped):
            return passed_ms
        script.silence(20)
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    ("end", "lasts_ms"),
    [("finished", MEDIUM.fell), ("open", MEDIUM.open), ("dictated", MEDIUM.hung), (None, MEDIUM.usual)],
)
def test_how_what_was_said_ends_decides_how_long_the_pause_may_last(end: PhraseEnd | None, lasts_ms: int) -> None:
    script = paused()
    heard(script, end)
    assert ended_ms(script) == lasts_ms


def test_what_the_words_decide_is_said() -> None:
    script = paused()
    heard(script, "open")
    judged = [
        (decision.reason, decision.wait_ms) for _, decision in script.decisions if isinstance(decision, PauseJudged)
    ]
    assert judged == [("nothing known", MEDIUM.usual), ("open phrase", MEDIUM.open)]


def test_without_an_answer_the_sound_decides() -> None:
    assert ended_ms(paused()) == MEDIUM.usual


def test_a_later_answer_may_end_the_turn_at_once() -> None:
    script = paused()
    script.silence(MEDIUM.usual - NOTICED_MS - 20)
    heard(script, "finished")
    script.silence(20)
    assert script.all(actions.SpeechStopped)


def test_the_turn_so_far_is_heard_from_a_little_before_its_onset() -> None:
    script = paused(1200)
    asked = script.last(actions.StartPhrase)
    assert asked.format.ms_of(asked.format.samples_of(len(asked.audio))) == BEFORE_MS + 1200 + NOTICED_MS


def test_of_a_long_turn_the_end_is_heard() -> None:
    script = paused()
    for _ in range(8):  # Nobody speaks for long without a break: what does not vary is a noise.
        script.speech(1500)
        script.silence(NOTICED_MS)
    asked = script.last(actions.StartPhrase)
    assert asked.format.ms_of(asked.format.samples_of(len(asked.audio))) == LONGEST_MS


def test_each_pause_is_asked_about_once_and_the_one_before_not_any_more() -> None:
    script = paused()
    script.silence(200)
    script.speech(600)
    assert script.last(actions.StopPhrase).phrase_id == script.all(actions.StartPhrase)[0].phrase_id
    script.silence(NOTICED_MS)
    assert len(script.all(actions.StartPhrase)) == 2


def test_an_answer_about_a_pause_that_is_over_changes_nothing() -> None:
    script = paused()
    asked = script.last(actions.StartPhrase)
    script.speech(600)
    script.silence(NOTICED_MS)
    script.do(events.PhraseHeard(asked.phrase_id, "open"))
    assert ended_ms(script) == MEDIUM.usual


def test_when_the_turn_ends_nobody_is_asked_any_more() -> None:
    script = paused()
    ended_ms(script)
    assert script.last(actions.StopPhrase).phrase_id == script.last(actions.StartPhrase).phrase_id
    heard(script, "open")


@pytest.mark.parametrize(("hears", "detection"), [(False, TurnDetection(eagerness="medium")), (True, TurnDetection())])
def test_nobody_is_asked_where_nobody_hears_or_silence_alone_decides(hears: bool, detection: TurnDetection) -> None:
    assert not paused(hears=hears, detection=detection).all(actions.StartPhrase)
