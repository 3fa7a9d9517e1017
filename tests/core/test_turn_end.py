"""How long a pause may last: the rule on literal figures, and turns that end by it."""

from __future__ import annotations

import pytest

from bargein.core import actions
from bargein.core.config import TurnDetection
from bargein.core.decisions import PauseJudged, PauseReason
from bargein.core.turn_end import Eagerness, Pause, PauseWait, PhraseEnd, Rhythm, is_dictated, wait
from bargein.wire.decision_records import explained
from support.conversation_script import Script, detecting


@pytest.mark.parametrize(
    ("eagerness", "fell", "unknown", "between", "hung"),
    [("low", 1000, 1200, 1200, 1400), ("medium", 560, 640, 640, 800), ("high", 320, 400, 400, 480)],
)
def test_a_voice_that_fell_is_waited_for_less_than_one_that_hung(
    eagerness: Eagerness, fell: int, unknown: int, between: int, hung: int
) -> None:
    waits = [wait(Pause((900,), (), None, slope), eagerness).ms for slope in (-10.0, None, -5.0, -2.0)]
    assert waits == [fell, unknown, between, hung]


@pytest.mark.parametrize(
    ("eagerness", "phrase", "waited_ms"),
    [
        ("low", "finished", 1000),
        ("low", "open", 2000),
        ("low", "dictated", 1400),
        ("medium", "finished", 560),
        ("medium", "open", 1200),
        ("medium", "dictated", 800),
        ("high", "finished", 320),
        ("high", "open", 700),
        ("high", "dictated", 480),
    ],
)
def test_words_count_more_than_how_the_voice_moved(eagerness: Eagerness, phrase: PhraseEnd, waited_ms: int) -> None:
    for slope in (-10.0, None, -2.0):
        assert wait(Pause((900,), (), None, slope, phrase), eagerness).ms == waited_ms


@pytest.mark.parametrize(
    ("pauses_ms", "usual_ms", "waited_ms"),
    [
        ((), None, 640),
        ((), 500, 640),
        ((), 600, 660),
        ((), 900, 680),
        ((600,), None, 660),
        ((300, 900), 300, 680),
    ],
)
def test_who_pauses_for_long_is_waited_for_longer(
    pauses_ms: tuple[int, ...], usual_ms: int | None, waited_ms: int
) -> None:
    bursts_ms = (3000, 400, 900)[: len(pauses_ms) + 1]
    assert wait(Pause(bursts_ms, pauses_ms, usual_ms), "medium").ms == waited_ms


@pytest.mark.parametrize(
    ("bursts_ms", "dictated"),
    [
        ((400,), False),
        ((400, 420), True),
        ((400, 1000), True),
        ((400, 1001), False),
        ((1400, 1500, 1450), True),
        ((1501, 1500), False),
        ((300, 310, 290, 2000), False),
    ],
)
def test_short_bursts_of_like_length_are_dictation(bursts_ms: tuple[int, ...], dictated: bool) -> None:
    assert is_dictated(bursts_ms) is dictated


@pytest.mark.parametrize(
    ("bursts", "longest_pause_ms", "waited_ms"),
    [(2, 600, 680), (3, 900, 680), (4, 400, 640), (4, 700, 875), (6, 900, 1000)],
)
def test_where_it_is_plain_that_something_is_dictated_the_rhythm_counts(
    bursts: int, longest_pause_ms: int, waited_ms: int
) -> None:
    pause = Pause((400,) * bursts, (longest_pause_ms,) * (bursts - 1), None)
    assert wait(pause, "medium").ms == waited_ms


@pytest.mark.parametrize(
    ("pause", "waited_ms", "why"),
    [
        (Pause((900,), (), None), 640, "nothing known"),
        (Pause((900,), (), None, -5.0), 640, "nothing known"),
        (Pause((900,), (), None, -12.0), 560, "voice fell"),
        (Pause((900,), (), None, 1.0), 800, "voice hung"),
        (Pause((900,), (), None, 1.0, "finished"), 560, "finished phrase"),
        (Pause((900,), (), None, -12.0, "open"), 1200, "open phrase"),
        (Pause((900,), (), None, None, "dictated"), 800, "dictated words"),
        (Pause((900,), (), 600, -12.0), 660, "own pauses"),
        (Pause((3000, 900), (600,), None), 660, "own pauses"),
        (Pause((400,) * 4, (700,) * 3, None), 875, "dictation"),
        # What asks for no more than is waited for anyway is not why.
        (Pause((400,) * 4, (400,) * 3, None), 640, "nothing known"),
        (Pause((900,), (), 600, 1.0), 800, "voice hung"),
    ],
)
def test_a_wait_says_why_it_is_so_long(pause: Pause, waited_ms: int, why: PauseReason) -> None:
    assert wait(pause, "medium") == PauseWait(waited_ms, why)


