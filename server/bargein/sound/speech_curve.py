"""What tells where in a sound somebody speaks, and where a sibilant is.

Every piece of every reply is measured, so there are two ways of it: ``_speech_curve.c`` does in one call what takes
numpy some twenty. It is there where the package was compiled.
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.sound.levels import FULL_SCALE, SILENCE_DB

try:
    from bargein.sound import _speech_curve
except ImportError:
    IN_C = False
else:
    IN_C = True

HISS_ABOVE_HZ: Final = 4_400.0
HISS_ABOVE_SHARE: Final = 0.3
"""Of the sampling rate, where that holds no more than a telephone's band."""

BELOW_VOICE_HZ: Final = 150.0
"""What is slower, an offset or a hum, says nothing about speech."""

MOST_PRODUCTS: Final = 1 << 17
SUMMED: Final = 4
"""Samples that are added up before what is slow is looked for, in C."""
SILENT: Final = 10.0 ** (SILENCE_DB / 10.0)


def speech_curve(samples: npt.NDArray[np.int16], rate_hz: int, step_ms: int) -> tuple[list[float], list[bool]]:
    """Level in dB of each whole step, and whether it hisses; an incomplete one at the end is left out.

    A step hisses when its mean frequency is high. The mean square frequency of a signal follows from it and from its
    differences: their energies are as 4 sin² (pi f / rate) to 1. Both without what lies below the voice, which is taken
    out of each step by itself.

    :param samples: mono PCM16.
    """
    step = rate_hz * step_ms // 1000
    whole = len(samples) // step
    threshold = 4.0 * math.sin(math.pi * min(HISS_ABOVE_HZ / rate_hz, HISS_ABOVE_SHARE)) ** 2
    if not IN_C:
        return speech_curve_in_numpy(samples[: whole * step].reshape(whole, step), step_ms, threshold)
    weights, slowness = _slow_sums(step, step_ms)
    return _speech_curve.measure(samples[: whole * step], step, weights, slowness, SILENT, threshold)


def speech_curve_in_numpy(
    steps: npt.NDArray[np.int16], step_ms: int, threshold: float
) -> tuple[list[float], list[bool]]:
    """The same of whole steps, one in a row.

    :param threshold: energy of the differences, as a share of the step's own, above which it hisses.
    """
    step = steps.shape[1]
    frames = steps.astype(np.float32)
    _take_slow_out(frames, _slow(step, step_ms))
    energies = np.einsum("ij,ij->i", frames, frames)
    # Of the differences, without forming them: (b - a)² = a² + b² - 2ab.
    products = np.einsum("ij,ij->i", frames[:, :-1], frames[:, 1:])
    differences = 2.0 * (energies - products) - frames[:, 0] ** 2 - frames[:, -1] ** 2
    mean_squares = np.maximum(energies / (step * FULL_SCALE * FULL_SCALE), SILENT)
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


@functools.cache
def _slow_sums(step: int, step_ms: int) -> tuple[bytes, bytes]:
    """For ``_speech_curve.c``: what tells how much of each slow function a step holds, from sums of :data:`SUMMED` of
    its samples, float32; and the energy of each one's differences as a share of its own, float64.
    """
    slow = _slow(step, step_ms).astype(np.float64)
    sums = slow.reshape(step // SUMMED, SUMMED, -1).sum(1)
    weights = (sums / np.sum(sums**2, 0)).T.astype(np.float32)
    slowness = 4.0 * np.sin(np.pi * np.arange(slow.shape[1]) / (2 * step)) ** 2
    return weights.tobytes(), slowness.tobytes()
