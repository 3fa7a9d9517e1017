"""Reads the ``bargein.v1`` binary messages of reply audio, independently of the server's own code."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Self

_HEADER = struct.Struct("<BBHIIIQ")


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """One binary message from the server: a 24-byte header and whole samples of the output format."""

    content_index: int
    seq: int
    response_number: int
    output_index: int
    start_sample: int
    samples: bytes = field(repr=False)

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """Parse a message.

        :raises AssertionError: it is not version 1, kind 1 (reply audio), or holds no samples.
        """
        version, kind, content_index, seq, number, output_index, start = _HEADER.unpack_from(message)
        assert (version, kind) == (1, 1), f"unknown binary message: version {version}, kind {kind}"
        samples = message[_HEADER.size :]
        assert samples, "a binary message without samples"
        return cls(content_index, seq, number, output_index, start, samples)
