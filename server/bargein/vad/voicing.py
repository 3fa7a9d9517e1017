"""Whether a sound is a voice, or a cough, a knock, a key.

Speech that takes the floor has vowels within its first quarter of a second: a sound that repeats itself at the pitch
of a voice. Coughs, doors and keyboards do not. Measured as the peak of the normalised autocorrelation, with the
window's own divided out: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

RATE_HZ: Final = 8_000
SPAN_SAMPLES: Final = 320
"""40 ms: two and a half periods of the lowest voice."""
LOWEST_PITCH_HZ: Final = 70
HIGHEST_PITCH_HZ: Final = 400
PERIODIC: Final = 0.5
"""Autocorrelation at the pitch period, relative to that at zero, from which a sound counts as voiced."""

_FFT_SAMPLES: Final = 1024
_WINDOW: Final = np.hanning(SPAN_SAMPLES).astype(np.float32)
_WINDOW_CORRELATION: Final = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, _FFT_SAMPLES)) ** 2)[:SPAN_SAMPLES]
_LAGS: Final = slice(RATE_HZ // HIGHEST_PITCH_HZ, RATE_HZ // LOWEST_PITCH_HZ)
_LAG_GAIN: Final = _WINDOW_CORRELATION[0] / _WINDOW_CORRELATION[_LAGS]


def voicing(samples: npt.NDArray[np.float32]) -> float:
    """1 if the last 40 ms are voiced, else 0.

    :param samples: :data:`SPAN_SAMPLES` samples at 8 kHz, of any scale.
    """
    spectrum = np.fft.rfft((samples - samples.mean()) * _WINDOW, _FFT_SAMPLES)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)
    if correlation[0] <= 0.0:
        return 0.0
    peak = float((correlation[_LAGS] * _LAG_GAIN).max() / correlation[0])
    return 1.0 if peak >= PERIODIC else 0.0
