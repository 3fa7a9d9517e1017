"""Synthetic speech, by ``espeak-ng`` and, where it is installed, ``flite``. What was spoken is kept in a folder."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bargein.bench.scene import Spoken
from bargein.bench.waves import RATE_HZ, Sound, at_level, from_pcm16, nothing, span, trimmed
from bargein.errors import BargeinError
from bargein.sound.files import read_mono

SPOKEN_DB: Final = -20.0
_TIMEOUT_S: Final = 60.0


class NoVoiceError(BargeinError):
    """A program that speaks is missing, or has failed."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One synthetic person."""

    name: str
    program: str
    options: tuple[str, ...]
    for_report: bool = False


def _espeak(name: str, voice: str, rate: int, pitch: int, *, for_report: bool = False) -> Voice:
    return Voice(name, "espeak-ng", ("-v", voice, "-s", str(rate), "-p", str(pitch)), for_report)


VOICES: Final = {
    voice.name: voice
    for voice in (
        _espeak("adam", "en-us", 165, 45),
        _espeak("bella", "en-us+f3", 175, 55),
        _espeak("carl", "en-gb+m3", 170, 35),
        _espeak("dora", "en-gb+f4", 160, 60, for_report=True),
        _espeak("ewan", "en-gb-scotland+m7", 175, 40, for_report=True),
        _espeak("fay", "en-gb-x-rp+f2", 185, 50),
        _espeak("gus", "en-us+m1", 150, 30),
        Voice("kal", "flite", ("-voice", "kal16")),
        Voice("slt", "flite", ("-voice", "slt")),
        Voice("awb", "flite", ("-voice", "awb"), for_report=True),
        Voice("rms", "flite", ("-voice", "rms")),
        # Who is hard to hear.
        _espeak("child", "en-us+f5", 180, 99),
        _espeak("child-2", "en-gb+f2", 195, 90, for_report=True),
        _espeak("deep", "en-us+m7", 140, 0),
        _espeak("deep-2", "en-gb+croak", 150, 5, for_report=True),
        _espeak("whisper", "en-us+whisper", 160, 50),
        _espeak("whisper-2", "en-gb+whisperf", 160, 50, for_report=True),
    )
}
ODD: Final = ("child", "child-2", "deep", "deep-2", "whisper", "whisper-2")


def callers() -> list[Voice]:
    """Everybody who can speak here, but the odd voices."""
    return [voice for voice in VOICES.values() if voice.name not in ODD and shutil.which(voice.program)]


@functools.cache
def cache_folder() -> Path:
    """Where speech is kept between runs: beside other caches of this user."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "bargein" / "bench"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="bargein-bench-"))
    return folder


@functools.lru_cache(4096)
def spoken(what: Spoken) -> Sound:
    """The words, from their first sample to their last; phrases with their pauses between them.

    :raises NoVoiceError: the program is missing, or has failed.
    """
    parts: list[Sound] = []
    for number, phrase in enumerate(what.words.split("|")):
        parts.append(_phrase(what.voice, phrase.strip()))
        if number < len(what.pauses):
            parts.append(nothing(what.pauses[number]))
    return np.concatenate(parts)


def phrase_ends(what: Spoken) -> list[float]:
    """When each phrase ends, in seconds from the first sample."""
    ends, at = [], 0
    for number, phrase in enumerate(what.words.split("|")):
        at += len(_phrase(what.voice, phrase.strip()))
        ends.append(at / RATE_HZ)
        at += len(nothing(what.pauses[number])) if number < len(what.pauses) else 0
    return ends


@functools.lru_cache(4096)
def _phrase(voice_name: str, words: str) -> Sound:
    voice = VOICES[voice_name]
    key = hashlib.sha256(repr((voice.program, voice.options, words, RATE_HZ)).encode()).hexdigest()[:24]
    kept = cache_folder() / f"{key}.npy"
    if kept.exists():
        return from_pcm16(np.load(kept))
    sound = _say(voice, words)
    fresh = kept.with_suffix(f".{os.getpid()}.tmp.npy")
    np.save(fresh, sound)
    fresh.replace(kept)
    return from_pcm16(sound)


def _say(voice: Voice, words: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    program = shutil.which(voice.program)
    if program is None:
        raise NoVoiceError(f"{voice.program} is not installed: it speaks for {voice.name}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        if voice.program == "flite":
            command = [program, *voice.options, "-t", words, "-o", str(path)]
        else:
            command = [program, *voice.options, "-w", str(path), words]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)  # noqa: S603
            whole = from_pcm16(read_mono(path, RATE_HZ))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise NoVoiceError(f"{voice.program} could not say {words!r}: {error}") from error
    if not len(whole) or not np.any(whole):
        raise NoVoiceError(f"{voice.program} said nothing for {words!r}")
    levelled = at_level(trimmed(whole), SPOKEN_DB)
    first, last = span(levelled)
    return np.asarray(np.clip(np.rint(levelled[first:last] * 32768.0), -32768, 32767), np.int16)
