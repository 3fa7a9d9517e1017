"""G.711: one byte per sample at 8 kHz, as telephones speak it (ITU-T Recommendation G.711, 1988)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

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


_ULAW_TO_PCM: Final = _ulaw_decoded()
_ALAW_TO_PCM: Final = _alaw_decoded()


def _encoder(decoded: Samples, *, drop_bits: int) -> npt.NDArray[np.uint8]:
    """Table from a sample without its lowest ``drop_bits`` bits to the code whose value is nearest."""
    order = np.argsort(decoded, kind="stable")
    values = decoded[order].astype(np.int32)
    step = 1 << drop_bits
    wanted = np.arange(-32768, 32768, step, dtype=np.int32) + step // 2
    right = np.clip(np.searchsorted(values, wanted), 1, len(values) - 1)
    nearer_left = wanted - values[right - 1] <= values[right] - wanted
    return order[np.where(nearer_left, right - 1, right)].astype(np.uint8)


# The recommendation quantises 14-bit (µ-law) and 13-bit (A-law) samples.
_PCM_TO_ULAW: Final = _encoder(_ULAW_TO_PCM, drop_bits=2)
_PCM_TO_ALAW: Final = _encoder(_ALAW_TO_PCM, drop_bits=3)


def ulaw_to_pcm16(data: bytes) -> Samples:
    """Decode µ-law."""
    return _ULAW_TO_PCM[np.frombuffer(data, np.uint8)]


def alaw_to_pcm16(data: bytes) -> Samples:
    """Decode A-law."""
    return _ALAW_TO_PCM[np.frombuffer(data, np.uint8)]


def pcm16_to_ulaw(samples: Samples) -> bytes:
    """Encode as µ-law: each sample becomes the code nearest to it."""
    codes = _PCM_TO_ULAW[(samples.astype(np.int32) + 32768) >> 2]
    return bytes(codes)


def pcm16_to_alaw(samples: Samples) -> bytes:
    """Encode as A-law: each sample becomes the code nearest to it."""
    codes = _PCM_TO_ALAW[(samples.astype(np.int32) + 32768) >> 3]
    return bytes(codes)
