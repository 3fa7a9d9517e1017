"""What the core needs to know of stored sound, measured outside: it has no numerics of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bargein.core.audio import AudioFormat

PLAIN_LIKENESS: Final = 0.35
"""What is so much alike is an echo whatever its shape, which need not be asked for."""


@dataclass(frozen=True, slots=True)
class EchoMatch:
    """How much of the caller's sound is the agent's own, come back from the loudspeaker."""

    likeness: float
    """The share of it that some short filter makes of what was said: 0 to 1."""
    said_s: float = 0.0
    """How long before the end of what was said that is where it was found."""
    shape: float | None = None
    """How alike both rise and fall: -1 to 1. Where most of an echo comes from the walls, no short filter explains it,
    and this does. ``None``: not asked, for the likeness says enough.
    """
    shape_said_s: float = 0.0
    """As :attr:`said_s`, of the shape."""


class Measures(Protocol):
    """Pure functions of sound. They are called when speech over a reply is to be judged, and in pauses,
    never per frame.
    """

    def echo_match(
        self, heard: bytes, heard_format: AudioFormat, said: Sequence[str | bytes], said_format: AudioFormat
    ) -> EchoMatch:
        """Compare the caller's sound with the agent's.

        :param heard: half a second or more, for its shape.
        :param said: what the agent said shortly before and meanwhile; longer than ``heard``.
        """
        ...

    def pitch_slope(self, heard: bytes, heard_format: AudioFormat) -> float | None:
        """How the pitch of the caller's voice moves, in semitones a second; ``None`` where there is too little of it.

        :param heard: up to a pause; half a second is enough.
        """
        ...
