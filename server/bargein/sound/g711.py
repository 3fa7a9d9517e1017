"""G.711: one byte per sample at 8 kHz, as telephones speak it.

By tables. Source: ITU-T Recommendation G.711 (1988); its reference implementation in G.191 says what the recommendation
leaves open, how samples of 16 bits are rounded.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Codes = npt.NDArray[np.uint8]

_ULAW_BIAS: Final = 0x84


def _ulaw_decoded() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + _ULAW_BIAS) << ((code & 0x70) >> 4)) - _ULAW_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decoded() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    magnitude = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, magnitude, (magnitude + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


ULAW_TO_PCM: Final = _ulaw_decoded()
ALAW_TO_PCM: Final = _alaw_decoded()
"""The samples of all 256 codes, each."""


def _segment(magnitude: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """How many bits ``magnitude`` has."""
    return np.ceil(np.log2(magnitude + 1)).astype(np.int32)


def _ulaw_encoded() -> Codes:
    """Table from the upper 14 bits of a sample. Negative ones by one's complement, as ITU-T G.191 does it."""
    sample = np.arange(-8192, 8192, dtype=np.int32)
    magnitude = np.minimum(np.where(sample < 0, ~sample, sample) + (_ULAW_BIAS >> 2), 0x1FFF)
    segment = _segment(magnitude >> 6) + 1
    code = ((8 - segment) << 4) | (0x0F - ((magnitude >> segment) & 0x0F))
    codes: Codes = np.where(sample < 0, code, code | 0x80).astype(np.uint8)
    return codes


def _alaw_encoded() -> Codes:
    """Table from the upper 12 bits of a sample: A-law's steps are never finer. Negative ones as above."""
    sample = np.arange(-2048, 2048, dtype=np.int32)
    magnitude = np.where(sample < 0, ~sample, sample)
    exponent = np.maximum(_segment(magnitude >> 4), 1)
    mantissa = magnitude >> (exponent - 1)
    code = np.where(magnitude < 16, magnitude, (exponent << 4) | (mantissa & 0x0F))
    codes: Codes = (np.where(sample < 0, code, code | 0x80) ^ 0x55).astype(np.uint8)
    return codes


_PCM_TO_ULAW: Final = _ulaw_encoded()
_PCM_TO_ALAW: Final = _alaw_encoded()


def ulaw_to_pcm16(data: bytes) -> Samples:
    """Decode µ-law."""
    return ULAW_TO_PCM[np.frombuffer(data, np.uint8)]


def alaw_to_pcm16(data: bytes) -> Samples:
    """Decode A-law."""
    return ALAW_TO_PCM[np.frombuffer(data, np.uint8)]


def pcm16_to_ulaw(samples: Samples) -> bytes:
    """Encode as µ-law."""
    codes = _PCM_TO_ULAW[(samples >> 2) + np.int16(8192)]
    return bytes(codes)


def pcm16_to_alaw(samples: Samples) -> bytes:
    """Encode as A-law."""
    codes = _PCM_TO_ALAW[(samples >> 4) + np.int16(2048)]
    return bytes(codes)
