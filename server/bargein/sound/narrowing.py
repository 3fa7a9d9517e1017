"""What a voice detector hears of a caller: PCM16 brought down to the band of speech, window by window.

Every caller sends fifty windows a second, all the time. So there are two ways, by the same taps and with the same
rounding: ``_narrowing.c`` does in one call, in a fifth of the time, what takes six in numpy. It is there where the
package was compiled.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np

from bargein.sound.levels import FULL_SCALE
from bargein.sound.resample import UNITY, decimator, low_pass_taps

try:
    from bargein.sound import _narrowing
except ImportError:
    IN_C = False
else:
    IN_C = True

_PCM16: Final = np.dtype("<i2")
_MAY_CLIP_SHARE: Final = 0.99
"""Of the mean square that a single sample of full scale makes: below it none is beyond."""


class Narrower:
    """Brings chunks of one length down to a rate that is lower by ``factor``. It remembers nothing, so one serves all.

    :param chunk_samples: length of what goes in; see :class:`~bargein.sound.resample.Decimator`.
    """

    __slots__ = ("_decimator", "_factor", "_may_clip_from", "_taps", "past_bytes")

    def __init__(self, factor: int, chunk_samples: int) -> None:
        self._factor = factor
        self._decimator = decimator(factor, chunk_samples)
        self._taps = np.rint(low_pass_taps(factor) * UNITY).astype(_PCM16).tobytes()
        self._may_clip_from = _MAY_CLIP_SHARE * FULL_SCALE * FULL_SCALE * factor / chunk_samples
        self.past_bytes = self._decimator.past_samples * _PCM16.itemsize
        """How much of the sound before a chunk is needed; zeros at its beginning."""

    def narrow(self, past: bytes, chunk: bytes) -> tuple[bytes, float]:
        """One chunk.

        :param past: the last :attr:`past_bytes` before it.
        :returns: PCM16 at the lower rate, cut off at full scale, and its mean square.
        """
        if IN_C:
            return _narrowing.narrow(past, chunk, self._taps, self._factor)
        return self.narrow_in_numpy(past, chunk)

    def narrow_in_numpy(self, past: bytes, chunk: bytes) -> tuple[bytes, float]:
        """As :meth:`narrow`; in loud sound a sample may differ by one, for its sums are not exact."""
        sound = self._decimator.decimate(np.frombuffer(past + chunk, _PCM16))
        mean_square = float(sound.dot(sound)) / len(sound)
        if mean_square >= self._may_clip_from:
            sound = np.clip(sound, -FULL_SCALE, FULL_SCALE - 1)
        return sound.astype(np.int16).tobytes(), mean_square


@functools.cache
def narrower(factor: int, chunk_samples: int) -> Narrower:
    """The one that all callers of the event loop's thread share."""
    return Narrower(factor, chunk_samples)
