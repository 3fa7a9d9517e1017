"""The WAV header that some servers put in front of every piece of a stream (Microsoft and IBM, "Multimedia Programming
Interface", 1991).

It stands in front of sound whose length is not known yet, so its sizes may be zero, the largest number, or right.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from bargein.errors import UpstreamMalformed
from bargein.sound.wav import NotWavError, SampleFormat, read_format

RIFF_BASE64: Final = "UklGR"
"""How base64 of ``RIFF`` begins."""

_LIMIT_BYTES: Final = 65_536
"""Where no samples have begun by then, none will."""


@dataclass(frozen=True, slots=True)
class RiffHeader:
    """Where the samples are, and what they are."""

    format: SampleFormat
    data_start: int
    data_end: int


def begins_riff(raw: bytes) -> bool:
    """Whether ``raw`` is a WAV header, or may become one with more bytes."""
    return raw[:4] == b"RIFF" and b"WAVE".startswith(raw[8:12])


def read_riff(raw: bytes) -> RiffHeader | None:
    """The header at the front of ``raw``; ``None`` while it is incomplete.

    :raises UpstreamMalformed: it is not a WAV header, or its samples are of no known kind.
    """
    fmt: SampleFormat | None = None
    at = 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, at)
        start = at + 8
        if name == b"data" and fmt is not None:
            known = 0 < size <= len(raw) - start
            return RiffHeader(fmt, start, start + size if known else len(raw))
        if name == b"fmt ":
            if start + size > len(raw) and size <= _LIMIT_BYTES:
                return None
            try:
                fmt = read_format(raw[start : start + size])
            except NotWavError as error:
                raise UpstreamMalformed(f"The model's server sent {error}.", code="invalid_audio") from error
        at = start + size + size % 2
        if at > _LIMIT_BYTES:
            break
    if at > _LIMIT_BYTES or len(raw) > _LIMIT_BYTES:
        raise UpstreamMalformed("The model's server sent a WAV header without samples.", code="invalid_audio")
    return None
