"""Sounds of callers that are not speech: a room, a cough, an "mm-hm", a click. Made, so that a run can be repeated."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.load.scenario import Aside

Sound = npt.NDArray[np.float32]
"""Samples between -1 and 1."""

_LOUDNESS: Final = 0.08
"""RMS of an aside: about that of the speech in the bank."""


def room(rate_hz: int, duration_s: float, level_db: float, seed: int) -> Sound:
    """Steady noise that falls by 3 dB an octave above 60 Hz, as fans, traffic and babble far away do.

    It can be played in a loop: it is periodic in ``duration_s``.
    """
    draw = np.random.default_rng(seed)
    count = int(rate_hz * duration_s)
    frequencies = np.fft.rfftfreq(count, 1 / rate_hz)
    shape = 1 / np.sqrt(np.maximum(frequencies, 60))
    shape[0] = 0
    phases = np.exp(2j * np.pi * draw.random(shape.size))
    return _levelled(np.fft.irfft(shape * phases, count), 10 ** (level_db / 20))


def aside(kind: Aside, rate_hz: int, seed: int) -> Sound:
    """One sound that a listener makes without wanting the floor."""
    draw = np.random.default_rng(seed)
    match kind:
        case "cough":
            return _cough(rate_hz, draw)
        case "mm-hm":
            return _mm_hm(rate_hz, draw)
        case "click":
            return _click(rate_hz, draw)


def _cough(rate_hz: int, draw: np.random.Generator) -> Sound:
    """A burst of breath noise of 120 to 180 ms: a sharp attack, then a decay, with the throat's resonances."""
    time_s = _time(rate_hz, draw.uniform(0.12, 0.18))
    burst = draw.standard_normal(time_s.size)
    spectrum = np.fft.rfft(burst)
    frequencies = np.fft.rfftfreq(time_s.size, 1 / rate_hz)
    throat = sum(np.exp(-(((frequencies - centre) / width) ** 2)) for centre, width in ((500, 300), (1500, 600)))
    envelope = np.minimum(time_s / 0.008, 1) * np.exp(-time_s / 0.05)
    return _levelled(np.fft.irfft(spectrum * throat, time_s.size) * envelope, 1.5 * _LOUDNESS)


def _mm_hm(rate_hz: int, draw: np.random.Generator) -> Sound:
    """Two short hums, the second higher: a voice's harmonics below 800 Hz, 90 ms each, 60 ms apart."""
    pitch_hz = draw.uniform(100, 210)
    gap = np.zeros(int(0.06 * rate_hz))
    return _levelled(np.concatenate([_hum(rate_hz, pitch_hz), gap, _hum(rate_hz, 1.25 * pitch_hz)]), _LOUDNESS)


def _hum(rate_hz: int, pitch_hz: float) -> npt.NDArray[np.float64]:
    time_s = _time(rate_hz, 0.09)
    harmonics = range(1, int(800 / pitch_hz) + 1)
    voice = np.sum([np.sin(2 * np.pi * pitch_hz * n * time_s) / n**1.5 for n in harmonics], axis=0)
    return np.asarray(voice * np.sin(np.pi * time_s / time_s[-1]) ** 0.5, np.float64)


def _click(rate_hz: int, draw: np.random.Generator) -> Sound:
    """A cup set down: 40 ms of ringing."""
    time_s = _time(rate_hz, 0.04)
    pitch_hz = draw.uniform(900, 2500)
    return _levelled(np.sin(2 * np.pi * pitch_hz * time_s) * np.exp(-time_s / 0.008), 2 * _LOUDNESS)


def _time(rate_hz: int, duration_s: float) -> npt.NDArray[np.float64]:
    return np.arange(int(rate_hz * duration_s)) / rate_hz


def _levelled(sound: npt.NDArray[np.floating], rms: float) -> Sound:
    return np.asarray(sound * (rms / np.sqrt(np.mean(np.square(sound)))), np.float32)
