"""The caller's voice: a sentence as sound. From the bank where that has it, else by the program ``espeak-ng``."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bargein.core.audio import PCM16_24K
from bargein.judging.spelling import units_of
from bargein.load.bank import BANK, read_phrase
from bargein.load.bank import RATE_HZ as BANK_RATE_HZ
from bargein.load.bank.make import levelled, trimmed
from bargein.load.errors import UsageError
from bargein.load.marks import find_speech
from bargein.load.noises import aside
from bargein.load.recording import read_samples
from bargein.load.scenario import Aside
from bargein.sound.files import read_mono
from bargein.sound.resample import resample

RATE_HZ: Final = PCM16_24K.rate_hz
Samples = npt.NDArray[np.int16]
_SPOKEN_WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Sound:
    """What the caller lets hear, mono at 24 kHz.

    :ivar onset_s: from its beginning to the first sound that counts.
    :ivar end_s: from its beginning to the end of the last.
    :ivar label: for people: what it is.
    """

    samples: Samples = field(repr=False)
    onset_s: float
    end_s: float
    label: str


def spoken(text: str, voice: str) -> Sound:
    """A sentence.

    :param voice: one of the bank's, or any that espeak-ng knows, such as ``de`` or ``en-gb+f2``.
    :raises UsageError: nobody here can say it; the message says what to do.
    """
    bank = _bank()
    for name, phrase in bank["phrases"].items():
        if voice in bank["voices"] and units_of(phrase["text"]) == units_of(text):
            return _whole(resample(read_phrase(BANK / f"{voice}-{name}.wav"), BANK_RATE_HZ, RATE_HZ), text)
    program = shutil.which("espeak-ng")
    if program is None:
        known = "; ".join(phrase["text"] for phrase in bank["phrases"].values())
        raise UsageError(
            f"{text!r} cannot be said: install the program espeak-ng, or play a recording ({{ play = 'FILE.wav' }}). "
            f"Without it the voices {', '.join(bank['voices'])} can say: {known}"
        )
    return _whole(resample(_by_espeak(program, text, voice), BANK_RATE_HZ, RATE_HZ), text)


def made(kind: Aside) -> Sound:
    """A sound that is no speech."""
    return _whole(np.asarray(np.clip(aside(kind, RATE_HZ, 0), -1, 1) * 32767, np.int16), f"({kind})")


def recorded(path: Path) -> Sound:
    """A file.

    :raises UsageError: it is none that can be read.
    """
    samples = read_samples(path)
    marks = find_speech(samples, RATE_HZ)
    if not marks:
        return _whole(samples, f"({path.name})")
    return Sound(samples, marks[0].onset_s, marks[-1].end_s, f"({path.name})")


def _whole(samples: Samples, label: str) -> Sound:
    return Sound(samples, 0.0, samples.size / RATE_HZ, label)


@cache
def _bank() -> dict[str, Any]:
    return tomllib.loads((BANK / "bank.toml").read_text(encoding="utf-8"))


def _by_espeak(program: str, text: str, voice: str) -> Samples:
    options = _bank()["voices"].get(voice, {"espeak": voice, "words_per_minute": 165, "pitch": 50})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        command = [
            program, "-v", options["espeak"], "-s", str(options["words_per_minute"]), "-p", str(options["pitch"]),
            "-w", str(path), "--", text,
        ]  # fmt: skip
        try:
            # No shell: the text is one argument, behind "--".
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SPOKEN_WITHIN_S, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"{text!r} cannot be said: espeak-ng: {error}") from None
        if done.returncode or not path.exists():
            reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise UsageError(f"{text!r} cannot be said in the voice {voice!r}: espeak-ng: {reason[0]}")
        samples = read_mono(path, BANK_RATE_HZ).astype(np.float32) / np.float32(32768)
    if not np.any(samples):
        raise UsageError(f"{text!r} cannot be said: espeak-ng made no sound of it")
    return levelled(trimmed(samples))
