"""The way from the caller's loudspeaker into its microphone."""

from __future__ import annotations

import numpy as np

from bargein.bench.rendering import impulse_response
from bargein.bench.scene import Echo
from bargein.bench.waves import FRAME_SAMPLES, RATE_HZ, Sound, samples


class EchoPath:
    """Convolves what is played with a room, piece by piece.

    :param seconds: how long the call is.
    """

    def __init__(self, echo: Echo, seconds: float) -> None:
        response = impulse_response(echo)
        self._delay = echo.delay_ms * RATE_HZ // 1000
        self._size = 1 << (FRAME_SAMPLES + len(response) - 2).bit_length()
        self._response = np.fft.rfft(response, self._size)
        self._count = FRAME_SAMPLES + len(response) - 1
        self._echo = np.zeros(samples(seconds) + self._delay + self._size + FRAME_SAMPLES, np.float32)
        self._last = samples(seconds)

    def played(self, at: int, sound: Sound) -> None:
        """``sound`` was played from the call's sample ``at`` on."""
        for start in range(0, len(sound), FRAME_SAMPLES):
            place = at + start + self._delay
            if place >= self._last:
                return
            part = np.fft.rfft(sound[start : start + FRAME_SAMPLES], self._size)
            self._echo[place : place + self._count] += np.fft.irfft(part * self._response, self._size)[: self._count]

    def heard(self, start: int) -> Sound:
        """What the microphone hears of it in the frame from ``start`` on."""
        return self._echo[start : start + FRAME_SAMPLES]
