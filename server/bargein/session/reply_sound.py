"""Reply sound, from what the model sends to what the caller has asked for.

The model speaks PCM16 at 24 kHz as base64. A caller of the plain protocol who wants the same gets the very text.
Whoever wants another format, or samples as they are, gets it decoded once, here, on arrival.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pybase64

from bargein.core.audio import PCM16_24K, AudioFormat, Encoding
from bargein.core.completion import AudioPiece
from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw
from bargein.sound.resample import Resampler


class ReplySound:
    """Converts the sound of one response.

    :param raw: the caller's protocol takes samples, not base64.
    """

    def __init__(self, fmt: AudioFormat, *, raw: bool) -> None:
        self.rate_hz = fmt.rate_hz
        self._format = fmt
        self._encoding = fmt.encoding
        self._raw = raw
        self._resampler: Resampler | None = None
        self.begin_again()

    def begin_again(self) -> None:
        """Another stream follows, of a model that made no sound."""
        if self._format != PCM16_24K:
            self._resampler = Resampler(PCM16_24K.rate_hz, self._format.rate_hz)

    def convert(self, piece: AudioPiece) -> AudioPiece:
        """One piece in the caller's format. It may be empty: a resampler keeps some milliseconds back."""
        if self._resampler is None:
            if self._raw and isinstance(piece.audio, str):
                return AudioPiece(pybase64.b64decode(piece.audio), piece.sample_count)
            return piece
        raw = piece.audio if isinstance(piece.audio, bytes) else pybase64.b64decode(piece.audio)
        return self._encoded(self._resampler.feed(np.frombuffer(raw, "<i2")))

    def flush(self) -> AudioPiece | None:
        """What a resampler has kept back; the stream has ended."""
        return None if self._resampler is None else self._encoded(self._resampler.flush())

    def _encoded(self, samples: npt.NDArray[np.int16]) -> AudioPiece:
        match self._encoding:
            case Encoding.PCMU:
                return AudioPiece(pcm16_to_ulaw(samples), len(samples))
            case Encoding.PCMA:
                return AudioPiece(pcm16_to_alaw(samples), len(samples))
            case Encoding.PCM16:
                return AudioPiece(samples.astype("<i2").tobytes(), len(samples))
