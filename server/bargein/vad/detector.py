"""What a voice detector is."""

from __future__ import annotations

from typing import Protocol

from bargein.core.events import Window


class Detector(Protocol):
    """Judges one caller's sound, window by window. It has a state: one detector serves one caller."""

    def feed(self, audio: bytes, *, weigh_above_db: float) -> tuple[Window, ...]:
        """Judge the windows that ``audio`` completes; the rest is kept for the next call.

        :param audio: whole samples in the format that the detector was made for, any number of them.
        :param weigh_above_db: also judge the voicing of speech that is as loud, which costs more; of what is quieter it
            is given as 1. Infinity: of none.
        """
        ...
