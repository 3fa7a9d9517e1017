"""The format of WAV: a header around PCM16, and what the samples behind any header are.

Whole files are read by :mod:`bargein.sound.files`.

Source: "Multimedia Programming Interface and Data Specifications 1.0" (IBM and Microsoft, 1991) for RIFF and WAVE, and
Microsoft's "Multiple Channel Audio Data and WAVE Files" (2001) for the extensible format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.sound.g711 import alaw_to_pcm16, ulaw_to_pcm16

Samples = npt.NDArray[np.int16]

HEADER_BYTES: Final = 44

_PCM: Final = 1
_FLOAT: Final = 3
_ALAW: Final = 6
_ULAW: Final = 7
_EXTENSIBLE: Final = 0xFFFE


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
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + byte_count, b"WAVE", b"fmt ", 16, _PCM, channels, rate_hz,
        rate_hz * block, block, 16, b"data", byte_count,
    )  # fmt: skip


def wrap(pcm16: bytes, rate_hz: int) -> bytes:
    """Mono PCM16 as a WAV file."""
    return header(len(pcm16), rate_hz) + pcm16


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """What the samples of a file are."""

    kind: int
    """1 linear, 3 floating point, 6 A-law, 7 µ-law."""
    channels: int
    rate_hz: int
    bits: int

    @property
    def bytes_per_frame(self) -> int:
        """One sample of each channel."""
        return self.channels * self.bits // 8


def read_format(body: bytes) -> SampleFormat:
    """The ``fmt`` chunk of a file.

    :raises NotWavError: its samples are of another kind than :func:`to_pcm16` can read.
    """
    if len(body) < 16:
        raise NotWavError(f"a WAV file with a format of {len(body)} bytes, at least 16 are needed")
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == _EXTENSIBLE and len(body) >= 26:
        (kind,) = struct.unpack_from("<H", body, 24)
    if not channels or not rate_hz:
        raise NotWavError(f"a WAV file with {channels} channels at {rate_hz} Hz")
    supported = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _ALAW: (8,), _ULAW: (8,)}
    if bits not in supported.get(kind, ()):
        raise NotWavError(
            f"a WAV file with samples of kind {kind} and {bits} bits: "
            "convert it, as with sox IN -b 16 -e signed OUT.wav"
        )
    return SampleFormat(kind, channels, rate_hz, bits)


def to_pcm16(raw: bytes, fmt: SampleFormat) -> Samples:
    """Whole frames of ``fmt``, channels interleaved as they came."""
    match fmt.kind, fmt.bits:
        case (1, 8):
            return (np.frombuffer(raw, np.uint8).astype(np.int16) - 128) << 8
        case (1, 16):
            return np.frombuffer(raw, "<i2").astype(np.int16)
        case (1, 24):
            # The upper two of three bytes.
            return np.frombuffer(raw, np.uint8).reshape(-1, 3)[:, 1:].copy().view("<i2").reshape(-1).astype(np.int16)
        case (1, 32):
            return (np.frombuffer(raw, "<i4") >> 16).astype(np.int16)
        case (3, bits):
            exact = np.nan_to_num(np.frombuffer(raw, f"<f{bits // 8}").astype(np.float64))
            return np.clip(np.rint(exact * 32768), -32768, 32767).astype(np.int16)
        case (6, _):
            return alaw_to_pcm16(raw)
        case _:
            return ulaw_to_pcm16(raw)
