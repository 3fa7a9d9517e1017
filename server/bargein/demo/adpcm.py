"""IMA ADPCM in WAV files: 4 bits a sample, decoded without any library.

Source: "IMA Digital Audio Focus and Technical Working Group: Recommended Practices for Enhancing Digital Audio
Compatibility in Multimedia Systems" (1992), in the blocks of Microsoft's "New Multimedia Data Types and Data
Techniques" (1994), WAVE_FORMAT_DVI_ADPCM.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

_FORMAT: Final = 0x11
_INDEX_CHANGE: Final = np.array([-1, -1, -1, -1, 2, 4, 6, 8] * 2, np.int32)
_STEPS: Final = np.array(
    [
        7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97,
        107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796,
        876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871,
        5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623,
        27086, 29794, 32767,
    ],
    np.int32,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AdpcmFile:
    """A mono file. Each of its blocks can be decoded by itself."""

    data: bytes
    rate_hz: int
    block_bytes: int
    block_samples: int

    def blocks(self, first: int, count: int) -> Samples:
        """Decode ``count`` blocks: all of them at once, one sample of each at a time."""
        start = first * self.block_bytes
        raw = np.frombuffer(self.data[start : start + count * self.block_bytes], np.uint8).reshape(count, -1)
        value = raw[:, :2].copy().view("<i2")[:, 0].astype(np.int32)
        index = raw[:, 2].astype(np.int32)
        nibbles = np.stack((raw[:, 4:] & 0x0F, raw[:, 4:] >> 4), axis=2).reshape(count, -1)
        decoded = np.empty((count, self.block_samples), np.int16)
        decoded[:, 0] = value
        for at in range(1, self.block_samples):
            code = nibbles[:, at - 1]
            step = _STEPS[index]
            change = (step >> 3) + step * (code >> 2 & 1) + (step >> 1) * (code >> 1 & 1) + (step >> 2) * (code & 1)
            value = np.clip(np.where(code & 8, value - change, value + change), -32768, 32767)
            index = np.clip(index + _INDEX_CHANGE[code], 0, len(_STEPS) - 1)
            decoded[:, at] = value
        return decoded.reshape(-1)


def read_adpcm(file: bytes) -> AdpcmFile:
    """Read a mono IMA ADPCM WAV file.

    :raises ValueError: it is something else.
    """
    at, block_bytes, block_samples, rate_hz = 12, 0, 0, 0
    while at + 8 <= len(file):
        name, size = file[at : at + 4], int.from_bytes(file[at + 4 : at + 8], "little")
        if name == b"fmt ":
            kind, channels, rate_hz, _, block_bytes, _, _, block_samples = struct.unpack_from("<HHIIHHHH", file, at + 8)
            if (kind, channels) != (_FORMAT, 1):
                raise ValueError(f"not mono IMA ADPCM: format {kind} with {channels} channels")
        elif name == b"data" and block_bytes:
            return AdpcmFile(file[at + 8 : at + 8 + size], rate_hz, block_bytes, block_samples)
        at += 8 + size + size % 2
    raise ValueError("not a WAV file with IMA ADPCM in it")
