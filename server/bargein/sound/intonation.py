"""Whether a voice fell or hung where it paused."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

RATE_HZ: Final = 8_000
SPAN_MS: Final = 500
"""So much before a pause is looked at."""
_FRAME: Final = 320
_STEP: Final = 80
_FFT: Final = 1024
_LOWEST_HZ: Final = 70
_HIGHEST_HZ: Final = 400
_PERIODIC: Final = 0.55
"""Autocorrelation at the pitch period, relative to that at zero, from which a frame counts as voiced."""
_FEWEST_FRAMES: Final = 6
_WIDEST_ST: Final = 8.0
"""Pitch that is farther from the median is an octave missed."""

_WINDOW: Final = np.hanning(_FRAME).astype(np.float32)
_LAGS: Final = np.arange(RATE_HZ // _HIGHEST_HZ, RATE_HZ // _LOWEST_HZ + 1)

_OCTAVE_COSTS: Final = 0.1 * np.log2(_LAGS / _LAGS[0])
"""Twice the period fits a voice as well as its period: the shorter is meant."""


def _autocorrelation(frames: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    spectrum = np.fft.rfft(frames, _FFT)
    return np.fft.irfft(spectrum.real**2 + spectrum.imag**2, _FFT)


_WINDOW_OWN: Final = _autocorrelation(_WINDOW)


def pitch_slope(samples: npt.NDArray[np.float32]) -> float | None:
    """How the pitch moves, in semitones a second; ``None`` where there is too little of a voice.

    :param samples: at 8 kHz, of any scale, up to the pause.
    """
    samples = samples[-RATE_HZ * SPAN_MS // 1000 :]
    if samples.size < _FRAME:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_STEP] * _WINDOW
    likeness = _autocorrelation(frames - frames.mean(axis=1, keepdims=True))
    at_lags = likeness[:, _LAGS] / _WINDOW_OWN[_LAGS] * _WINDOW_OWN[0]
    best = (at_lags - _OCTAVE_COSTS * likeness[:, :1]).argmax(axis=1)
    rows = np.arange(len(best))
    voiced = at_lags[rows, best] > np.maximum(_PERIODIC * likeness[:, 0], 1e-9)
    if np.count_nonzero(voiced) < _FEWEST_FRAMES:
        return None
    pitch_st = 12 * np.log2(RATE_HZ / _LAGS[best[voiced]])
    near = np.abs(pitch_st - np.median(pitch_st)) < _WIDEST_ST
    pitch_st, at_s = pitch_st[near], rows[voiced][near] * (_STEP / RATE_HZ)
    if pitch_st.size < _FEWEST_FRAMES:
        return None
    at_s = at_s - at_s.mean()
    spread = float(at_s @ at_s)
    return float(at_s @ (pitch_st - pitch_st.mean())) / spread if spread > 0 else None
