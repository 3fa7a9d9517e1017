"""The curve of one reply's sound, measured once: as far as somebody has asked for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from bargein.alignment.voiced_clock import STEPS_PER_S, SpeechCurve
from bargein.core.audio import AudioFormat, base64_sample_count, slice_audio


class Curves(Protocol):
    """Measures stored sound. Called at an interruption and every few seconds of a reply, never per frame."""

    def speech_curve(self, pieces: Sequence[str | bytes], fmt: AudioFormat) -> SpeechCurve:
        """Where in a stored reply is voice, and where it hisses."""
        ...


class KnownCurve:
    """Where in a reply is voice, and where it hisses.

    :ivar peak_db: of what was measured.
    """

    def __init__(self) -> None:
        self.peak_db = -math.inf
        self._levels_db: list[float] = []
        self._hisses: list[bool] = []
        self._piece = 0
        self._piece_start = 0

    def between(
        self, begin: int, end: int, pieces: Sequence[str | bytes], fmt: AudioFormat, measures: Curves
    ) -> SpeechCurve:
        """Of these steps; empty where nothing can be measured.

        :param pieces: all of the sound, from its beginning.
        """
        known = len(self._levels_db)
        if known < end:
            more = measures.speech_curve(self._unmeasured(known, end, pieces, fmt), fmt)
            self._levels_db.extend(more.levels_db)
            self._hisses.extend(more.hisses)
            self.peak_db = max([self.peak_db, *more.levels_db])
        if len(self._levels_db) < end:
            return SpeechCurve([], [])
        return SpeechCurve(self._levels_db[begin:end], self._hisses[begin:end])

    def _unmeasured(self, begin: int, end: int, pieces: Sequence[str | bytes], fmt: AudioFormat) -> list[str | bytes]:
        """The sound of these steps, found from where the last search ended."""
        step_samples = fmt.rate_hz // STEPS_PER_S
        start, stop = begin * step_samples, end * step_samples
        found: list[str | bytes] = []
        while self._piece < len(pieces):
            piece, at = pieces[self._piece], self._piece_start
            count = base64_sample_count(piece) if isinstance(piece, str) else fmt.samples_of(len(piece))
            first, last = max(start - at, 0), min(stop - at, count)
            if first < last:
                whole = first == 0 and last == count
                found.append(piece if whole else slice_audio(piece, first, last, fmt.bytes_per_sample))
            if at + count > stop:
                break
            self._piece += 1
            self._piece_start += count
        return found
