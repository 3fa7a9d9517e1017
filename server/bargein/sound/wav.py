"""WAV files: a header around PCM16 for the model, and any file's sound as mono PCM16 (RIFF/WAVE, IBM and Microsoft
1991).
"""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.sound.resample import resample

Samples = npt.NDArray[np.int16]

HEADER_BYTES: Final = 44


class NotWavError(ValueError):
    """The file cannot be read as WAV. The message says what it is instead, or what to do."""


@dataclass(frozen=True, slots=True)
class Wav:
    """A file's sound: PCM16, one row per sample, one column per channel."""

    samples: Samples
    rate_hz: int

    @property
    def mono(self) -> Samples:
        """All channels mixed into one."""
        if self.samples.shape[1] == 1:
            return self.samples[:, 0]
        mixed: Samples = np.rint(self.samples.astype(np.float32).mean(axis=1)).astype(np.int16)
        return mixed


def header(byte_count: int, rate_hz: int, channels: int = 1) -> bytes:
    """The 44 bytes before ``byte_count`` bytes of PCM16."""
    block = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + byte_count, b"WAVE", b"fmt ", 16, 1, channels, rate_hz,
        rate_hz * block, block, 16, b"data", byte_count,
    )  # fmt: skip


def wrap(pcm16: bytes, rate_hz: int) -> bytes:
    """Mono PCM16 as a WAV file."""
    return header(len(pcm16), rate_hz) + pcm16


def read(data: bytes) -> Wav:
    """Read a file with linear samples of 8, 16, 24 or 32 bits.

    :raises NotWavError: it is no WAV file, or holds samples of another kind.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate_hz = file.getnchannels(), file.getsampwidth(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise NotWavError(
            f"not a WAV file with linear samples ({error}): convert it, as with sox IN -b 16 OUT.wav"
        ) from error
    raw = raw[: len(raw) - len(raw) % (channels * width)]
    return Wav(_to_pcm16(raw, width).reshape(-1, channels), rate_hz)


def read_mono(data: bytes, rate_hz: int) -> Samples:
    """Read a file as one channel at ``rate_hz``.

    :raises NotWavError: as :func:`read`.
    """
    wav = read(data)
    return resample(wav.mono, wav.rate_hz, rate_hz)


def _to_pcm16(raw: bytes, width: int) -> Samples:
    match width:
        case 1:
            return (np.frombuffer(raw, np.uint8).astype(np.int16) - 128) << 8
        case 2:
            return np.frombuffer(raw, "<i2").astype(np.int16)
        case 3:
            # The upper two of three bytes.
            return np.frombuffer(raw, np.uint8).reshape(-1, 3)[:, 1:].copy().view("<i2").reshape(-1).astype(np.int16)
        case 4:
            return (np.frombuffer(raw, "<i4") >> 16).astype(np.int16)
        case _:
            raise NotWavError(f"samples of {8 * width} bits: convert the file, as with sox IN -b 16 OUT.wav")
