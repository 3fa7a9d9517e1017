"""Recognising one's own voice when it comes back from a loudspeaker.

An echo is what was said, later, quieter, and blurred by the room. So: find the delay at which both are most alike,
let the best short filter turn what was said into what was heard, and see how much of it that explains. Of somebody
else's voice it explains next to nothing, whatever the levels and even if the words are the same. The filter is the
Wiener solution of the normal equations (S. Haykin, "Adaptive Filter Theory", chapter 2). Only the band of the voice is
compared: a microphone's hum is no part of an echo, and no likeness either.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bargein.sound.voice_band import RINGING_SAMPLES, band_response

PRE_EMPHASIS: Final = 0.95
"""Flattens the spectrum of voices, whose low frequencies are all alike."""
TAPS: Final = 32
"""4 ms at 8 kHz: the direct sound and its colour. With more, one steady vowel explains any other of the same pitch."""
TAPS_BEFORE: Final = 8
"""Of them before the delay that was found."""
QUIET: Final = 1.0
"""Mean square of pre-emphasised PCM16 below which there is nothing to compare."""
LOADING: Final = 1e-3
"""Diagonal loading, relative: keeps the equations solvable where the sound is nearly periodic."""


def likeness(heard: npt.NDArray[Any], said: npt.NDArray[Any]) -> float:
    """The share of the energy of ``heard`` that is an echo of ``said``, 0 to 1.

    :param heard: samples at 8 kHz, on the scale of PCM16; a quarter of a second or more.
    :param said: samples at the same rate; more of them, with whatever delay the echo may have before it.
    """
    return match(heard, said)[0]


def match(heard: npt.NDArray[Any], said: npt.NDArray[Any]) -> tuple[float, int]:
    """As :func:`likeness`, and at which sample of ``said`` the echo begins that ``heard`` would be."""
    count = len(heard)
    if count < 2 * TAPS or len(said) < count + TAPS:
        return 0.0, 0
    x, _ = _flattened(heard)
    y, spectrum = _flattened(said)
    energy = float(np.dot(x, x))
    if energy < QUIET * count:
        return 0.0, 0
    crossed = _correlation(spectrum, x, len(y) - count + 1)
    running = np.zeros(len(y) + 1)
    np.cumsum(y * y, dtype=np.float64, out=running[1:])
    alike = np.abs(crossed) / np.sqrt(np.maximum(running[count:] - running[:-count], QUIET * count))
    likest = int(np.argmax(alike))
    start = min(max(likest - TAPS_BEFORE, 0), len(crossed) - TAPS)
    stretch = y[start : start + count + TAPS]
    own = np.correlate(np.concatenate((stretch, np.zeros(TAPS - 1, np.float32))), stretch).astype(np.float64)
    own[0] += LOADING * own[0] + QUIET
    lags = np.arange(TAPS)
    normal = own[np.abs(lags[:, None] - lags[None, :])]
    wanted = crossed[start : start + TAPS]
    explained = float(wanted @ np.linalg.solve(normal, wanted)) / energy
    return min(max(explained, 0.0), 1.0), likest


def _flattened(samples: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.complex64]]:
    """A sound in the band of the voice, with its spectrum made flat; and its Fourier transform, which goes on for what
    the filter still rings behind it.

    Transforms are scaled both ways: where numpy scales by nothing, it takes the long way through double precision.
    """
    size = fast_length(len(samples) + RINGING_SAMPLES)
    # Without its mean first: the filter would take the beginning of an offset for a click.
    centred = samples.astype(np.float32) - np.float32(samples.mean())
    spectrum: npt.NDArray[Any] = np.fft.rfft(centred, size, norm="ortho") * _flattening(size)
    flat: npt.NDArray[Any] = np.fft.irfft(spectrum, size, norm="ortho")[: len(samples)]
    return flat, spectrum


@functools.lru_cache(maxsize=32)
def _flattening(size: int) -> npt.NDArray[np.complex64]:
    turns = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    flattening: npt.NDArray[np.complex64] = band_response(size) * (1.0 - PRE_EMPHASIS * turns).astype(np.complex64)
    return flattening


def _correlation(spectrum: npt.NDArray[np.complex64], x: npt.NDArray[np.float32], lags: int) -> npt.NDArray[np.float64]:
    """At lag ``k``: the sum of ``x[n] * y[n + k]``, of the transform of ``y``. Those at which ``x`` does not lie within
    ``y`` mean nothing, for it comes round.
    """
    size = 2 * (len(spectrum) - 1)
    circular = np.fft.irfft(spectrum * np.conj(np.fft.rfft(x, size, norm="ortho")), size, norm="ortho")
    return circular[:lags].astype(np.float64) * math.sqrt(size)


def fast_length(count: int) -> int:
    """An even length of ``count`` or little more of which a Fourier transform is fast: five to eight times a power of
    two.
    """
    step = 1 << max(count.bit_length() - 3, 1)
    return -(-count // step) * step
