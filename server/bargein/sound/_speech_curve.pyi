"""Type information of ``_speech_curve.c``."""

import numpy as np
import numpy.typing as npt

def measure(
    samples: npt.NDArray[np.int16] | bytes, step: int, slow: bytes, slowness: bytes, silent: float, threshold: float, /
) -> tuple[list[float], list[bool]]:
    """Level in dB of each step, and whether it hisses."""
