"""Levels relative to full scale."""

import numpy as np
import pytest

from bargein.sound.levels import SILENCE_DB, loudness, mean_square_of, power_db

SQUARE = np.tile(np.array([16_384, -16_384], np.int16), 2_400)


def test_levels_of_known_sounds() -> None:
    assert power_db(mean_square_of(SQUARE)) == pytest.approx(-6.02, abs=0.01)
    assert power_db(mean_square_of(np.full(100, -32_768, np.int16))) == pytest.approx(0.0, abs=0.01)


def test_silence_and_nothing_have_a_level() -> None:
    assert power_db(mean_square_of(np.zeros(100, np.int16))) == SILENCE_DB
    assert loudness(b"", 24_000, 10) == []


def test_loudness_by_steps() -> None:
    pcm16 = np.concatenate((np.zeros(240, np.int16), SQUARE[:240], SQUARE[:100])).astype("<i2").tobytes()
    levels = loudness(pcm16, 24_000, 10)
    assert levels[0] == SILENCE_DB
    assert levels[1] == pytest.approx(-6.02, abs=0.01)
    assert len(levels) == 2
