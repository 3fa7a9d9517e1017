"""How long words take to say."""

from __future__ import annotations

import pytest

from bargein.alignment.spoken_words import FINAL_LETTERS, JOINT_LETTERS, spoken_words


@pytest.mark.parametrize(
    ("word", "sounds"),
    [("time", 4), ("clock", 4), ("shell", 3), ("Thing", 3), ("schön", 3), ("light", 4), ("Alley", 4), ("it's", 3)],
)
def test_letters_that_are_one_sound_count_once(word: str, sounds: int) -> None:
    assert spoken_words(word)[0].letters == pytest.approx(JOINT_LETTERS + sounds)


def test_the_last_word_before_a_pause_is_drawn_out() -> None:
    plain, last = spoken_words("time time,")
    assert last.letters - plain.letters == pytest.approx(FINAL_LETTERS)
