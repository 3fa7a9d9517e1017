"""Speech that ships with the project: made phrases in several voices, as WAV files of G.711 mu-law at 16 kHz.

``bank.toml`` lists the voices and phrases, ``make.py`` speaks them. Mu-law halves the size at a quality that telephones
and voice detectors are used to, and every player plays it.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.sound.g711 import pcm16_to_ulaw, ulaw_to_pcm16

BANK: Final = Path(__file__).parent
RATE_HZ: Final = 16_000

# A WAV of format 7 (mu-law), with the "fact" chunk that formats other than PCM need (RIFF/WAVE, 1994 revision).
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")


def read_phrase(path: Path) -> npt.NDArray[np.int16]:
    """The samples of a file that :func:`write_phrase` wrote: speech from its first sample to its last."""
    data = path.read_bytes()
    sample_count = _HEADER.unpack_from(data)[-1]
    return ulaw_to_pcm16(data[_HEADER.size : _HEADER.size + sample_count])


def write_phrase(path: Path, samples: npt.NDArray[np.int16]) -> None:
    sound = pcm16_to_ulaw(samples)
    padded = sound + b"\xff" * (len(sound) % 2)
    header = _HEADER.pack(
        *(b"RIFF", _HEADER.size - 8 + len(padded), b"WAVE"),
        *(b"fmt ", 18, 7, 1, RATE_HZ, RATE_HZ, 1, 8, 0),
        *(b"fact", 4, samples.size),
        *(b"data", samples.size),
    )
    path.write_bytes(header + padded)
