"""What the core needs to know of stored sound, measured outside: it has no numerics of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bargein.core.audio import AudioFormat
from bargein.core.voiced_clock import SpeechCurve


class Measures(Protocol):
    """Pure functions of sound. They are called at an interruption and every few seconds of a reply, never per frame."""

    def speech_curve(self, pieces: Sequence[str | bytes], fmt: AudioFormat) -> SpeechCurve:
        """Where in a stored reply is voice, and where it hisses."""
        ...

    def echo_likeness(
        self, heard: bytes, heard_format: AudioFormat, said: Sequence[str | bytes], said_format: AudioFormat
    ) -> float:
        """How much of the caller's sound is the agent's own, come back from the loudspeaker: 0 to 1.

        :param said: what the agent said shortly before and meanwhile; longer than ``heard``.
        """
        ...
