"""What tells where in a sound somebody speaks, and where a sibilant is."""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.sound.levels import FULL_SCALE, SILENCE_DB

HISS_ABOVE_HZ: Final = 4_400.0
HISS_ABOVE_SHARE: Final = 0.3
"""Of the sampling rate, where that holds no more than a telephone's band."""

BELOW_VOICE_HZ: Final = 150.0
"""What is slower, an offset or a hum, says nothing about speech."""

MOST_PRODUCTS: Final = 1 << 17


def speech_curve(samples: npt.NDArray[np.int16], rate_hz: int, step_ms: int) -> tuple[list[float], list[bool]]:
    """Level in dB of each whole step, and whether it hisses; an incomplete one at the end is left out.

    A step hisses when its mean frequency is high. The mean square frequency of a signal follows from it and from its
    differences: their energies are as 4 sin² (pi f / rate) to 1. Both without what lies below the voice, which is taken
    out of each step by itself.

    :param samples: mono PCM16.
    """
    step = rate_hz * step_ms // 1000
    whole = len(samples) // step
    frames = samples[: whole * step].reshape(whole, step).astype(np.float32)
    _take_slow_out(frames, _slow(step, step_ms))
    energies = np.einsum("ij,ij->i", frames, frames)
    # Of the differences, without forming them: (b - a)² = a² + b² - 2ab.
    products = np.einsum("ij,ij->i", frames[:, :-1], frames[:, 1:])
    differences = 2.0 * (energies - products) - frames[:, 0] ** 2 - frames[:, -1] ** 2
    mean_squares = np.maximum(energies / (step * FULL_SCALE * FULL_SCALE), 10.0 ** (SILENCE_DB / 10.0))
    threshold = 4.0 * math.sin(math.pi * min(HISS_ABOVE_HZ / rate_hz, HISS_ABOVE_SHARE)) ** 2
    hisses = differences > threshold * energies
    return (10.0 * np.log10(mean_squares)).tolist(), hisses.tolist()


def _take_slow_out(frames: npt.NDArray[np.float32], slow: npt.NDArray[np.float32]) -> None:
    """In place, some steps at a time: they stay in the processor's cache, and the products so small that no library of
    linear algebra shares them between threads, which would take the other cores from who needs them.
    """
    at_once = max(MOST_PRODUCTS // slow.size, 1)
    for begin in range(0, len(frames), at_once):
        some = frames[begin : begin + at_once]
        some -= (some @ slow) @ slow.T


@functools.cache
def _slow(step: int, step_ms: int) -> npt.NDArray[np.float32]:
    """The first functions of the discrete cosine transform, one in a column: what is slow is a sum of them."""
    count = int(2 * BELOW_VOICE_HZ * step_ms / 1000) + 1
    cosines = np.cos(np.pi * np.outer(np.arange(step) + 0.5, np.arange(count)) / step)
    scaled: npt.NDArray[np.float32] = (cosines / np.sqrt(np.sum(cosines**2, 0))).astype(np.float32)
    return scaled
