"""How loud sound is, in dB relative to full scale."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

FULL_SCALE: Final = 32768.0
SILENCE_DB: Final = -100.0
"""What digital silence is said to be."""


def mean_square_of(samples: npt.NDArray[Any]) -> float:
    """Of at least one sample, of any numeric type."""
    exact = samples.astype(np.float32, copy=False)
    return float(np.dot(exact, exact)) / len(exact)


def power_db(mean_square: float) -> float:
    """Level of a mean square on the scale of PCM16."""
    if mean_square <= 0.0:
        return SILENCE_DB
    return max(10.0 * math.log10(mean_square / (FULL_SCALE * FULL_SCALE)), SILENCE_DB)


def loudness(pcm16: bytes, rate_hz: int, step_ms: int) -> list[float]:
    """Level of each whole step of ``step_ms``; an incomplete one at the end is left out.

    :param pcm16: signed 16-bit little-endian samples.
    """
    step = rate_hz * step_ms // 1000
    samples = np.frombuffer(pcm16, "<i2", len(pcm16) // 2)
    whole = len(samples) // step
    frames = samples[: whole * step].reshape(whole, step).astype(np.float32)
    mean_squares = np.maximum(np.einsum("ij,ij->i", frames, frames) / step, 1e-9)
    levels = 10.0 * np.log10(mean_squares / (FULL_SCALE * FULL_SCALE))
    return [max(float(level), SILENCE_DB) for level in levels]
