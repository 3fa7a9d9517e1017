"""Sounds made for tests: recorded speech, and noises that are not speech. All at 24 kHz, as float samples on the
scale of PCM16."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from support.speech import Manner, speak_to_file

RATE_HZ = 24_000
Sound = npt.NDArray[np.float64]


@functools.cache
def speech(text: str, voice: str = "en-us", pitch: int = 50) -> Sound:
    """``text`` as espeak-ng says it, with a little silence around it; ``pitch`` from 0 to 99."""
    said = speak_to_file(text, Manner(voice, words_per_minute=175, pitch=pitch, cut=False))[1]
    return np.frombuffer(said, np.int16).astype(np.float64)


def room(ms: int, level_db: float, seed: int = 0) -> Sound:
    """Steady background noise at an RMS level relative to full scale."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 32768 * 10 ** (level_db / 20), ms * RATE_HZ // 1000)


def at_level(sound: Sound, level_db: float) -> Sound:
    """``sound`` at an RMS level relative to full scale."""
    scaled: Sound = sound / np.sqrt(np.mean(sound**2)) * 32768 * 10 ** (level_db / 20)
    return scaled


def tones(frequencies_hz: Sequence[float], ms: int, level_db: float) -> Sound:
    """Steady tones, as of the mains, all of the same strength."""
    at_s = np.arange(ms * RATE_HZ // 1000) / RATE_HZ
    return at_level(np.sum([np.sin(2 * np.pi * hz * at_s + hz) for hz in frequencies_hz], 0), level_db)


def rumble(ms: int, level_db: float, seed: int = 0) -> Sound:
    """An engine or wind: noise from 20 to 120 Hz, the deeper the stronger."""
    count = ms * RATE_HZ // 1000
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    colour = np.where((hz >= 20) & (hz <= 120), 1 / np.maximum(hz, 20), 0)
    return at_level(np.fft.irfft(np.fft.rfft(room(ms, -20, seed)) * colour, count), level_db)


def cough(ms: int, seed: int, peak: float = 12_000) -> Sound:
    """A burst of coloured noise that dies away: loud, and without pitch."""
    rng = np.random.default_rng(seed)
    count = ms * RATE_HZ // 1000
    at_s = np.arange(count) / RATE_HZ
    centre_hz, width_hz = rng.uniform(500, 1500), rng.uniform(400, 1500)
    frequencies = np.fft.rfftfreq(count, 1 / RATE_HZ)
    colour = 1 / (1 + ((frequencies - centre_hz) / width_hz) ** 2)
    burst = np.fft.irfft(np.fft.rfft(rng.normal(0, 1, count)) * colour, count)
    burst *= np.minimum(at_s / 0.01, 1) * np.exp(-2.5 * at_s / at_s[-1])
    scaled: Sound = burst / np.abs(burst).max() * peak
    return scaled


def knock(seed: int, peak: float = 15_000) -> Sound:
    """A struck door: a low tone that is gone after some tens of milliseconds, with a click at its start."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(RATE_HZ // 4) / RATE_HZ
    tone = np.sin(2 * np.pi * rng.uniform(80, 400) * at_s) * np.exp(-at_s / rng.uniform(0.01, 0.05))
    sound = tone + 0.3 * rng.normal(0, 1, len(at_s)) * np.exp(-at_s / 0.005)
    scaled: Sound = sound / np.abs(sound).max() * peak
    return scaled


def keys(seed: int, peak: float = 8_000) -> Sound:
    """Typing: five short clicks within half a second."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(RATE_HZ // 2)
    for _ in range(5):
        at = rng.integers(0, len(sound) - 500)
        sound[at : at + 400] += rng.normal(0, 1, 400) * np.exp(-np.arange(400) / 80)
    scaled: Sound = sound / np.abs(sound).max() * peak
    return scaled


def within(background: Sound, at_ms: int, sound: Sound) -> Sound:
    """``background`` with ``sound`` in it, from ``at_ms`` on."""
    mixed = background.copy()
    start = at_ms * RATE_HZ // 1000
    mixed[start : start + len(sound)] += sound[: len(mixed) - start]
    return mixed


def pcm16(sound: Sound) -> bytes:
    """Signed 16-bit little-endian."""
    return np.clip(np.rint(sound), -32768, 32767).astype("<i2").tobytes()
