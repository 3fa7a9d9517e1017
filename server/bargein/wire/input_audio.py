"""Sound that callers send as base64 inside JSON."""

from __future__ import annotations

import re
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
            except ValueError:
                return None
    return None


_PLAIN_HEADS: Final = (
    b'{"type":"input_audio_buffer.append","audio":"',  # JavaScript's JSON.stringify, orjson
    b'{"type": "input_audio_buffer.append", "audio": "',  # Python's json.dumps
)
_LONGEST_PLAIN_BYTES: Final = 65_536


def decode_audio(text: str, param: str = "audio") -> bytes:
    """The bytes in ``text``: base64 as RFC 4648 section 4 has it, or in a spelling that can mean nothing else: without
    padding, URL-safe (section 5), with line breaks or blanks, as a data URL, or several texts one behind the other.

    :raises CallerError: it is not base64, a data URL of something else than samples, or too long.
    """
    if len(text) > _MAX_CHARACTERS:
        raise CallerError(
            f"Invalid '{param}': more than {MAX_AUDIO_BYTES} bytes of audio in one event. Send it in several.",
            code="string_above_max_length",
            param=param,
        )
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return _spelt_otherwise(text, param)


def decode_item_audio(text: str, audio_format: AudioFormat, param: str) -> bytes:
    """As :func:`decode_audio`, where it is all of a sound: whole samples.

    :raises CallerError: as there, or it ends in the middle of a sample.
    """
    samples = decode_audio(text, param)
    if len(samples) % audio_format.bytes_per_sample:
        raise CallerError(
            f"Invalid '{param}': got {len(samples)} bytes of {audio_format.encoding.value}, which is not a whole "
            f"number of samples of {audio_format.bytes_per_sample} bytes.",
            code="invalid_value",
            param=param,
        )
    return samples


_DATA_URL: Final = re.compile(r"\s*data:([^,;]*)([^,]*),", re.IGNORECASE)
_SAMPLE_TYPES: Final = re.compile(
    r"audio/(x-)?(wave?|vnd\.wave|pcm\w*|l16|raw|basic|mulaw|alaw)|application/octet-stream|"
)
"""Media types of samples, or that say nothing. WAV is among them: what its samples are stands at its beginning."""
_BLANKS_AND_URL_SAFE: Final = str.maketrans("-_", "+/", " \t\r\n\f\v")
_TEXTS: Final = re.compile(r"[^=]+=*")
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9+/=_\-\s]", re.ASCII)
_SHOWN_CHARACTERS: Final = 12


def _spelt_otherwise(text: str, param: str) -> bytes:
    url = _DATA_URL.match(text)
    if url is not None:
        text = text[url.end() :]
        _check_data_url(url, param)
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        start = foreign.start()
        raise _not_base64(param, f"'{text[start : start + _SHOWN_CHARACTERS]}' at character {start}")
    plain = text.translate(_BLANKS_AND_URL_SAFE)
    if " " in text.strip() and len(plain) % 4:
        raise _not_base64(param, "blanks, it seems in the place of '+': do not decode it as a URL or a form")
    if plain.startswith("="):
        raise _not_base64(param, "padding of nothing")
    decoded = []
    for one in _TEXTS.findall(plain):
        letters = one.rstrip("=")
        missing, padding = -len(letters) % 4, len(one) - len(letters)
        if missing == 3 or padding > missing:
            raise _not_base64(param, f"{len(letters)} characters and {padding} of padding")
        decoded.append(pybase64.b64decode(letters + "=" * missing, validate=True))
    return b"".join(decoded)


def _check_data_url(url: re.Match[str], param: str) -> None:
    media_type, rest = url[1].strip().lower(), url[2].lower()
    if not rest.endswith(";base64"):
        raise _not_base64(param, "a data URL that does not say ';base64'")
    if not _SAMPLE_TYPES.fullmatch(media_type):
        raise CallerError(
            f"Invalid '{param}': a data URL of '{media_type}'. Send the samples themselves, base64-encoded, in the "
            "session's input format (session.audio.input.format), not the output of a recorder or an encoder.",
            code="unsupported_audio",
            param=param,
        )


def _not_base64(param: str, found: str) -> CallerError:
    return CallerError(
        f"Invalid '{param}': expected base64-encoded audio bytes (RFC 4648 section 4), but got {found}.",
        code="invalid_value",
        param=param,
    )
