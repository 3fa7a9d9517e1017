"""The WAV header that some servers put in front of every piece of a stream (Microsoft and IBM, "Multimedia Programming
Interface", 1991).

It stands in front of sound whose length is not known yet, so its sizes may be zero, the largest number, or right.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from bargein.errors import UpstreamMalformed

_PCM: Final = 0x0001
_EXTENSIBLE: Final = 0xFFFE
_LIMIT_BYTES: Final = 65_536
"""Where no samples have begun by then, none will."""


@dataclass(frozen=True, slots=True)
class RiffHeader:
    """Where the samples are, and what they are. Always 16-bit little-endian."""

    rate_hz: int
    channels: int
    data_start: int
    data_end: int


def begins_riff(raw: bytes) -> bool:
    """Whether ``raw`` is a WAV header, or may become one with more bytes."""
    return raw[:4] == b"RIFF" and b"WAVE".startswith(raw[8:12])


def read_riff(raw: bytes) -> RiffHeader | None:
    """The header at the front of ``raw``; ``None`` while it is incomplete.

    :raises UpstreamMalformed: it is not a WAV header, or not one of 16-bit PCM.
    """
    shape: tuple[int, int] | None = None
    at = 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, at)
        start = at + 8
        if name == b"data" and shape is not None:
            known = 0 < size <= len(raw) - start
            return RiffHeader(*shape, start, start + size if known else len(raw))
        if name == b"fmt ":
            if start + 16 > len(raw):
                return None
            tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", raw, start)
            if tag not in {_PCM, _EXTENSIBLE} or bits != 16 or not channels or not rate_hz:
                raise UpstreamMalformed(
                    f"The model's server sent {bits}-bit WAV of format {tag}, 16-bit PCM is needed.",
                    code="invalid_audio",
                )
            shape = (rate_hz, channels)
        at = start + size + size % 2
        if at > _LIMIT_BYTES:
            break
    if at > _LIMIT_BYTES or len(raw) > _LIMIT_BYTES:
        raise UpstreamMalformed("The model's server sent a WAV header without samples.", code="invalid_audio")
    return None
