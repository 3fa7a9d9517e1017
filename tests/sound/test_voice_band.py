"""The filter before everything that judges sound: what passes, and what does not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bargein.sound.levels import mean_square_of, power_db
from bargein.sound.narrowing import WINDOW_SAMPLES
from bargein.sound.voice_band import BLOCK_SAMPLES, RATE_HZ, RINGING_SAMPLES, band_matrix, band_response


def in_voice_band(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """By the matrix, block by block."""
    state, filtered = np.zeros(6), np.zeros(len(sound))
    for start in range(0, len(sound), BLOCK_SAMPLES):
        behind = np.concatenate((sound[start : start + BLOCK_SAMPLES], state)) @ band_matrix().astype(np.float64)
        filtered[start : start + BLOCK_SAMPLES], state = behind[:BLOCK_SAMPLES], behind[BLOCK_SAMPLES:]
    return filtered


def rms_db(samples: npt.NDArray[np.float64]) -> float:
    return power_db(mean_square_of(samples))


def gain_db(frequency_hz: float) -> float:
    at_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = 10_000 * np.sin(2 * np.pi * frequency_hz * at_s)
    settled = slice(RATE_HZ, None)
    return rms_db(in_voice_band(tone)[settled]) - rms_db(tone[settled])


@pytest.mark.parametrize("frequency_hz", [1, 10, 25, 50, 60, 80, 100, 120])
def test_hum_and_rumble_do_not_pass(frequency_hz: float) -> None:
    assert gain_db(frequency_hz) < -28


@pytest.mark.parametrize("frequency_hz", [180, 200, 240, 300, 500, 1000, 2000, 3400])
def test_the_voice_passes_as_it_is(frequency_hz: float) -> None:
    assert gain_db(frequency_hz) == pytest.approx(0, abs=0.35)


@pytest.mark.parametrize("offset", [-20_000, 1_114])
def test_an_offset_is_gone_after_one_window(offset: float) -> None:
    filtered = in_voice_band(np.full(5 * WINDOW_SAMPLES, offset))
    levels_db = [rms_db(filtered[start : start + WINDOW_SAMPLES]) for start in range(0, len(filtered), WINDOW_SAMPLES)]
    begun_db = rms_db(np.full(1, offset))
    assert levels_db[1] < begun_db - 45
    assert levels_db[2] < begun_db - 70


def test_a_transform_of_a_whole_sound_is_filtered_as_block_by_block() -> None:
    sound = np.random.default_rng(5).normal(500, 2000, 10 * BLOCK_SAMPLES)
    size = len(sound) + RINGING_SAMPLES
    whole = np.fft.irfft(np.fft.rfft(sound, size) * band_response(size), size)[: len(sound)]
    assert np.abs(whole - in_voice_band(sound)).max() < 0.05
