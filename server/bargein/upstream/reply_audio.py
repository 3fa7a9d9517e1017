"""The sound of a reply, from whatever a server puts into its chunks to PCM16 mono at 24 kHz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pybase64

from bargein.core.audio import PCM16_24K, base64_sample_count
from bargein.core.completion import AudioPiece
from bargein.errors import UpstreamMalformed
from bargein.sound.resample import Resampler
from bargein.sound.wav import Wav
from bargein.upstream.riff import begins_riff, read_riff

_RATE_HZ: Final = PCM16_24K.rate_hz
_RIFF_BASE64: Final = "UklGR"
"""How base64 of ``RIFF`` begins."""


class ReplyAudioReader:
    """One reply's sound, piece by piece.

    A piece of base64 that is whole samples at 24 kHz is handed on as the text it came in: it is checked, but not
    encoded again. It is decoded only where a sample or a group of base64 characters is split between pieces, where a
    WAV header has to go, or where the server speaks at another rate.
    """

    __slots__ = ("_channels", "_rate_hz", "_resampler", "_rest", "_text_rest")

    def __init__(self) -> None:
        self._rate_hz = _RATE_HZ
        self._channels = 1
        self._rest = b""
        self._text_rest = ""
        self._resampler: Resampler | None = None

    def describe(self, metadata: Mapping[str, Any]) -> None:
        """Take vLLM-Omni's ``audio_metadata`` of the piece to come: ``format``, ``sample_rate_hz``, ``channels``.

        :raises UpstreamMalformed: a format that is neither PCM16 nor WAV.
        """
        encoding = metadata.get("format")
        if isinstance(encoding, str) and encoding.lower() not in {"pcm", "pcm16", "wav"}:
            raise _unusable(f"as {encoding}, PCM16 or WAV is needed")
        rate_hz, channels = metadata.get("sample_rate_hz"), metadata.get("channels")
        self._shape(
            rate_hz if isinstance(rate_hz, int) else self._rate_hz,
            channels if isinstance(channels, int) else self._channels,
        )

    def read(self, text: str) -> AudioPiece | None:
        """The sound of one chunk's base64 text; ``None`` while there is no whole sample.

        :raises UpstreamMalformed: it is not base64, or not sound that can be played.
        """
        if self._text_rest:
            text, self._text_rest = self._text_rest + text, ""
        if len(text) % 4:
            whole = len(text) - len(text) % 4
            text, self._text_rest = text[:whole], text[whole:]
        try:
            raw = pybase64.b64decode(text, validate=True)
        except ValueError as error:
            raise _unusable("that is not base64") from error
        plain = self._rate_hz == _RATE_HZ and self._channels == 1 and not self._rest
        if plain and len(raw) % 2 == 0 and not text.startswith(_RIFF_BASE64):
            return AudioPiece(text, base64_sample_count(text)) if text else None
        return _piece(self._samples(raw))

    def end(self) -> AudioPiece | None:
        """What the resampler still holds. Half a sample at the end is dropped."""
        return _piece(self._resampler.flush().tobytes()) if self._resampler is not None else None

    def _samples(self, raw: bytes) -> bytes:
        """Whole samples of ``raw``: without headers, mono, at 24 kHz."""
        if not begins_riff(raw) or begins_riff(self._rest):
            raw = self._rest + raw
        self._rest = b""
        if begins_riff(raw):
            header = read_riff(raw)
            if header is None:
                self._rest = raw
                return b""
            self._shape(header.rate_hz, header.channels)
            raw = raw[header.data_start : header.data_end]
        if extra := len(raw) % (2 * self._channels):
            raw, self._rest = raw[:-extra], raw[-extra:]
        if self._channels == 1 and self._resampler is None:
            return raw
        samples = Wav(np.frombuffer(raw, "<i2").reshape(-1, self._channels), self._rate_hz).mono
        return (samples if self._resampler is None else self._resampler.feed(samples)).tobytes()

    def _shape(self, rate_hz: int, channels: int) -> None:
        if not 4_000 <= rate_hz <= 192_000 or not 1 <= channels <= 8:
            raise _unusable(f"at {rate_hz} Hz in {channels} channels")
        self._channels = channels
        if rate_hz != self._rate_hz:
            self._rate_hz = rate_hz
            self._resampler = Resampler(rate_hz, _RATE_HZ) if rate_hz != _RATE_HZ else None


def _piece(samples: bytes) -> AudioPiece | None:
    return AudioPiece(samples, len(samples) // 2) if samples else None


def _unusable(how: str) -> UpstreamMalformed:
    return UpstreamMalformed(f"The model's server sent sound {how}.", code="invalid_audio")
