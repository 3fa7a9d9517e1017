"""The newest windows of a caller's sound with what they weigh, as far back as decisions look."""

from __future__ import annotations

import math
from collections import deque

from bargein.core.events import Window


class _Weighed:
    """A window with its weight: samples of speech, and of voiced speech."""

    __slots__ = ("level_db", "sample_count", "speech", "voiced")

    def __init__(self, window: Window, speech: float) -> None:
        self.sample_count = window.sample_count
        self.level_db = window.level_db
        self.speech = speech
        self.voiced = speech * window.voicing


class RecentWindows:
    """Windows side by side, the newest of which ends now. Places are samples of the input.

    :ivar reach_samples: what lies further back is forgotten.
    """

    def __init__(self) -> None:
        self.reach_samples = 0
        self._windows: deque[_Weighed] = deque()
        self._samples = 0

    @property
    def is_empty(self) -> bool:
        return not self._windows

    @property
    def newest_level_db(self) -> float:
        return self._windows[-1].level_db if self._windows else -math.inf

    @property
    def speech_levels_db(self) -> list[float]:
        """Of those that hold speech."""
        return [window.level_db for window in self._windows if window.speech]

    def add(self, window: Window, *, is_speech: bool) -> None:
        weight = window.probability * window.sample_count if is_speech else 0.0
        self._windows.append(_Weighed(window, weight))
        self._samples += window.sample_count
        while self._samples - self._windows[0].sample_count >= self.reach_samples:
            self._samples -= self._windows.popleft().sample_count

    def clear(self) -> None:
        self._windows.clear()
        self._samples = 0

    def sums(self, span_samples: int, now_sample: int) -> tuple[float, float, int]:
        """Speech and voiced speech in the newest ``span_samples``, and where the first speech in them begins."""
        speech = voiced = 0.0
        behind = 0
        first = now_sample
        for window in reversed(self._windows):
            if behind >= span_samples:
                break
            behind += window.sample_count
            if window.speech:
                speech += window.speech
                voiced += window.voiced
                first = now_sample - behind
        return speech, voiced, first

    def loud_samples(self, start_sample: int, end_sample: int, now_sample: int, *, above_db: float) -> int:
        """How much between two places is as loud as ``above_db``. What has not come yet, or is forgotten, counts."""
        stop = now_sample
        found = max(0, end_sample - stop)
        for window in reversed(self._windows):
            if stop <= start_sample:
                return found
            first = stop - window.sample_count
            if window.level_db >= above_db:
                found += max(0, min(end_sample, stop) - max(start_sample, first))
            stop = first
        return found + max(0, min(end_sample, stop) - start_sample)
