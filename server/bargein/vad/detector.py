"""What a voice detector is."""

from __future__ import annotations

from typing import Protocol

from bargein.core.events import Window


class Detector(Protocol):
    """Judges one caller's sound, window by window. It has a state: one detector serves one caller."""

    def feed(self, audio: bytes, *, weigh: bool) -> tuple[Window, ...]:
        """Judge the windows that ``audio`` completes; the rest is kept for the next call.

        :param audio: whole samples in the format that the detector was made for, any number of them.
        :param weigh: also judge the voicing of speech, which costs more; without, it is given as 1.
        """
        ...