def test_one_long_pause_is_not_what_a_caller_does() -> None:
    rhythm = Rhythm()
    for pause_ms in (300, 900):
        rhythm.paused(1000)
        rhythm.went_on(pause_ms)
    assert rhythm.paused(1000) == Pause((1000, 1000, 1000), (300, 900), 300)
    rhythm.ended()
    assert rhythm.paused(700) == Pause((700,), (), 300)


def test_a_turn_that_was_cut_off_keeps_its_rhythm() -> None:
    rhythm = Rhythm()
    rhythm.paused(400)
    rhythm.went_on(500)
    rhythm.paused(410)
    rhythm.ended()
    rhythm.was_cut_off(800)
    assert rhythm.paused(390) == Pause((400, 410, 390), (500, 800), 500)


# In a conversation.


def semantic(eagerness: Eagerness = "medium", silence_duration_ms: int = 640) -> Script:
    script = Script(detecting(silence_duration_ms=silence_duration_ms, eagerness=eagerness, max_wait_ms=4000))
    script.silence(500)
    return script


@pytest.mark.parametrize(("slope", "waited_ms"), [(None, 640), (-12.0, 560), (1.0, 800)])
def test_the_turn_ends_when_the_pause_has_lasted_as_long_as_it_may(slope: float | None, waited_ms: int) -> None:
    script = semantic()
    script.pitch_st_per_s = slope
    script.speech(1000)
    script.silence(1500)
    assert script.at(actions.SpeechStopped) == 500 + 1000 + waited_ms


def test_it_is_decided_once_a_pause_how_long_it_may_last() -> None:
    script = semantic()
    script.pitch_st_per_s = -12.04
    script.speech(1000)
    script.silence(400)
    script.speech(600)
    script.silence(1500)
    judged = [decision for _, decision in script.decisions if isinstance(decision, PauseJudged)]
    assert judged == [
        PauseJudged("voice fell", 560, 1700, -12.04, None, None),
        PauseJudged("voice fell", 560, 2700, -12.04, 400, None),
    ]
    assert explained(judged[1]) == {
        "what": "pause",
        "why": "voice fell",
        "at_ms": 2700,
        "wait_ms": 560,
        "slope_st_per_s": -12.0,
        "longest_pause_ms": 400,
        "usual_pause_ms": None,
    }


def test_nothing_is_decided_of_a_pause_whose_length_is_given() -> None:
    script = Script(detecting(silence_duration_ms=640))
    script.silence(500)
    script.speech(1000)
    script.silence(1500)
    assert script.all(actions.SpeechStopped)
    assert not [decision for _, decision in script.decisions if isinstance(decision, PauseJudged)]


def test_digits_are_waited_for() -> None:
    script = semantic()
    for _ in range(4):
        script.speech(400)
        script.silence(600)
    assert not script.all(actions.SpeechStopped)
    script.silence(400)
    # An end of a burst is heard as long as it takes to be sure that it began: 600 ms of silence are 620 until speech.
    assert script.at(actions.SpeechStopped) == 500 + 4 * 400 + 3 * 600 + 750 + 10


def test_a_digit_that_came_too_late_is_waited_for_the_next_time() -> None:
    script = semantic()
    for _ in range(4):
        script.speech(400)
        script.silence(800)
    # The first three were cut off; by then it is plain what this is.
    assert len(script.all(actions.SpeechStopped)) == 3
    script.silence(200)
    assert len(script.all(actions.SpeechStopped)) == 4


def test_server_vad_waits_for_what_it_was_told() -> None:
    script = Script(detecting(silence_duration_ms=500))
    script.silence(500)
    script.pitch_st_per_s = 5.0
    for _ in range(3):
        script.speech(400)
        script.silence(440)
    script.silence(60)
    assert script.at(actions.SpeechStopped) == 500 + 3 * 400 + 2 * 440 + 500


def test_the_longest_wait_stays_the_ceiling() -> None:
    script = Script(detecting(silence_duration_ms=1200, eagerness="low", max_wait_ms=600))
    script.silence(500)
    script.speech(1000)
    script.silence(1000)
    assert script.at(actions.SpeechStopped) == 500 + 1000 + 600


def test_the_longest_silence_is_known_before() -> None:
    assert TurnDetection(silence_duration_ms=640, eagerness="medium").longest_silence_ms == 1000
    assert TurnDetection(silence_duration_ms=3000).longest_silence_ms == 3000
