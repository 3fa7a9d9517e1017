"""A voice for scripted callers: no words, but speech to the server, which knows it by its pitch."""

from __future__ import annotations

from typing import Final

import numpy as np

RATE_HZ: Final = 24_000
FORMANTS: Final = ((600.0, 120.0, 1.0), (1200.0, 150.0, 0.6), (2600.0, 250.0, 0.25))
"""Centre and width in Hz, and strength: an open vowel."""
SYLLABLES_PER_S: Final = 4.0
HARMONICS: Final = 27


def voice(duration_ms: int, *, pitch_hz: float = 130.0) -> bytes:
    """Somebody says "lalala": PCM16 at 24 kHz. From 300 ms on it interrupts."""
    at_s = np.arange(duration_ms * RATE_HZ // 1000) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.04 * np.sin(2 * np.pi * 2.3 * at_s))) / RATE_HZ
    sound = np.zeros(len(at_s))
    for number in range(1, HARMONICS + 1):
        hz = number * pitch_hz
        strength = sum(gain / (1 + ((hz - centre) / width) ** 2) for centre, width, gain in FORMANTS)
        sound += strength * np.sin(number * phase)
    sound *= 0.35 + 0.65 * np.abs(np.sin(np.pi * SYLLABLES_PER_S * at_s))
    sound *= 6000.0 / max(1.0, float(np.sqrt(np.mean(sound**2)))) if len(sound) else 1.0
    return np.clip(np.rint(sound), -32768, 32767).astype("<i2").tobytes()


def tone(duration_ms: int) -> bytes:
    """What scripted models say their words with: PCM16 at 24 kHz."""
    at = np.arange(duration_ms * RATE_HZ // 1000)
    return (8000 * np.sin(at * 2 * np.pi * 220 / RATE_HZ)).astype("<i2").tobytes()
