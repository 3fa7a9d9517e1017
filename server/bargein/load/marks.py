"""Where in a recording somebody speaks.

Every measurement that begins at an onset or at the end of speech needs a label that the server had no part in. Unlike a
server this looks at the whole recording at once, so it can use what comes later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import webrtcvad

from bargein.sound.resample import resample

FRAME_MS: Final = 10
_RATE_HZ: Final = 8000
_FRAME_SAMPLES: Final = _RATE_HZ * FRAME_MS // 1000
_ABOVE_FLOOR_DB: Final = 12.0
_QUIETEST_SPEECH_DB: Final = -55.0
_RUN_FRAMES: Final = 10
_SPEECH_IN_RUN: Final = 7


@dataclass(frozen=True, slots=True)
class Mark:
    """One stretch of speech, in seconds from the start of the recording."""

    onset_s: float
    end_s: float


def find_speech(samples: npt.NDArray[np.int16], rate_hz: int, *, pause_s: float = 0.5) -> list[Mark]:
    """The stretches of speech in a mono recording, in order.

    :param pause_s: shorter pauses do not part a stretch: the default is the silence that ends a turn for servers.
    """
    speech = _speech_frames(samples, rate_hz)
    # A stretch begins where most of the next 100 ms is speech: a single frame may be a click.
    upcoming = np.convolve(speech, np.ones(_RUN_FRAMES, dtype=np.int32))[_RUN_FRAMES - 1 :] if speech.size else speech
    pause_frames = int(pause_s * 1000 / FRAME_MS)
    marks: list[Mark] = []
    onset: int | None = None
    last = 0
    for frame in np.flatnonzero(speech).tolist():
        if onset is not None and frame - last > pause_frames:
            marks.append(_mark(onset, last))
            onset = None
        if onset is None and frame < upcoming.size and upcoming[frame] >= _SPEECH_IN_RUN:
            onset = frame
        last = frame
    if onset is not None:
        marks.append(_mark(onset, last))
    return marks


def _mark(first_frame: int, last_frame: int) -> Mark:
    return Mark(first_frame * FRAME_MS / 1000, (last_frame + 1) * FRAME_MS / 1000)


def _speech_frames(samples: npt.NDArray[np.int16], rate_hz: int) -> npt.NDArray[np.int32]:
    """One 0 or 1 for each whole frame: voiced for webrtcvad, and well above the recording's own noise."""
    narrow = resample(samples, rate_hz, _RATE_HZ)
    count = narrow.size // _FRAME_SAMPLES
    if count == 0:
        return np.zeros(0, dtype=np.int32)
    frames = narrow[: count * _FRAME_SAMPLES].reshape(count, _FRAME_SAMPLES)
    power = np.mean(np.square(frames.astype(np.float32) / 32768), axis=1)
    level_db = 10 * np.log10(power + 1e-12)
    gate_db = max(float(np.percentile(level_db, 10)) + _ABOVE_FLOOR_DB, _QUIETEST_SPEECH_DB)
    # Speech without a pause has no noise floor to find: its own quietest tenth is taken for one.
    gate_db = min(gate_db, float(level_db.max()) - 25)
    detector = webrtcvad.Vad(3)
    voiced = np.fromiter((detector.is_speech(frame.tobytes(), _RATE_HZ) for frame in frames), dtype=bool, count=count)
    return np.asarray(voiced & (level_db > gate_db), dtype=np.int32)
