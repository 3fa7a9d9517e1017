"""Silero, a neural voice detector, without a runtime that takes seconds to import, and with nothing to download.

A window costs some thirty microseconds where the package is compiled: too much for every window of every caller. It is
asked while something is undecided.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bargein.core.audio import AudioFormat
from bargein.core.events import WeighedWindow, Window
from bargein.sound.levels import mean_square_of, power_db
from bargein.vad.ear import Ear
from bargein.vad.silero_network import CONTEXT_SAMPLES, RATE_HZ, WINDOW_SAMPLES, network, new_memory

LEAST_PROBABILITY: Final = 0.35
"""What is less likely speech is none, whatever is asked for: only what is left is held against ``threshold``."""


class SileroState:
    """The network, and what it remembers of one stretch of sound, from its beginning on: one serves one caller."""

    def __init__(self) -> None:
        self._network = network()
        self._memory = new_memory()
        self._rest = bytes(2 * CONTEXT_SAMPLES)
        """The context of the window that comes next, and what there is of it."""

    def feed(self, audio: bytes) -> list[float]:
        """The probabilities of the windows that ``audio`` completes; the rest is kept for the next call.

        :param audio: PCM16 at :data:`~bargein.vad.silero_network.RATE_HZ`, whole samples.
        """
        sound = self._rest + audio
        whole = 2 * WINDOW_SAMPLES * ((len(sound) // 2 - CONTEXT_SAMPLES) // WINDOW_SAMPLES)
        self._rest = sound[whole:]
        return self._network.judge(sound[: whole + 2 * CONTEXT_SAMPLES], self._memory) if whole else []


class SileroWeigher:
    """A :class:`~bargein.vad.detector.Weigher`."""

    def __init__(self, fmt: AudioFormat, start_sample: int) -> None:
        self._window_samples = WINDOW_SAMPLES * fmt.rate_hz // RATE_HZ
        self._at = start_sample
        self._ear = Ear(fmt)
        self._state = SileroState()

    def feed(self, audio: bytes) -> tuple[WeighedWindow, ...]:
        """See :class:`~bargein.vad.detector.Weigher`. A window is 32 ms."""
        found: list[WeighedWindow] = []
        for probability in self._state.feed(self._ear.hear(audio)):
            found.append(WeighedWindow(self._at, self._window_samples, probability))
            self._at += self._window_samples
        return tuple(found)


class SileroDetector:
    """A :class:`~bargein.vad.detector.Detector`: in the first role it listens to all that every caller sends."""

    def __init__(self, fmt: AudioFormat) -> None:
        self._window_samples = WINDOW_SAMPLES * fmt.rate_hz // RATE_HZ
        self._ear = Ear(fmt)
        self._state = SileroState()
        self._heard = np.zeros(0, np.int16)
        """Of the window that is not complete yet."""

    def feed(self, audio: bytes, *, weigh_above_db: float) -> tuple[Window, ...]:
        """See :class:`~bargein.vad.detector.Detector`. A window is 32 ms; its voicing is not weighed."""
        del weigh_above_db
        heard = self._ear.hear(audio)
        self._heard = np.concatenate([self._heard, np.frombuffer(heard, "<i2")])
        found: list[Window] = []
        for probability in self._state.feed(heard):
            window, self._heard = self._heard[:WINDOW_SAMPLES], self._heard[WINDOW_SAMPLES:]
            speech = probability if probability >= LEAST_PROBABILITY else 0.0
            found.append(Window(self._window_samples, speech, power_db(mean_square_of(window))))
        return tuple(found)
