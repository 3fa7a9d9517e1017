"""From a position in the sound to a position in the transcript."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargein.alignment.heard_words import Transcript
from bargein.alignment.voiced_clock import STEP_MS, SpeechCurve

RATE_HZ = 24_000
LOUD, QUIET = -20.0, -80.0


def levels(*runs: tuple[float, int]) -> list[float]:
    """Levels from runs of (level, ms)."""
    return [level for level, ms in runs for _ in range(ms // STEP_MS)]


def transcript(text: str, at_sample: int = 0) -> Transcript:
    made = Transcript(RATE_HZ)
    made.add(text, at_sample)
    return made


def heard(made: Transcript, at_ms: int, sound: list[float], *, finished: bool = True) -> str:
    received = len(sound) * STEP_MS * RATE_HZ // 1000
    count = made.heard_characters(
        at_ms * RATE_HZ // 1000, received, finished=finished, curve=SpeechCurve(sound, [False] * len(sound))
    )
    return made.text[:count]


def test_nothing_heard_is_no_words_and_all_heard_is_all() -> None:
    sound = levels((LOUD, 1000))
    assert heard(transcript("one two three"), 0, sound) == ""
    assert heard(transcript("one two three"), 1000, sound) == "one two three"


def test_half_a_word_is_not_a_word() -> None:
    assert heard(transcript("aaaa bbbb cccc"), 1000, levels((LOUD, 3000))) == "aaaa"


def test_silence_holds_no_words() -> None:
    """Half of the time is a pause, and the pause is where the comma is."""
    sound = levels((LOUD, 1000), (QUIET, 2000), (LOUD, 1000))
    for at_ms in (1200, 2000, 2990):
        assert heard(transcript("aaaa bbbb, cccc dddd"), at_ms, sound) == "aaaa bbbb,"


def test_a_pause_without_punctuation_is_not_the_end_of_a_clause() -> None:
    sound = levels((LOUD, 700), (QUIET, 200), (LOUD, 700), (QUIET, 300), (LOUD, 1400))
    assert heard(transcript("aaaaaa bbb cccccc, dddddd eee ffffff"), 1700, sound) == "aaaaaa bbb cccccc,"


@pytest.mark.parametrize("letters_per_s", [10, 18])
def test_the_pace_of_a_voice_is_learnt_from_its_pauses(letters_per_s: int) -> None:
    text = "aaaa bbbb, cccc dddd, eeee ffff, gggg hhhh iiii jjjj kkkk llll"
    clause_ms = round(9000 / letters_per_s / STEP_MS) * STEP_MS
    sound = levels((LOUD, clause_ms), (QUIET, 300), (LOUD, clause_ms), (QUIET, 300), (LOUD, clause_ms), (QUIET, 300))
    sound += levels((LOUD, 3 * clause_ms))
    half_way = 3 * (clause_ms + 300) + clause_ms
    assert heard(transcript(text), half_way, sound, finished=False).endswith("gggg hhhh")


@pytest.mark.parametrize(
    ("text", "hissing", "at_step", "words"),
    [
        # By their letters alone it would still be the first word.
        ("mama sosh", [(18, 32)], 35, "mama sosh"),
        # By their letters alone it would be the second one already.
        ("sosh mama", [(0, 8), (26, 34)], 38, "sosh"),
    ],
)
def test_letters_that_hiss_are_found_where_it_hisses(
    text: str, hissing: list[tuple[int, int]], at_step: int, words: str
) -> None:
    made = transcript(text)
    hisses = [any(begin <= step < end for begin, end in hissing) for step in range(50)]
    for curve, expected in (
        (SpeechCurve([LOUD] * 50, hisses), words),
        (SpeechCurve([LOUD] * 50, [False] * 50), {"mama sosh": "mama", "sosh": "sosh mama"}[words]),
    ):
        at_sample = RATE_HZ * at_step * STEP_MS // 1000
        count = made.heard_characters(at_sample, RATE_HZ, finished=True, curve=curve)
        assert made.text[:count] == expected


def test_a_word_ends_where_the_level_dips() -> None:
    """By their letters alone the first would end half way."""
    made = transcript("momo nana")
    assert heard(made, 740, levels((LOUD, 1000))) == "momo nana"
    assert heard(made, 740, levels((LOUD, 580), (LOUD - 8, 40), (LOUD, 380))) == "momo"


@pytest.mark.parametrize("finished", [True, False])
def test_a_minute_without_punctuation_is_followed(finished: bool) -> None:
    sound = levels(*[(LOUD, 360), (LOUD - 8, 40)] * 150)
    made = transcript("abcdef " * (150 if finished else 170))
    assert heard(made, 30_010, sound, finished=finished).count("abcdef") == 75


def test_scripts_without_spaces_are_cut_between_characters() -> None:
    sound = levels((LOUD, 1200), (QUIET, 300), (LOUD, 1400))
    assert heard(transcript("今日は天気がいい。散歩に行きましょう。"), 1350, sound) == "今日は天気がいい。"


def test_a_word_cannot_be_heard_before_it_arrived() -> None:
    made = Transcript(RATE_HZ)
    made.add("one ", 0)
    made.add("two ", RATE_HZ)
    made.add("three ", 2 * RATE_HZ)
    assert heard(made, 900, levels((LOUD, 3000)), finished=False).strip() == "one"


def test_without_levels_all_sound_counts_as_voice() -> None:
    made = transcript("aaaa bbbb cccc dddd")
    count = made.heard_characters(RATE_HZ, 2 * RATE_HZ, finished=True, curve=SpeechCurve([], []))
    assert made.text[:count] == "aaaa bbbb"


@settings(deadline=None)
@given(
    words=st.lists(st.sampled_from(["a", "word,", "another", "end.", "längere", "…"]), min_size=1, max_size=30),
    runs=st.lists(st.tuples(st.sampled_from([LOUD, QUIET]), st.integers(1, 60)), min_size=1, max_size=12),
    finished=st.booleans(),
)
def test_what_was_heard_grows_word_by_word(words: list[str], runs: list[tuple[float, int]], finished: bool) -> None:
    made = transcript(" ".join(words))
    sound = levels(*((level, count * STEP_MS) for level, count in runs))
    before = ""
    for at_ms in range(0, len(sound) * STEP_MS + 1, 3 * STEP_MS):
        now = heard(made, at_ms, sound, finished=finished)
        assert now.startswith(before)
        assert now in {"", *(" ".join(words[:count]) for count in range(1, len(words) + 1))}
        before = now
