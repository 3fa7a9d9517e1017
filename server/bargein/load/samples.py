"""Recordings for whoever has none at hand: what somebody says to the demo model, put together from the bank."""

from __future__ import annotations

import enum
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.load.bank import BANK, read_phrase
from bargein.load.bank import RATE_HZ as BANK_RATE_HZ
from bargein.load.noises import aside
from bargein.load.recording import RATE_HZ, Recording
from bargein.sound.resample import resample

Samples = npt.NDArray[np.int16]

VOICE: Final = "andrew"
LISTENING_S: Final = 6.0
"""From the caller's words to its next sound: the answer has begun by then."""
_ROOM_S: Final = 0.3
_FLOOR_RMS: Final = 8.0
"""A microphone's own noise: complete silence is found in no room."""


class Sample(enum.StrEnum):
    """What the caller does."""

    QUESTION = "question"
    """Asks who the agent is."""
    INTERRUPTION = "interruption"
    """Asks for a story, and talks over it with another question."""
    COUGH = "cough"
    """Asks who the agent is, and coughs while it is told."""


def sample_recording(sample: Sample) -> Recording:
    """The recording of that name."""
    match sample:
        case Sample.QUESTION:
            pieces = [_phrase("yourself")]
        case Sample.INTERRUPTION:
            pieces = [_phrase("story"), _silence(LISTENING_S), _phrase("no-who")]
        case Sample.COUGH:
            cough = np.asarray(np.clip(aside("cough", RATE_HZ, 0), -1, 1) * 32767, np.int16)
            pieces = [_phrase("yourself"), _silence(LISTENING_S), cough]
    sound = np.concatenate([_silence(_ROOM_S), *pieces, _silence(_ROOM_S)]).astype(np.float32)
    sound += np.random.default_rng(0).normal(0.0, _FLOOR_RMS, sound.size).astype(np.float32)
    return Recording.of(np.clip(sound, -32768, 32767).astype(np.int16).tobytes())


def _phrase(name: str) -> Samples:
    return resample(read_phrase(BANK / f"{VOICE}-{name}.wav"), BANK_RATE_HZ, RATE_HZ)


def _silence(duration_s: float) -> Samples:
    return np.zeros(int(duration_s * RATE_HZ), np.int16)
