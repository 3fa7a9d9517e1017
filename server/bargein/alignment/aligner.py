"""The core's :class:`~bargein.core.words.WordAligner`, by clauses and letters."""

from __future__ import annotations

from bargein.alignment.heard_words import Transcript
from bargein.alignment.known_curve import Curves
from bargein.alignment.word_places import VoicePace, WordPlaces
from bargein.core.items import OutputAudio


class Aligner:
    """Lays the words of one conversation's replies along their sound. It learns how fast the voice speaks.

    :param curves: measures stored sound.
    """

    def __init__(self, curves: Curves) -> None:
        self._curves = curves
        self._pace = VoicePace()

    def timeline(self, rate_hz: int) -> Transcript:
        """See :meth:`WordAligner.timeline`."""
        return Transcript(rate_hz)

    def follow(self, audio: OutputAudio) -> WordPlaces:
        """See :meth:`WordAligner.follow`."""
        return WordPlaces(audio, self._curves, self._pace)

    def heard_characters(self, audio: OutputAudio, samples: int) -> int:
        """See :meth:`WordAligner.heard_characters`."""
        timeline, received = audio.timeline, audio.sample_count
        assert isinstance(timeline, Transcript), "it was made by us"
        stretch = timeline.stretch(samples, received, finished=audio.finished)
        curve = timeline.curve.between(stretch.begin.steps, stretch.end_steps, audio.pieces, audio.format, self._curves)
        return timeline.heard_characters(
            samples,
            received,
            finished=audio.finished,
            curve=curve,
            stretch=stretch,
            peak_db=timeline.curve.peak_db,
        )
