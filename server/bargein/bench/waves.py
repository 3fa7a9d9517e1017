"""Sounds as numbers: how loud they are, where they begin, and how they are laid over each other.

Everything here is mono, 24 kHz, 32-bit floats between -1 and 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
RATE_HZ: Final = 24_000
FRAME_SAMPLES: Final = RATE_HZ // 50
LEVEL_STEP: Final = RATE_HZ // 100
AUDIBLE_DB: Final = 25.0
"""How far below its loudest a sound may fall and still count: pauses have no level."""
BEGUN_DB: Final = 30.0


def seeded(*what: object) -> np.random.Generator:
    """Chance that is the same wherever and whenever: by what it is for."""
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def samples(seconds: float) -> int:
    return round(seconds * RATE_HZ)


def nothing(seconds: float) -> Sound:
    return np.zeros(samples(seconds), np.float32)


def levels_db(sound: Sound) -> npt.NDArray[np.float64]:
    """The level of each 10 ms, in dB below full scale."""
    whole = sound[: len(sound) - len(sound) % LEVEL_STEP].reshape(-1, LEVEL_STEP).astype(np.float64)
    if not len(whole):
        return np.array([10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12)])
    return np.asarray(10 * np.log10(np.mean(np.square(whole), axis=1) + 1e-12), np.float64)


def active_db(sound: Sound) -> float:
    """The level of a sound without its pauses."""
    levels = levels_db(sound)
    loud = levels[levels >= levels.max() - AUDIBLE_DB]
    return float(10 * np.log10(np.mean(10 ** (loud / 10))))


def at_level(sound: Sound, level_db: float) -> Sound:
    """The same, as loud as ``level_db`` where it is active."""
    return np.asarray(sound * 10 ** ((level_db - active_db(sound)) / 20), np.float32)


def span(sound: Sound) -> tuple[int, int]:
    """First and last sample, but for the silence around it: of what is within 30 dB of its loudest."""
    levels = levels_db(sound)
    loud = np.flatnonzero(levels >= levels.max() - BEGUN_DB)
    return int(loud[0]) * LEVEL_STEP, min(len(sound), (int(loud[-1]) + 1) * LEVEL_STEP)


def trimmed(sound: Sound) -> Sound:
    first, last = span(sound)
    return sound[first:last]


def over(background: Sound, sound: Sound, at_s: float) -> Sound:
    """``background`` with ``sound`` in it from ``at_s`` on; it does not grow longer."""
    mixed = background.copy()
    start = samples(at_s)
    part = sound[: max(0, len(mixed) - start)]
    mixed[start : start + len(part)] += part
    return mixed


def looped(sound: Sound, seconds: float) -> Sound:
    """As long as ``seconds``: again and again, faded over 20 ms where it begins anew."""
    count = samples(seconds)
    if len(sound) >= count:
        return sound[:count]
    fade = min(samples(0.02), len(sound) // 4)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    joint = sound.copy()
    joint[:fade] = sound[:fade] * ramp + sound[-fade:] * ramp[::-1]
    body = joint[: len(sound) - fade]
    return np.concatenate([sound[: len(sound) - fade], *[body] * (count // len(body) + 1)])[:count]


def pcm16(sound: Sound) -> npt.NDArray[np.int16]:
    return np.asarray(np.clip(np.rint(sound * 32767.0), -32768, 32767), np.int16)


def from_pcm16(whole: npt.NDArray[np.int16]) -> Sound:
    return np.asarray(whole / np.float32(32768), np.float32)


Gain = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""How strong noise is at which frequencies, in Hz."""


def shaped(count: int, gain: Gain, rng: np.random.Generator) -> Sound:
    """Noise with a spectrum."""
    size = 1 << max(1, count - 1).bit_length()  # Other lengths may take a hundred times as long.
    noise = np.fft.rfft(rng.standard_normal(size)) * gain(np.fft.rfftfreq(size, 1 / RATE_HZ).astype(np.float64))
    return np.asarray(np.fft.irfft(noise, size)[:count], np.float32)


def room_noise(seconds: float, level_db: float, rng: np.random.Generator) -> Sound:
    """The quiet of a room: noise that falls by 3 dB an octave above 60 Hz."""
    noise = shaped(samples(seconds), lambda hz: np.where(hz > 0, 1 / np.sqrt(np.maximum(hz, 60.0)), 0.0), rng)
    return np.asarray(noise * (10 ** (level_db / 20) / np.sqrt(np.mean(np.square(noise)))), np.float32)
