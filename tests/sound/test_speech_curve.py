"""Level and hiss, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.sound.levels import SILENCE_DB, loudness
from bargein.sound.speech_curve import speech_curve


def tone(frequency_hz: float, rate_hz: int, duration_s: float = 0.2) -> np.ndarray:
    times = np.arange(int(rate_hz * duration_s)) / rate_hz
    return (8000 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.int16)


@pytest.mark.parametrize(
    ("frequency_hz", "rate_hz", "hisses"),
    [(200, 24_000, False), (2_000, 24_000, False), (6_000, 24_000, True), (900, 8_000, False), (3_300, 8_000, True)],
)
def test_high_tones_hiss(frequency_hz: float, rate_hz: int, hisses: bool) -> None:
    _, found = speech_curve(tone(frequency_hz, rate_hz), rate_hz, 20)
    assert found == [hisses] * 10


def test_the_level_is_that_of_the_meter() -> None:
    rng = np.random.default_rng(5)
    samples = (rng.standard_normal(24_000) * np.linspace(1, 9000, 24_000)).astype(np.int16)
    levels_db, _ = speech_curve(samples, 24_000, 20)
    assert levels_db == pytest.approx(loudness(samples.astype("<i2").tobytes(), 24_000, 20), abs=0.01)


def test_silence_is_silent_and_does_not_hiss() -> None:
    levels_db, hisses = speech_curve(np.zeros(960, np.int16), 24_000, 20)
    assert levels_db == pytest.approx([SILENCE_DB] * 2)
    assert hisses == [False] * 2


def test_less_than_a_step_is_nothing() -> None:
    assert speech_curve(np.ones(479, np.int16), 24_000, 20) == ([], [])
