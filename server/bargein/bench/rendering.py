"""From a scene to what the caller's microphone hears."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from bargein.bench.made import made
from bargein.bench.scene import Echo, Made, Recorded, Scene, Source, Spoken
from bargein.bench.voices import spoken
from bargein.bench.waves import (
    RATE_HZ,
    Sound,
    at_level,
    from_pcm16,
    looped,
    over,
    pcm16,
    room_noise,
    samples,
    seeded,
    span,
    trimmed,
)
from bargein.errors import BargeinError
from bargein.sound.resample import resample

CLIPPED_DB: Final = 14.0
"""How much too loud clipped sound was."""


class NoSoundError(BargeinError):
    """A recording cannot be read."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a microphone hears.

    :param onset_s: first sample of what happens, by the label or by level.
    :param end_s: its last.
    """

    microphone: Sound
    onset_s: float
    end_s: float


def render(scene: Scene) -> Rendered:
    """Make the sound of a scene: all of it but the echo, which depends on what the server does.

    :raises BargeinError: a voice or a file is missing.
    """
    rng = seeded("room", scene.name)
    heard = room_noise(scene.seconds, scene.room_db, rng)
    if scene.noise is not None:
        behind = looped(sound_of(scene.noise), scene.seconds)
        heard = heard + at_level(behind, scene.level_db - scene.snr_db)
    onset_s = end_s = scene.at_s
    if scene.sound is not None:
        sound, before_s = placed(scene.sound, scene.at_s)
        if scene.channel == "clipped":
            sound = np.clip(at_level(sound, scene.level_db + CLIPPED_DB), -1, 1) * np.float32(0.98)
        else:
            sound = at_level(sound, scene.level_db)
        heard = over(heard, sound, scene.at_s)
        first, last = span(sound[samples(before_s) :])
        onset_s += before_s + (first / RATE_HZ if before_s == 0 else 0.0)
        end_s = min(scene.seconds, scene.at_s + before_s + last / RATE_HZ)
    return Rendered(heard, onset_s, end_s)


def placed(source: Source, at_s: float) -> tuple[Sound, float]:
    """The sound, and how long it is before what it is about begins."""
    sound = sound_of(source)
    if isinstance(source, Recorded) and source.onset_s is not None and source.from_s == 0:
        before_s = min(source.onset_s, at_s, len(sound) / RATE_HZ)
        return sound, before_s
    return (trimmed(sound), 0.0) if not isinstance(source, Made) or source.seconds == 0 else (sound, 0.0)


@functools.lru_cache(96)
def sound_of(source: Source) -> Sound:
    """The sound of a source, however loud."""
    match source:
        case Spoken():
            return spoken(source)
        case Made():
            return made(source)
        case Recorded(path=path, seconds=seconds, from_s=from_s):
            whole = recording(path)[samples(from_s) :]
            part = whole if seconds is None else whole[: samples(seconds)]
            return part if seconds is None or len(part) >= samples(seconds) else looped(part, seconds)


@functools.lru_cache(64)
def recording(path: str) -> Sound:
    """A whole file, mono, at our rate.

    :raises NoSoundError: it cannot be read, or holds nothing.
    """
    try:
        data, rate_hz = soundfile.read(Path(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise NoSoundError(f"{path} cannot be read: {error}") from error
    mono = np.nan_to_num(data.mean(axis=1)).astype(np.float32)
    if not np.any(mono):
        raise NoSoundError(f"{path} holds no sound")
    peak = max(1.0, float(np.abs(mono).max()))
    return from_pcm16(resample(pcm16((mono / peak).astype(np.float32)), rate_hz, RATE_HZ))


@functools.lru_cache(32)
def impulse_response(echo: Echo) -> Sound:
    """What a room makes of a click, delay and level included.

    ``walls:SECONDS`` is the direct sound and noise that dies away by 60 dB in so long; else it is a file.
    """
    if echo.room.startswith("walls:"):
        seconds = float(echo.room.removeprefix("walls:"))
        at = np.arange(samples(min(seconds, 0.4))) / RATE_HZ
        response = seeded("walls", seconds).normal(0, 0.35, len(at)) * np.exp(-6.9 * at / max(seconds, 0.01))
        response[0] = 1.0
    else:
        whole = recording(echo.room)
        first = int(np.argmax(np.abs(whole)))
        response = whole[first : first + samples(0.5)].astype(np.float64)
    response = response / np.sqrt(np.sum(np.square(response)))
    gained = response * 10 ** (echo.level_db / 20)
    return np.asarray(gained, np.float32)
