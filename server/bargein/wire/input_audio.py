"""Sound that callers send as base64 inside JSON."""

from __future__ import annotations

import binascii
from typing import Final

import pybase64

from bargein.core.audio import AudioFormat
from bargein.errors import CallerError

MAX_AUDIO_BYTES: Final = 15 * 1024 * 1024
"""The most sound that one event may hold (reference, section "Limits")."""


_MAX_CHARACTERS: Final = MAX_AUDIO_BYTES * 4 // 3 + 4


def plain_append(message: bytes) -> bytes | None:
    """The samples in an ``input_audio_buffer.append`` that is written as nearly all clients write it.

    Such a message needs no JSON parser: what is strict base64 up to the closing quote holds no escape and no second
    field. ``None``: it is something else, or written otherwise, or wrong; read it as JSON.
    """
    for head in _PLAIN_HEADS:
        size = len(message)
        if message.startswith(head) and message.endswith(b'"}') and len(head) + 2 <= size < _LONGEST_PLAIN_BYTES:
            try:
                return pybase64.b64decode(message[len(head) : size - 2], validate=True)
            except (binascii.Error, ValueError):
                return None
    return None


_PLAIN_HEADS: Final = (
    b'{"type":"input_audio_buffer.append","audio":"',  # JavaScript's JSON.stringify, orjson
    b'{"type": "input_audio_buffer.append", "audio": "',  # Python's json.dumps
)
_LONGEST_PLAIN_BYTES: Final = 65_536


def decode_audio(text: str, audio_format: AudioFormat, param: str = "audio") -> bytes:
    """The samples in ``text``, base64 as RFC 4648 section 4 has it, with padding.

    :raises CallerError: it is not base64, ends in the middle of a sample, or is too long.
    """
    if len(text) > _MAX_CHARACTERS:
        raise CallerError(
            f"Invalid '{param}': more than {MAX_AUDIO_BYTES} bytes of audio in one event. Send it in several.",
            code="string_above_max_length",
            param=param,
        )
    try:
        samples = pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CallerError(
            f"Invalid '{param}': expected base64-encoded audio bytes (RFC 4648 section 4), but it does not decode: "
            f"{error}.",
            code="invalid_value",
            param=param,
        ) from None
    if len(samples) % 2:
        check_whole_samples(samples, audio_format, param)
    return samples


def check_whole_samples(samples: bytes, audio_format: AudioFormat, param: str = "audio") -> None:
    """Refuse ``samples`` that end in the middle of one, with a :class:`CallerError`."""
    if len(samples) % audio_format.bytes_per_sample:
        raise CallerError(
            f"Invalid '{param}': got {len(samples)} bytes of {audio_format.encoding.value}, which is not a whole "
            f"number of samples of {audio_format.bytes_per_sample} bytes. Keep the odd byte for the next event.",
            code="invalid_value",
            param=param,
        )
