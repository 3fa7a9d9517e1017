"""WAV files, read by libsndfile. What callers and models send in pieces is read as it comes, by
:mod:`bargein.wire.sample_stream` and :mod:`bargein.upstream.riff`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from bargein.sound.resample import resample
from bargein.sound.wav import NotWavError, Wav

Samples = npt.NDArray[np.int16]

_CONVERT: Final = "convert it, as with sox IN -b 16 OUT.wav"


@dataclass(frozen=True, slots=True)
class Length:
    """How long a file is.

    :ivar frames: samples of each channel.
    """

    frames: int
    rate_hz: int


def read(data: bytes | Path, first: int = 0, count: int = -1) -> Wav:
    """Read a file: samples of any kind, any rate and channels.

    A file that was cut off, or written as a stream with no length, is read as far as it goes.

    :param first: the sample of each channel to begin at.
    :param count: how many to read; by default all that follow.
    :raises NotWavError: it is no WAV file, or cannot be read.
    :raises OSError: there is no such file.
    """
    with _opened(data) as file:
        if first:
            file.seek(first)
        if file.subtype not in {"FLOAT", "DOUBLE"}:
            return Wav(file.read(count, dtype="int16", always_2d=True), file.samplerate)
        exact = np.nan_to_num(file.read(count, dtype="float64", always_2d=True))
        return Wav(np.clip(np.rint(exact * 32768), -32768, 32767).astype(np.int16), file.samplerate)


def read_mono(data: bytes | Path, rate_hz: int) -> Samples:
    """Read a file as one channel at ``rate_hz``.

    :raises NotWavError: as :func:`read`.
    """
    wav = read(data)
    return resample(wav.mono, wav.rate_hz, rate_hz)


def length(data: bytes) -> Length:
    """How long a file is, without reading its samples.

    :raises NotWavError: as :func:`read`.
    """
    with _opened(data) as file:
        return Length(file.frames, file.samplerate)


def _opened(data: bytes | Path) -> soundfile.SoundFile:
    whole = data.read_bytes() if isinstance(data, Path) else data
    # Without this look libsndfile would try all other kinds of files.
    if whole[:4] != b"RIFF" or whole[8:12] != b"WAVE":
        raise NotWavError(f"not a WAV file: {_CONVERT}")
    try:
        return soundfile.SoundFile(io.BytesIO(whole))
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise NotWavError(f"a WAV file that cannot be read ({reason}): {_CONVERT}") from None
