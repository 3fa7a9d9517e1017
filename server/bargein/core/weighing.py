"""What the second detector says of speech that the first has found: its evidence for and against.

The first holds a reply within a tenth of a second and is often wrong; this one is asked while that is undecided, from
before the onset on. What it denies is let go early, and is not believed for some seconds: rain, a keyboard or music
must not hold a reply again and again. All durations are counted in samples of the input.
"""

from __future__ import annotations

from typing import Final

from bargein.core.events import WeighedWindow

WARM_UP_MS: Final = 320
"""So much before an onset the second detector begins to listen: its memory is empty then."""
DENIED_AFTER_MS: Final = 220
"""What holds no speech for so long from its onset on is none."""
WARY_S: Final = 5.0
"""For so long after something was denied the first detector alone is not believed."""
WARY_EVIDENCE_MS: Final = 64
"""Speech by the second detector that is evidence then."""
WARY_SPAN_MS: Final = 200
"""Within so much sound."""
LITTLE_MS: Final = 40
"""No more speech than this is none: a click, the edge of another sound."""
EAGER_S: Final = 2.0
"""For so long after an utterance was ignored half the evidence is enough: who tries again means it."""
STEADY_SPREAD_DB: Final = 4.0
"""Levels of speech and of single words lie further apart, from the tenth to the ninetieth percentile."""
STEADY_WINDOWS: Final = 10
"""Fewer tell nothing about it."""
STEADY_FACTOR: Final = 2
"""What is so steady needs so much more evidence."""
SOUNDING_MARGIN_DB: Final = 9.0
"""What is no louder than so much over the background is no sound of the caller's, whatever a detector says of it."""
SOUNDING_SHARE: Final = 0.25
"""Where there is noise it is less: so much of the way from the background to the loudest of the utterance."""


def sounding_above_db(floor_db: float, peak_db: float) -> float:
    """The level from which a window counts as sound. The second detector goes on to hear speech for 60 to 130 ms after
    it has ended: it judges by what came before. The level knows better.

    :param peak_db: of the utterance's loudest window.
    """
    return floor_db + min(SOUNDING_MARGIN_DB, SOUNDING_SHARE * max(0.0, peak_db - floor_db))


class Weighing:
    """The evidence about one sound of one caller, from its onset on."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self.share = 0.5
        """Probability from which a window is speech."""
        self.suspected = False
        """The first detector has found something, and is not believed."""
        self._wary_until = 0
        self._eager_until = 0
        self.begin(0)

    def begin(self, onset_sample: int) -> None:
        """Something begins there: nothing is known of it yet."""
        self.onset_sample = onset_sample
        self._heard_to = 0
        self.spoken_samples = 0
        """Speech since the onset."""
        self.calm_samples = 0
        """No speech since then, at the end."""
        self.spoken_to = onset_sample
        """Where the last of the speech ends."""
        self.listened_samples = 0
        """How much from the onset on was weighed."""
        self._likely = 0.0
        self._run_start = -1

    @property
    def likely(self) -> float:
        """Mean probability of the windows that are speech."""
        return 0.0 if not self.spoken_samples else self._likely / self.spoken_samples

    def is_wary(self, position: int) -> bool:
        return position < self._wary_until

    def deny(self, position: int) -> None:
        """What was found was none: doubt the next."""
        self._wary_until = position + int(WARY_S * self._rate_hz)

    def trust(self) -> None:
        """It was speech after all: the first detector is right about this caller's sound."""
        self._wary_until = 0

    def is_eager(self, position: int) -> bool:
        return position < self._eager_until

    def ignore(self, position: int) -> None:
        """It was speech, and nothing came of it."""
        self._eager_until = position + int(EAGER_S * self._rate_hz)

    def feed(self, window: WeighedWindow, sounding_samples: int) -> bool | None:
        """Take one window. Returns whether it is speech; ``None`` if it lies before the onset, or was taken before.

        :param sounding_samples: how much of it is sound, by its level: no more than that is speech.
        """
        end = window.start_sample + window.sample_count
        if end <= self._heard_to:
            return None
        self._heard_to = end
        if end <= self.onset_sample:
            return None
        self.listened_samples = end - self.onset_sample
        speech = window.probability >= self.share and sounding_samples > 0
        if speech:
            self.spoken_samples += sounding_samples
            self._likely += window.probability * sounding_samples
            self.calm_samples = 0
            self.spoken_to = end
            if self._run_start < 0:
                self._run_start = window.start_sample
        else:
            self.calm_samples += window.sample_count
            if self.calm_samples >= WARY_SPAN_MS * self._rate_hz // 1000:
                self._run_start = -1
                if self.suspected:
                    self.spoken_samples = 0
                    self._likely = 0.0
        return speech

    @property
    def run_start(self) -> int:
        """Where the speech that was heard last begins."""
        return self._run_start if self._run_start >= 0 else self.onset_sample

    def begin_at_run(self) -> None:
        """What was suspected is speech: it begins where the second detector has heard it begin."""
        self.suspected = False
        self.onset_sample = self.run_start
        self.listened_samples = self._heard_to - self.onset_sample
