"""What the core needs to know of stored sound, measured outside: it has no numerics of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bargein.core.audio import AudioFormat


@dataclass(frozen=True, slots=True)
class EchoMatch:
    """How much of the caller's sound is the agent's own, come back from the loudspeaker."""

    likeness: float
    """0 to 1."""
    said_s: float = 0.0
    """How long before the end of what was said that is where it was found."""


class Measures(Protocol):
    """Pure functions of sound. They are called when speech over a reply is to be judged, and in pauses,
    never per frame.
    """

    def echo_match(
        self, heard: bytes, heard_format: AudioFormat, said: Sequence[str | bytes], said_format: AudioFormat
    ) -> EchoMatch:
        """Compare the caller's sound with the agent's.

        :param said: what the agent said shortly before and meanwhile; longer than ``heard``.
        """
        ...

    def pitch_slope(self, heard: bytes, heard_format: AudioFormat) -> float | None:
        """How the pitch of the caller's voice moves, in semitones a second; ``None`` where there is too little of it.

        :param heard: up to a pause; half a second is enough.
        """
        ...
