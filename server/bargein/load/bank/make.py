"""Speaks ``bank.toml`` with espeak-ng, and writes one file for each voice and phrase beside it.

The files are kept in the repository; this is run again only when ``bank.toml`` changes:
``python -m bargein.load.bank.make``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bargein.load.bank import BANK, RATE_HZ, write_phrase
from bargein.sound.files import read_mono

LEVEL = 0.08
"""RMS of every phrase, of full scale: about -22 dB."""


def main() -> int:
    """Make the whole bank. Returns the exit code."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        sys.stderr.write("The program espeak-ng is needed to make the bank; the bank itself does not need it.\n")
        return 1
    bank = tomllib.loads((BANK / "bank.toml").read_text(encoding="utf-8"))
    for voice_name, voice in bank["voices"].items():
        for phrase_name, phrase in bank["phrases"].items():
            samples = levelled(trimmed(_spoken(espeak, voice, phrase["text"])))
            write_phrase(BANK / f"{voice_name}-{phrase_name}.wav", samples)
    return 0


def _spoken(espeak: str, voice: dict[str, Any], text: str) -> npt.NDArray[np.float32]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        rate, pitch = str(voice["words_per_minute"]), str(voice["pitch"])
        command = [espeak, "-v", voice["espeak"], "-s", rate, "-p", pitch, "-w", str(path), text]
        subprocess.run(command, check=True)  # noqa: S603  # a fixed program with our own table's words
        return read_mono(path, RATE_HZ).astype(np.float32) / np.float32(32768)


def trimmed(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """From the first sample to the last that is within 40 dB of the loudest: these are the labels."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 100)
    return samples[loud[0] : loud[-1] + 1]


def levelled(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    gain = LEVEL / float(np.sqrt(np.mean(np.square(samples))))
    return np.asarray(np.clip(samples * gain, -0.99, 0.99) * 32767, np.int16)


if __name__ == "__main__":
    sys.exit(main())
