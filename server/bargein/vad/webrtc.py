"""The voice detector of WebRTC: a Gaussian mixture over six bands, below two microseconds a frame.

It works at 8 kHz inside, whatever it is given, so the sound is brought there first. It says yes or no, and says yes
to much that is no voice; the votes over several windows and the level gate in :mod:`bargein.core.endpointing` are
what makes it usable.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import webrtcvad

from bargein.core.audio import AudioFormat, Encoding
from bargein.core.events import Window
from bargein.sound.g711 import alaw_to_pcm16, ulaw_to_pcm16
from bargein.sound.levels import power_db
from bargein.sound.resample import decimator
from bargein.vad.voicing import voicing

WINDOW_MS: Final = 20
RATE_HZ: Final = 8_000
SOUND_SAMPLES: Final = RATE_HZ * WINDOW_MS // 1000
"""Of a window, as the detector hears it."""
MODE: Final = 2
"""0 misses least, 3 invents least."""
SETTLED_WINDOWS: Final = 50
"""After this many windows of digital silence every filter's memory is silent too, and judging more of it changes
nothing."""


class WebRtcDetector:
    """A :class:`~bargein.vad.detector.Detector`."""

    def __init__(self, fmt: AudioFormat) -> None:
        self._decode = _DECODERS[fmt.encoding]
        self._window_samples = fmt.samples_in_ms(WINDOW_MS)
        self._window_bytes = fmt.bytes_of(self._window_samples)
        self._rest = b""
        factor = fmt.rate_hz // RATE_HZ
        self._decimator = decimator(factor, self._window_samples) if factor > 1 else None
        past_samples = 0 if self._decimator is None else self._decimator.past_samples
        self._past = fmt.silence(past_samples)
        """What the decimator needs to know of the windows before."""
        self._past_start = self._window_bytes - len(self._past)
        self._vad = webrtcvad.Vad(MODE)
        self._digital_silence = _digital_silence(fmt)
        self._silent_windows = 0
        self._silent_window: Window | None = None
        self._before = bytes(2 * SOUND_SAMPLES)
        """The window before, as the detector heard it."""

    def feed(self, audio: bytes, *, weigh_above_db: float) -> tuple[Window, ...]:
        """See :class:`~bargein.vad.detector.Detector`. A window is 20 ms."""
        size = self._window_bytes
        if len(audio) == size and not self._rest:  # As most callers send it.
            return (self._judge_or_know(audio, weigh_above_db),)
        audio = self._rest + audio
        whole = len(audio) - len(audio) % size
        self._rest = audio[whole:]
        return tuple([self._judge_or_know(audio[at : at + size], weigh_above_db) for at in range(0, whole, size)])

    def _judge_or_know(self, window: bytes, weigh_above_db: float) -> Window:
        """Muted microphones and noise gates send much digital silence: once it is known, it costs one comparison."""
        if window != self._digital_silence:
            self._silent_windows = 0
            return self._judge(window, weigh_above_db)
        if self._silent_windows < SETTLED_WINDOWS or self._silent_window is None:
            self._silent_windows += 1
            self._silent_window = self._judge(window, weigh_above_db)
        return self._silent_window

    def _judge(self, window: bytes, weigh_above_db: float) -> Window:
        if self._decimator is None:
            sound = self._decode(window).astype(np.float32)
        else:
            past, self._past = self._past, window[self._past_start :]
            sound = self._decimator.decimate(self._decode(past + window))
        level_db = power_db(float(sound.dot(sound)) / SOUND_SAMPLES)
        heard = sound.astype(np.int16).tobytes()
        before, self._before = self._before, heard
        if not self._vad.is_speech(heard, RATE_HZ, SOUND_SAMPLES):
            return Window(self._window_samples, 0.0, level_db)
        weight = voicing(np.frombuffer(before + heard, np.int16)) if level_db >= weigh_above_db else 1.0
        return Window(self._window_samples, 1.0, level_db, weight)


@functools.cache
def _digital_silence(fmt: AudioFormat) -> bytes:
    """A window of it, one for all callers."""
    return fmt.silence(fmt.samples_in_ms(WINDOW_MS))


def _pcm16_samples(window: bytes) -> npt.NDArray[np.int16]:
    return np.frombuffer(window, _PCM16)


_PCM16: Final = np.dtype("<i2")
_DECODERS: Final[dict[Encoding, Callable[[bytes], npt.NDArray[np.int16]]]] = {
    Encoding.PCM16: _pcm16_samples,
    Encoding.PCMU: ulaw_to_pcm16,
    Encoding.PCMA: alaw_to_pcm16,
}
