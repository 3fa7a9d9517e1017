"""How long a pause may last: the rule on literal figures, and turns that end by it."""

from __future__ import annotations

import pytest

from bargein.core import actions
from bargein.core.config import TurnDetection
from bargein.core.turn_end import Eagerness, Pause, PhraseEnd, Rhythm, is_dictated, wait_ms
from support.conversation_script import Script, detecting


@pytest.mark.parametrize(
    ("eagerness", "fell", "unknown", "between", "hung"),
    [("low", 1000, 1200, 1200, 1400), ("medium", 560, 640, 640, 800), ("high", 320, 400, 400, 480)],
)
def test_a_voice_that_fell_is_waited_for_less_than_one_that_hung(
    eagerness: Eagerness, fell: int, unknown: int, between: int, hung: int
) -> None:
    waits = [wait_ms(Pause((900,), (), None, slope), eagerness) for slope in (-10.0, None, -5.0, -2.0)]
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
        assert wait_ms(Pause((900,), (), None, slope, phrase), eagerness) == waited_ms


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
    assert wait_ms(Pause(bursts_ms, pauses_ms, usual_ms), "medium") == waited_ms


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
    assert wait_ms(pause, "medium") == waited_ms


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
