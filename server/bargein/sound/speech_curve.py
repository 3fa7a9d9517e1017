"""What tells where in a sound somebody speaks, and where a sibilant is."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.sound.levels import FULL_SCALE, SILENCE_DB

HISS_ABOVE_HZ: Final = 4_400.0
HISS_ABOVE_SHARE: Final = 0.3
"""Of the sampling rate, where that holds no more than a telephone's band."""


def speech_curve(samples: npt.NDArray[np.int16], rate_hz: int, step_ms: int) -> tuple[list[float], list[bool]]:
    """Level in dB of each whole step, and whether it hisses; an incomplete one at the end is left out.

    A step hisses when its mean frequency is high. The mean square frequency of a signal follows from it and from its
    differences: their energies are as 4 sin² (pi f / rate) to 1.

    :param samples: mono PCM16.
    """
    step = rate_hz * step_ms // 1000
    whole = len(samples) // step
    frames = samples[: whole * step].reshape(whole, step).astype(np.float32)
    energies = np.einsum("ij,ij->i", frames, frames)
    # Of the differences, without forming them: (b - a)² = a² + b² - 2ab.
    products = np.einsum("ij,ij->i", frames[:, :-1], frames[:, 1:])
    differences = 2.0 * (energies - products) - frames[:, 0] ** 2 - frames[:, -1] ** 2
    mean_squares = np.maximum(energies / (step * FULL_SCALE * FULL_SCALE), 10.0 ** (SILENCE_DB / 10.0))
    threshold = 4.0 * math.sin(math.pi * min(HISS_ABOVE_HZ / rate_hz, HISS_ABOVE_SHARE)) ** 2
    hisses = differences > threshold * energies
    return (10.0 * np.log10(mean_squares)).tolist(), hisses.tolist()
