"""From one sample rate to another, chunk by chunk, without a seam between the chunks.

Two ways: :class:`Decimator`, a short filter with a delay of a millisecond, for what only a voice detector hears; and
:class:`Resampler`, libsoxr, for what people hear.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.int16]

TAPS: Final = 48
"""At 24 kHz: 2 ms long, 1 ms of delay."""
CUTOFF: Final = 0.88
"""Of the new Nyquist frequency: leaves the filter room to fall before aliases fold into the voice."""
KAISER_BETA: Final = 6.2


def _low_pass(factor: int) -> npt.NDArray[np.float32]:
    """Windowed sinc, unity gain at 0 Hz. From 24 to 8 kHz: -0.9 dB at 3 kHz, below -63 dB from 4.6 kHz up."""
    at = np.arange(TAPS) - (TAPS - 1) / 2
    taps = np.sinc(at * CUTOFF / factor) * np.kaiser(TAPS, KAISER_BETA)
    unity: npt.NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return unity


class Decimator:
    """Keeps every ``factor``-th sample of low-passed sound, in chunks of any length.

    For ``n`` samples that went in so far, exactly ``n // factor`` have come out.
    """

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._taps = _low_pass(factor)
        self._past = np.zeros(TAPS - factor, np.float32)

    def feed(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Decimate one chunk."""
        sound = np.concatenate((self._past, samples), dtype=np.float32)
        count = (len(sound) - TAPS) // self._factor + 1
        self._past = sound[count * self._factor :]
        # Overlapping rows, one for each output sample. The constructor is ten times faster than `as_strided`; `dot`
        # copies the rows for BLAS, and is twice as fast as `@`, which does not.
        step = sound.itemsize
        frames: npt.NDArray[np.float32] = np.ndarray((count, TAPS), np.float32, sound, 0, (step * self._factor, step))
        decimated: npt.NDArray[np.float32] = frames.dot(self._taps)
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
