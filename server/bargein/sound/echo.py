"""Recognising one's own voice when it comes back from a loudspeaker.

An echo is what was said, later, quieter, and blurred by the room. So: find the delay at which both are most alike,
let the best short filter turn what was said into what was heard, and see how much of it that explains. Of somebody
else's voice it explains next to nothing, whatever the levels and even if the words are the same. The filter is the
Wiener solution of the normal equations (S. Haykin, "Adaptive Filter Theory", chapter 2).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

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
    x, y = _flattened(heard), _flattened(said)
    count = len(x)
    energy = float(np.dot(x, x))
    if count < 2 * TAPS or len(y) < count + TAPS or energy < QUIET * count:
        return 0.0
    crossed = _correlation(y, x)
    running = np.concatenate(([0.0], np.cumsum(y * y)))
    alike = np.abs(crossed) / np.sqrt(np.maximum(running[count:] - running[:-count], QUIET * count))
    start = min(max(int(np.argmax(alike)) - TAPS_BEFORE, 0), len(crossed) - TAPS)
    stretch = y[start : start + count + TAPS]
    own = np.correlate(np.concatenate((stretch, np.zeros(TAPS - 1))), stretch)
    own[0] += LOADING * own[0] + QUIET
    lags = np.arange(TAPS)
    normal = own[np.abs(lags[:, None] - lags[None, :])]
    wanted = crossed[start : start + TAPS]
    explained = float(wanted @ np.linalg.solve(normal, wanted)) / energy
    return min(max(explained, 0.0), 1.0)


def _correlation(y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """At lag ``k``: the sum of ``x[n] * y[n + k]``, for all lags at which ``x`` lies within ``y``.

    At those a circular correlation of the length of ``y`` does not come round.
    """
    size = _fast_length(len(y))
    circular: npt.NDArray[np.float64] = np.fft.irfft(np.fft.rfft(y, size) * np.conj(np.fft.rfft(x, size)), size)
    return circular[: len(y) - len(x) + 1]


def _fast_length(count: int) -> int:
    """A length of ``count`` or little more of which a Fourier transform is fast: five to eight times a power of two."""
    step = 1 << max(count.bit_length() - 3, 0)
    return -(-count // step) * step


def _flattened(samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    exact = samples.astype(np.float64)
    return exact[1:] - PRE_EMPHASIS * exact[:-1]
