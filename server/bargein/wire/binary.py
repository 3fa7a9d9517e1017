"""Binary messages of ``bargein.v1``: reply audio behind a 24-byte header (the table is in the subprotocol's page)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
KIND_REPLY_AUDIO: Final = 1

_HEADER: Final = struct.Struct("<BBHIIIQ")
HEADER_BYTES: Final = _HEADER.size


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """A message that was read: whole samples of a reply, in the response's output format."""

    seq: int
    """Number of this message among all of the connection, text ones too; modulo 2**32."""
    response_number: int
    """Announced by ``bargein.response``."""
    output_index: int
    content_index: int
    start_sample: int
    """Of the first sample, within the content part."""
    samples: bytes


def pack(
    seq: int, response_number: int, output_index: int, content_index: int, start_sample: int, samples: bytes
) -> bytes:
    """The message to send; the arguments are the fields of :class:`ReplyAudio`."""
    header = _HEADER.pack(
        VERSION,
        KIND_REPLY_AUDIO,
        content_index,
        seq & 0xFFFF_FFFF,
        response_number,
        output_index,
        start_sample,
    )
    return header + samples


def unpack(message: bytes) -> ReplyAudio:
    """Read a message, as a client does.

    :raises ValueError: it is shorter than its header, or of another version or kind.
    """
    if len(message) < HEADER_BYTES:
        raise ValueError(f"a binary message has at least {HEADER_BYTES} bytes, got {len(message)}")
    version, kind, content_index, seq, number, output_index, start_sample = _HEADER.unpack_from(message)
    if version != VERSION:
        raise ValueError(f"unknown version {version} of binary messages, expected {VERSION}")
    if kind != KIND_REPLY_AUDIO:
        raise ValueError(f"unknown kind {kind} of binary messages, expected {KIND_REPLY_AUDIO} (reply audio)")
    return ReplyAudio(seq, number, output_index, content_index, start_sample, message[HEADER_BYTES:])
