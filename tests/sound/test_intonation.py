"""Whether a voice fell or hung."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bargein.sound.intonation import RATE_HZ, pitch_slope


def gliding(from_hz: float, st_per_s: float, ms: int = 500) -> npt.NDArray[np.float32]:
    """A voice with overtones, whose pitch glides."""
    at_s = np.arange(RATE_HZ * ms // 1000) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(from_hz * 2 ** (st_per_s * at_s / 12)) / RATE_HZ
    return (np.sin(phase) + 0.6 * np.sin(2 * phase) + 0.4 * np.sin(3 * phase)).astype(np.float32)


@pytest.mark.parametrize("from_hz", [95.0, 140.0, 220.0, 300.0])
@pytest.mark.parametrize("st_per_s", [-10.0, -5.0, 0.0, 8.0])
def test_it_follows_voices_low_and_high(from_hz: float, st_per_s: float) -> None:
    slope = pitch_slope(gliding(from_hz, st_per_s))
    assert slope == pytest.approx(st_per_s, abs=1.5)


def test_only_the_end_counts() -> None:
    long_before = np.concatenate([gliding(200.0, 20.0, 1500), gliding(160.0, -12.0)])
    assert pitch_slope(long_before) == pytest.approx(-12.0, abs=1.5)


def test_how_loud_it_is_does_not_matter() -> None:
    voice = gliding(140.0, -8.0)
    assert pitch_slope(voice * np.float32(1e-3)) == pytest.approx(pitch_slope(voice), abs=0.1)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0, np.float32),
        np.zeros(100, np.float32),
        np.zeros(4000, np.float32),
        np.random.default_rng(1).standard_normal(4000).astype(np.float32),
        gliding(140.0, 0.0, ms=60),
    ],
    ids=["nothing", "a little nothing", "silence", "noise", "a moment"],
)
def test_of_what_is_no_voice_nothing_is_said(sound: npt.NDArray[np.float32]) -> None:
    assert pitch_slope(sound) is None
