"""What the core asks of stored sound, measured with numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pybase64

from bargein.alignment.voiced_clock import STEP_MS, SpeechCurve
from bargein.core.audio import AudioFormat, Encoding
from bargein.core.measures import PLAIN_LIKENESS, EchoMatch
from bargein.sound import echo, echo_shape, intonation
from bargein.sound.g711 import alaw_to_pcm16, ulaw_to_pcm16
from bargein.sound.resample import decimate
from bargein.sound.speech_curve import speech_curve

ECHO_RATE_HZ: Final = 8_000
SHAPE_ABOVE: Final = 0.06
"""Of an echo, even between bare walls, some short filter explains so much; of half of all other voices none does, and
their shape need not be compared, which costs as much again.
"""


class NumpyMeasures:
    """A :class:`~bargein.core.measures.Measures`."""

    def speech_curve(self, pieces: Sequence[str | bytes], fmt: AudioFormat) -> SpeechCurve:
        """See :meth:`Measures.speech_curve`."""
        levels_db, hisses = speech_curve(pcm16(pieces, fmt), fmt.rate_hz, STEP_MS)
        return SpeechCurve(levels_db, hisses)

    def echo_match(
        self, heard: bytes, heard_format: AudioFormat, said: Sequence[str | bytes], said_format: AudioFormat
    ) -> EchoMatch:
        """See :meth:`Measures.echo_match`."""
        sound = _at_echo_rate(said, said_format)
        heard_sound = _at_echo_rate([heard], heard_format)
        likeness, at_sample = echo.match(heard_sound, sound)
        said_s = (len(sound) - at_sample) / ECHO_RATE_HZ
        if likeness < SHAPE_ABOVE or likeness >= PLAIN_LIKENESS:  # It is none, or one whatever its shape.
            return EchoMatch(likeness, said_s)
        shape, at_sample = echo_shape.match(heard_sound, sound)
        return EchoMatch(likeness, said_s, shape, (len(sound) - at_sample) / ECHO_RATE_HZ)

    def pitch_slope(self, heard: bytes, heard_format: AudioFormat) -> float | None:
        """See :meth:`Measures.pitch_slope`."""
        return intonation.pitch_slope(_at_echo_rate([heard], heard_format))


def pcm16(pieces: Sequence[str | bytes], fmt: AudioFormat) -> npt.NDArray[np.int16]:
    """The samples of pieces, in order."""
    # Validating is four times faster than looking for what to leave out.
    raw = b"".join(
        [piece if isinstance(piece, bytes) else pybase64.b64decode(piece, validate=True) for piece in pieces]
    )
    match fmt.encoding:
        case Encoding.PCM16:
            return np.frombuffer(raw, "<i2")
        case Encoding.PCMU:
            return ulaw_to_pcm16(raw)
        case Encoding.PCMA:
            return alaw_to_pcm16(raw)


def _at_echo_rate(pieces: Sequence[str | bytes], fmt: AudioFormat) -> npt.NDArray[np.float32]:
    samples = pcm16(pieces, fmt)
    factor = fmt.rate_hz // ECHO_RATE_HZ
    return samples.astype(np.float32) if factor == 1 else decimate(samples, factor)
