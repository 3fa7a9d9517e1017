"""The band of the voice: what lies below it says nothing about who speaks.

A microphone's offset, the hum of the mains and of what hangs on it (50 to 120 Hz), the rumble of wind and engines can
be louder than a voice, and are then all that a level tells of. A deep voice has its fundamental there too, but most of
its energy, and its pitch with all harmonics, above. So everything that judges sound looks at it through one filter.

A recursive filter of two second-order sections, with a pair of zeros each, at 0 Hz and at 110 Hz: nothing of an offset
passes, of 50 to 120 Hz at most -28 dB; -3 dB at 163 Hz, flat from 180 Hz on. An offset that comes at once is gone after
one window of the detector. The poles are fitted to these figures; the form is direct form I (A. V. Oppenheim, R. W.
Schafer, "Discrete-Time Signal Processing", section 6.3).
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
import numpy.typing as npt

RATE_HZ: Final = 8_000
BLOCK_SAMPLES: Final = 80
"""What the filter is applied to at a time in numpy. So small that no library of linear algebra shares the product
between threads, whose waiting for each other would cost more than it."""
STATE_COUNT: Final = 6
"""Numbers that the filter remembers: the two newest samples of what went in, between the sections, and came out, the
newest first."""
RINGING_SAMPLES: Final = 600
"""After so many nothing of a click is left but -110 dB."""

_ZEROS_HZ: Final = (0.0, 110.0)
"""A pair of them each."""
_POLES: Final = ((222.76, 0.65), (168.88, 3.09))
"""Frequency in Hz and quality."""


def _section(zero_hz: float, pole_hz: float, quality: float) -> tuple[float, float, float, float, float]:
    """``b0, b1, b2, a1, a2`` of one section, with a gain of 1 at the highest frequency."""
    b1 = -2.0 * math.cos(2.0 * math.pi * zero_hz / RATE_HZ)
    radius = math.exp(-math.pi * pole_hz / (quality * RATE_HZ))
    turn = 2.0 * math.pi * pole_hz * math.sqrt(1.0 - 1.0 / (4.0 * quality * quality)) / RATE_HZ
    a1, a2 = -2.0 * radius * math.cos(turn), radius * radius
    gain = (1.0 - a1 + a2) / (2.0 - b1)
    return gain, gain * b1, gain, a1, a2


SECTIONS: Final = np.array([_section(zero, *pole) for zero, pole in zip(_ZEROS_HZ, _POLES, strict=True)])
"""One row for each: ``b0, b1, b2, a1, a2``."""


@functools.cache
def band_matrix() -> npt.NDArray[np.float32]:
    """The filter of one block as a product: ``[block, state] @ matrix`` is ``[filtered block, state behind it]``.

    Column by column it is what the recursion makes of a single 1, for numpy has no recursion of its own.
    """
    size = BLOCK_SAMPLES + STATE_COUNT
    ones = np.eye(size)
    sound = [*ones[BLOCK_SAMPLES + 1 : BLOCK_SAMPLES - 1 : -1], *ones[:BLOCK_SAMPLES]]  # From the oldest sample on.
    behind = []
    for place, (b0, b1, b2, a1, a2) in zip((BLOCK_SAMPLES + 2, BLOCK_SAMPLES + 4), SECTIONS, strict=True):
        filtered = [ones[place + 1], ones[place]]
        for x2, x1, x in zip(sound, sound[1:], sound[2:], strict=False):
            filtered.append(b0 * x + b1 * x1 + b2 * x2 - a1 * filtered[-1] - a2 * filtered[-2])
        behind += [sound[-1], sound[-2]]
        sound = filtered
    behind += [sound[-1], sound[-2]]
    return np.ascontiguousarray(np.array([*sound[2:], *behind]).T, np.float32)


@functools.lru_cache(maxsize=32)
def band_response(size: int) -> npt.NDArray[np.complex64]:
    """What the filter does to each frequency of a Fourier transform of ``size``, which must leave
    :data:`RINGING_SAMPLES` behind the sound.
    """
    turns = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(turns), np.complex128)
    for b0, b1, b2, a1, a2 in SECTIONS:
        response *= (b0 + turns * (b1 + turns * b2)) / (1.0 + turns * (a1 + turns * a2))
    return response.astype(np.complex64)
