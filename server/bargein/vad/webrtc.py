"""The voice detector of WebRTC: a Gaussian mixture over six bands, below two microseconds a frame.

It works at 8 kHz inside, whatever it is given, so the sound is brought there first, and to the band of the voice: an
offset or a hum below it would hide a voice from the level, and from the detector too. It says yes or no, and says yes
to much that is no voice; the votes over several windows and the level gate in :mod:`bargein.core.endpointing` are
what makes it usable.
"""

from __future__ import annotations

import functools
from typing import Final

import webrtcvad

from bargein.core.audio import AudioFormat
from bargein.core.events import Window
from bargein.sound.levels import power_db
from bargein.vad.ear import narrower_of
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
    """A :class:`~bargein.vad.detector.Detector`.

    :param settled_windows: of digital silence, behind which no more of it is judged.
    """

    def __init__(self, fmt: AudioFormat, settled_windows: int = SETTLED_WINDOWS) -> None:
        self._window_samples = fmt.samples_in_ms(WINDOW_MS)
        self._window_bytes = fmt.bytes_of(self._window_samples)
        self._rest = b""
        self._narrower = narrower_of(fmt)
        self._memory = self._narrower.new_memory()
        """What the narrower needs to know of the windows before."""
        self._vad = webrtcvad.Vad(MODE)
        self._digital_silence = _digital_silence(fmt)
        self._settled_windows = settled_windows
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
        if self._silent_windows < self._settled_windows or self._silent_window is None:
            self._silent_windows += 1
            self._silent_window = self._judge(window, weigh_above_db)
        return self._silent_window

    def _judge(self, window: bytes, weigh_above_db: float) -> Window:
        heard, mean_square = self._narrower.narrow(self._memory, window)
        level_db = power_db(mean_square)
        before, self._before = self._before, heard
        if not self._vad.is_speech(heard, RATE_HZ, SOUND_SAMPLES):
            return Window(self._window_samples, 0.0, level_db)
        weight = voicing(before + heard) if level_db >= weigh_above_db else 1.0
        return Window(self._window_samples, 1.0, level_db, weight)


@functools.cache
def _digital_silence(fmt: AudioFormat) -> bytes:
    """A window of it, one for all callers."""
    return fmt.silence(fmt.samples_in_ms(WINDOW_MS))
