"""What a voice detector hears of a caller: sound at 8 kHz in the band of the voice, window by window.

Every caller sends fifty windows a second, all the time. So there are two ways, by the same coefficients and with the
same rounding: ``_narrowing.c`` does in one call, in a small part of the time, what takes ten in numpy. It is there
where the package was compiled.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.sound.g711 import ALAW_TO_PCM, ULAW_TO_PCM
from bargein.sound.levels import FULL_SCALE
from bargein.sound.resample import UNITY, decimator, low_pass_taps
from bargein.sound.voice_band import BLOCK_SAMPLES, SECTIONS, STATE_COUNT, band_matrix

try:
    from bargein.sound import _narrowing
except ImportError:
    IN_C = False
else:
    IN_C = True

WINDOW_SAMPLES: Final = 160
"""What comes out at a time: 20 ms, a window of the voice detector."""

_PCM16: Final = np.dtype("<i2")
_STATE: Final = np.dtype(np.float32)
_STATE_BYTES: Final = STATE_COUNT * _STATE.itemsize
_COEFFICIENTS: Final = SECTIONS.tobytes()
_MAY_CLIP_SHARE: Final = 0.99
"""Of the mean square that a single sample of full scale makes: below it none is beyond."""
_MAY_CLIP_FROM: Final = _MAY_CLIP_SHARE * FULL_SCALE * FULL_SCALE / WINDOW_SAMPLES


class Narrower:
    """Brings the windows of one format to the detector's ear. It remembers nothing of a caller, so one serves all.

    :param factor: by how much the rate is higher than the detector's.
    :param table: the samples of 256 codes, where that is how the sound is written: G.711, at the detector's rate.
    """

    def __init__(self, factor: int, table: npt.NDArray[np.int16] | None = None) -> None:
        self._factor = factor
        self._table = table
        self._table_bytes = b"" if table is None else table.astype(_PCM16).tobytes()
        self._decimator = decimator(factor, factor * WINDOW_SAMPLES)
        self._taps = np.rint(low_pass_taps(factor) * UNITY).astype(_PCM16).tobytes()
        past_bytes = 0 if table is not None else self._decimator.past_samples * _PCM16.itemsize
        self._memory_bytes = _STATE_BYTES + past_bytes
        self._past_start = factor * WINDOW_SAMPLES * _PCM16.itemsize - past_bytes
        self._band = band_matrix()
        # Work space in numpy, and views of it: to slice takes as long as to calculate.
        self._sound = np.zeros(WINDOW_SAMPLES, np.float32)
        self._blocks = tuple(self._sound.reshape(-1, BLOCK_SAMPLES))
        self._work = np.zeros(BLOCK_SAMPLES + STATE_COUNT, np.float32)
        self._work_block, self._work_state = self._work[:BLOCK_SAMPLES], self._work[BLOCK_SAMPLES:]
        self._behind = np.zeros_like(self._work)
        self._behind_block, self._behind_state = self._behind[:BLOCK_SAMPLES], self._behind[BLOCK_SAMPLES:]

    def new_memory(self) -> bytearray:
        """What has to be remembered of a caller: of one who has been silent."""
        return bytearray(self._memory_bytes)

    def narrow(self, memory: bytearray, window: bytes) -> tuple[bytes, float]:
        """One window.

        :param memory: the caller's; it is changed.
        :param window: 20 ms in the format.
        :returns: PCM16 at 8 kHz in the band of the voice, cut off at full scale, and its mean square.
        """
        if not IN_C:
            return self.narrow_in_numpy(memory, window)
        if self._table is None:
            return _narrowing.narrow(memory, window, self._taps, self._factor, _COEFFICIENTS)
        return _narrowing.look_up(memory, window, self._table_bytes, _COEFFICIENTS)

    def narrow_in_numpy(self, memory: bytearray, window: bytes) -> tuple[bytes, float]:
        """As :meth:`narrow`; a sample may differ by one, for its sums are not exact."""
        sound = self._sound
        if self._table is None:
            sound[:] = self._decimator.decimate(np.frombuffer(memory[_STATE_BYTES:] + window, _PCM16))
            memory[_STATE_BYTES:] = window[self._past_start :]
        else:
            sound[:] = self._table[np.frombuffer(window, np.uint8)]
        self._work_state[:] = np.frombuffer(memory, _STATE, STATE_COUNT)
        for block in self._blocks:
            self._work_block[:] = block
            np.dot(self._work, self._band, self._behind)
            block[:] = self._behind_block
            self._work_state[:] = self._behind_state
        memory[:_STATE_BYTES] = self._behind_state.tobytes()
        mean_square = float(sound.dot(sound)) / WINDOW_SAMPLES
        if mean_square >= _MAY_CLIP_FROM:
            sound = np.clip(sound, -FULL_SCALE, FULL_SCALE - 1)
        return sound.astype(np.int16).tobytes(), mean_square


@functools.cache
def pcm_narrower(factor: int) -> Narrower:
    """Of PCM16 at ``factor`` times 8 kHz: the one that all callers of the event loop's thread share."""
    return Narrower(factor)


@functools.cache
def ulaw_narrower() -> Narrower:
    """The same of G.711 µ-law."""
    return Narrower(1, ULAW_TO_PCM)


@functools.cache
def alaw_narrower() -> Narrower:
    """The same of G.711 A-law."""
    return Narrower(1, ALAW_TO_PCM)
