"""What is left of an echo behind our own filter, taken out by WebRTC's canceller (AEC3), where it is installed.

It silences what no filter explains: the distortion of a small loudspeaker, the end of a long room. By itself it
silences a caller too who is weaker than the echo; behind a filter that has taken most of the echo out already, it does
not.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

STEP_MS: Final = 10
"""What it takes at a time."""


def is_installed() -> bool:
    """Whether ``pywebrtc-audio`` can be loaded: the extra ``echo``."""
    try:
        importlib.import_module("pywebrtc_audio")
    except ImportError:
        return False
    return True


class Aec3Polisher:
    """One caller's.

    :raises ImportError: it is not installed.
    """

    def __init__(self, rate_hz: int) -> None:
        library = importlib.import_module("pywebrtc_audio")
        self._processor: Any = library.AudioProcessor(sample_rate=rate_hz, echo_cancellation=True)
        self._step_samples = rate_hz * STEP_MS // 1000

    def polish(self, left: npt.NDArray[np.int16], played: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        """A block of whole steps."""
        step = self._step_samples
        parts = [
            self._processor.process(left[at : at + step], played[at : at + step]) for at in range(0, len(left), step)
        ]
        polished: npt.NDArray[np.int16] = np.concatenate(parts)
        return polished
