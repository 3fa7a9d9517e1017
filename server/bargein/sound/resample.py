"""From one sample rate to another, chunk by chunk, without a seam between the chunks.

Two ways: :class:`Decimator`, a short filter with a delay of a millisecond, for what only a voice detector hears; and
:class:`Resampler`, libsoxr, for what people hear.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.int16]

TAPS_PER_FACTOR: Final = 16
"""Whatever the rate: 2 ms long at 8 kHz behind it, 1 ms of delay, and the same fall."""
UNITY: Final = 32768
"""A gain of 1 in the taps."""
CUTOFF: Final = 0.88
"""Of the new Nyquist frequency: leaves the filter room to fall before aliases fold into the voice."""
KAISER_BETA: Final = 6.2
BLOCK_SAMPLES: Final = 16
"""Samples that come out of one row of the product: fewer cost more rows, more cost more multiplications with zero."""
WHOLE_CHUNK_BLOCKS: Final = 100
"""A whole sound is decimated so much at a time: what fits into the processor's cache, and needs no fresh memory."""


@functools.cache
def low_pass_taps(factor: int) -> npt.NDArray[np.float32]:
    """Windowed sinc, unity gain at 0 Hz. To 8 kHz: -0.9 dB at 3 kHz, below -63 dB from 4.6 kHz up.

    All are multiples of 1 / :data:`UNITY`: in integers the filter is the same.
    """
    count = TAPS_PER_FACTOR * factor
    at = np.arange(count) - (count - 1) / 2
    taps = np.sinc(at * CUTOFF / factor) * np.kaiser(count, KAISER_BETA)
    whole = np.rint(UNITY * taps / taps.sum())
    whole[count // 2] += UNITY - whole.sum()
    in_unity: npt.NDArray[np.float32] = (whole / UNITY).astype(np.float32)
    return in_unity


@functools.cache
def _block_low_pass(factor: int) -> npt.NDArray[np.float32]:
    """The same as a matrix that makes :data:`BLOCK_SAMPLES` samples of one row of sound: the taps, moved on by
    ``factor`` rows from column to column. One product of matrices is twice as fast as one of a matrix and the taps.
    """
    taps = low_pass_taps(factor)
    matrix = np.zeros((len(taps) + factor * (BLOCK_SAMPLES - 1), BLOCK_SAMPLES), np.float32)
    for column in range(BLOCK_SAMPLES):
        matrix[factor * column : factor * column + len(taps), column] = taps
    return matrix


class Decimator:
    """Keeps every ``factor``-th sample of low-passed sound, in chunks of one length.

    It remembers nothing: whoever calls brings the samples before the chunk, which are few. So one serves all the sounds
    of a thread, and its work space stays in the processor's cache.

    :param chunk_samples: length of what goes in, a multiple of ``factor`` times :data:`BLOCK_SAMPLES`.
    """

    __slots__ = ("_blocks", "_low_pass", "_out", "_out_flat", "_sound", "chunk_samples", "past_samples")

    def __init__(self, factor: int, chunk_samples: int) -> None:
        block_count, rest = divmod(chunk_samples, factor * BLOCK_SAMPLES)
        if rest:
            raise ValueError(f"chunk_samples must be a multiple of {factor * BLOCK_SAMPLES}, got {chunk_samples}")
        self.chunk_samples = chunk_samples
        self.past_samples = (TAPS_PER_FACTOR - 1) * factor
        """How many samples before the chunk the filter looks at."""
        self._low_pass = _block_low_pass(factor)
        self._sound = np.zeros(self.past_samples + chunk_samples, np.float32)
        # Overlapping rows, one for each block: made once, they are a view of whatever is in the sound.
        step_bytes = self._sound.itemsize
        shape, strides = (block_count, len(self._low_pass)), (step_bytes * factor * BLOCK_SAMPLES, step_bytes)
        self._blocks: npt.NDArray[np.float32] = np.ndarray(shape, np.float32, self._sound, 0, strides)
        self._out = np.zeros((block_count, BLOCK_SAMPLES), np.float32)
        self._out_flat = self._out.reshape(-1)

    def decimate(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """One chunk. What is returned is overwritten by the next call.

        :param samples: the :attr:`past_samples` before the chunk, zeros at the beginning of a sound, and the chunk.
        """
        self._sound[:] = samples
        np.dot(self._blocks, self._low_pass, self._out)
        return self._out_flat


@functools.cache
def decimator(factor: int, chunk_samples: int) -> Decimator:
    """The one that all the sounds of the event loop's thread share."""
    return Decimator(factor, chunk_samples)


def decimate(samples: npt.NDArray[Any], factor: int) -> npt.NDArray[np.float32]:
    """Every ``factor``-th sample of a whole sound, low-passed: as :class:`Decimator` gives it."""
    shared = decimator(factor, WHOLE_CHUNK_BLOCKS * BLOCK_SAMPLES * factor)
    past_samples, chunk_samples = shared.past_samples, shared.chunk_samples
    padding_samples = -len(samples) % chunk_samples
    padded = np.concatenate((np.zeros(past_samples, np.int16), samples, np.zeros(padding_samples, np.int16)))
    decimated = np.empty(len(samples) // factor, np.float32)
    for start in range(0, len(samples), chunk_samples):
        place = decimated[start // factor : (start + chunk_samples) // factor]
        place[:] = shared.decimate(padded[start : start + past_samples + chunk_samples])[: len(place)]
    return decimated


class Resampler:
    """A stream of PCM16 samples at another rate, in high quality. Keeps some milliseconds back until
    :meth:`flush`.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._same = from_hz == to_hz
        # In float, because libsoxr dithers integers: the same sound would come out different each time.
        self._stream = None if self._same else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def feed(self, samples: Samples) -> Samples:
        """What can be said of the stream so far."""
        return samples if self._stream is None else _rounded(self._stream.resample_chunk(samples.astype(np.float32)))

    def flush(self) -> Samples:
        """The rest. The stream ends here."""
        if self._stream is None:
            return np.zeros(0, np.int16)
        return _rounded(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """A whole sound at another rate."""
    if from_hz == to_hz:
        return samples
    return _rounded(soxr.resample(samples.astype(np.float32), from_hz, to_hz, quality="HQ"))


def _rounded(sound: npt.NDArray[np.float32]) -> Samples:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
