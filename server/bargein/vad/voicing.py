"""Whether a sound is a voice, or a cough, a knock, a key.

Speech that takes the floor has vowels within its first quarter of a second: a sound that repeats itself at the pitch
of a voice. Coughs, doors and keyboards do not. Measured as the peak of the normalised autocorrelation, with the
window's own divided out: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993.

``_voicing.c`` does in one call what takes numpy ten. It is there where the package was compiled.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

try:
    from bargein.vad import _voicing
except ImportError:
    IN_C = False
else:
    IN_C = True

RATE_HZ: Final = 8_000
SPAN_SAMPLES: Final = 320
"""40 ms: two and a half periods of the lowest voice."""
LOWEST_PITCH_HZ: Final = 70
HIGHEST_PITCH_HZ: Final = 400
PERIODIC: Final = 0.5
"""Autocorrelation at the pitch period, relative to that at zero, from which a sound counts as voiced."""

_WINDOW: Final = np.hanning(SPAN_SAMPLES).astype(np.float32)
_SHORTEST_LAG: Final = RATE_HZ // HIGHEST_PITCH_HZ
_LAG_COUNT: Final = RATE_HZ // LOWEST_PITCH_HZ - _SHORTEST_LAG


def voicing(samples: bytes) -> float:
    """1 if the last 40 ms are voiced, else 0.

    :param samples: PCM16, :data:`SPAN_SAMPLES` samples at 8 kHz.
    """
    if not IN_C:
        return voicing_in_numpy(samples)
    return 1.0 if _voicing.is_periodic(samples, _WINDOW_BYTES, _SHORTEST_LAG, _LAG_GAIN_BYTES, PERIODIC) else 0.0


def voicing_in_numpy(samples: bytes) -> float:
    """The same."""
    exact = np.frombuffer(samples, "<i2").astype(np.float32)
    sound = (exact - exact.sum() / SPAN_SAMPLES) * _WINDOW
    energy = float(sound.dot(sound))
    if energy <= 0.0:
        return 0.0
    return 1.0 if float((_at_pitch_lags(sound) * _LAG_GAIN).max()) >= PERIODIC * energy else 0.0


def _at_pitch_lags(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Its autocorrelation at the periods of voices. For so few lags the sums are faster than a Fourier transform."""
    later = np.zeros(SPAN_SAMPLES + _LAG_COUNT - 1, np.float32)
    later[: SPAN_SAMPLES - _SHORTEST_LAG] = sound[_SHORTEST_LAG:]
    return np.correlate(later, sound)


_LAG_GAIN: Final = np.dot(_WINDOW, _WINDOW) / _at_pitch_lags(_WINDOW)
_WINDOW_BYTES: Final = _WINDOW.tobytes()
_LAG_GAIN_BYTES: Final = _LAG_GAIN.astype(np.float32).tobytes()
