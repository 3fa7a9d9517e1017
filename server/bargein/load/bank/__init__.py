"""Speech that ships with the project: made phrases in several voices, as WAV files of G.711 mu-law at 16 kHz.

``bank.toml`` lists the voices and phrases, ``make.py`` speaks them. Mu-law halves the size at a quality that telephones
and voice detectors are used to, and every player plays it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from bargein.sound.files import read

BANK: Final = Path(__file__).parent
RATE_HZ: Final = 16_000


def read_phrase(path: Path) -> npt.NDArray[np.int16]:
    """The samples of a file that :func:`write_phrase` wrote: speech from its first sample to its last."""
    return read(path).mono


def write_phrase(path: Path, samples: npt.NDArray[np.int16]) -> None:
    """Write ``samples``, at :data:`RATE_HZ`."""
    soundfile.write(path, samples, RATE_HZ, subtype="ULAW")
