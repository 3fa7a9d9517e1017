"""What a voice detector is, in each of two roles.

The first listens to everything and must be cheap: it finds evidence of speech, which holds a reply, within a tenth of a
second, and may be wrong. The second is asked while something is undecided, from before the onset on, and says whether
it is speech: it may cost more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bargein.core.audio import AudioFormat
from bargein.core.events import WeighedWindow, Window


class Detector(Protocol):
    """Judges one caller's sound, window by window. It has a state: one detector serves one caller."""

    def feed(self, audio: bytes, *, weigh_above_db: float) -> tuple[Window, ...]:
        """Judge the windows that ``audio`` completes; the rest is kept for the next call.

        :param audio: whole samples in the format that the detector was made for, any number of them.
        :param weigh_above_db: also judge the voicing of speech that is as loud, which costs more; of what is quieter it
            is given as 1. Infinity: of none.
        """
        ...


class Weigher(Protocol):
    """The second role: listens to one stretch of one caller's sound, which is undecided. It has a state."""

    def feed(self, audio: bytes) -> tuple[WeighedWindow, ...]:
        """Judge the windows that ``audio`` completes; the rest is kept for the next call.

        :param audio: whole samples in the format that it was made for, each piece following the one before.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ears:
    """The detectors that callers are heard with."""

    make_detector: Callable[[AudioFormat], Detector]
    """Made for a format of callers: PCM at 8, 16, 24, 32 or 48 kHz, or G.711."""
    make_weigher: Callable[[AudioFormat, int], Weigher] | None = None
    """Made for a format and the position of the first sample that it will be fed, counted at the format's rate from the
    beginning of the session. Without it the first decides alone."""
