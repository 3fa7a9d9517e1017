"""Whether a sound is a mouth forming words, or a cough, a knock, a hum.

Speech that takes the floor has vowels within its first quarter of a second: a periodic sound at the pitch of a voice,
with formants above the first kilohertz. Coughs, doors and keyboards are not periodic; "mm-hm" is, but a closed mouth
leaves next to nothing above 900 Hz. Both are simple, old measures: the normalised autocorrelation peak (B. Gold and
L. Rabiner, JASA 46(2B), 1969) and a band's share of energy.
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
OPEN_FROM_HZ: Final = 900
OPEN_SHARE: Final = 0.02
"""Share of energy above :data:`OPEN_FROM_HZ` from which a mouth counts as open."""

_FFT_SAMPLES: Final = 1024
_WINDOW: Final = np.hanning(SPAN_SAMPLES).astype(np.float32)
# The window's own autocorrelation falls with the lag and would hide low pitches (Boersma 1993, equation 9).
_WINDOW_CORRELATION: Final = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, _FFT_SAMPLES)) ** 2)[:SPAN_SAMPLES]
_LAGS: Final = slice(RATE_HZ // HIGHEST_PITCH_HZ, RATE_HZ // LOWEST_PITCH_HZ)
_LAG_GAIN: Final = _WINDOW_CORRELATION[0] / _WINDOW_CORRELATION[_LAGS]
_OPEN_FROM_BIN: Final = OPEN_FROM_HZ * _FFT_SAMPLES // RATE_HZ


def articulation(samples: npt.NDArray[np.float32]) -> float:
    """How much the last 40 ms sound like a vowel, 0 to 1.

    :param samples: :data:`SPAN_SAMPLES` samples at 8 kHz, of any scale.
    """
    spectrum = np.fft.rfft((samples - samples.mean()) * _WINDOW, _FFT_SAMPLES)
    power = spectrum.real**2 + spectrum.imag**2
    total = float(power.sum())
    if total <= 0.0:
        return 0.0
    if float(power[_OPEN_FROM_BIN:].sum()) < OPEN_SHARE * total:
        return 0.0
    correlation = np.fft.irfft(power)
    peak = float((correlation[_LAGS] * _LAG_GAIN).max() / correlation[0])
    return 1.0 if peak >= PERIODIC else 0.0
