"""Recognising one's own voice in a room that has blurred it.

Where more of an echo comes from the walls than from the loudspeaker, no short filter makes what was heard of what was
said (:mod:`bargein.sound.echo`). What is left is its shape: how the energy of each band of the voice rises and falls.
A room lets energy die away, by 60 dB in its reverberation time, so what was said is drawn out by the reverberation of
several rooms, and the one counts that is most alike. Half a second of another voice rises and falls otherwise; of a
tenth of a second, that is not sure.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bargein.sound.echo import fast_length

RATE_HZ: Final = 8_000
FRAME_SAMPLES: Final = 256
HOP_SAMPLES: Final = 64
BANDS: Final = 16
LOWEST_HZ: Final = 250.0
HIGHEST_HZ: Final = 3_600.0
REVERBERATION_S: Final[tuple[float, ...]] = (0.3, 0.8)
"""Of the rooms that are tried, beside none."""
COMPRESSION: Final = 0.15
"""Exponent of the energies: much as they are heard, but not so near to the logarithm that only silence counts."""
DEPTH: Final = 1e-4
"""Energies below this share of a sound's greatest are taken for it: there is the background."""
FLAT: Final = 0.1
"""Where what was said rises and falls less than this share of what was heard, it cannot be what is heard."""

Envelopes = npt.NDArray[np.float32]
"""Energies by band and frame."""


def match(heard: npt.NDArray[Any], said: npt.NDArray[Any]) -> tuple[float, int]:
    """How alike the shapes of both are, -1 to 1, and at which sample of ``said`` that begins which ``heard`` is like.

    :param heard: samples at 8 kHz; half a second or more.
    :param said: more of them, with whatever delay the echo may have before it.
    """
    wanted, given = _envelopes(heard), _envelopes(said)
    count, places = wanted.shape[1], given.shape[1] - wanted.shape[1] + 1
    if count < 2 or places < 1:
        return 0.0, 0
    shape = _shapes(wanted[None])[0]
    shape -= shape.mean(axis=1, keepdims=True)
    energy = float(np.vdot(shape, shape))
    drawn_out = _shapes(np.stack([given, *(given @ _dying_away(given.shape[1]))]))
    energies = np.maximum(_energies(drawn_out, count), FLAT * energy)
    alike = _correlations(shape, drawn_out, places) / np.sqrt(energy * energies + 1e-9)
    best = int(np.argmax(alike))
    likest = float(alike.flat[best])
    return (likest, best % places * HOP_SAMPLES) if likest > 0.0 else (0.0, 0)


def _envelopes(samples: npt.NDArray[Any]) -> Envelopes:
    count = (len(samples) - FRAME_SAMPLES) // HOP_SAMPLES + 1
    if count < 1:
        return np.zeros((BANDS, 0), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), FRAME_SAMPLES)[::HOP_SAMPLES]
    spectra = np.fft.rfft(frames * _window(), axis=1, norm="ortho")
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
    envelopes: Envelopes = _bands() @ power.T
    return envelopes


def _shapes(envelopes: Envelopes) -> Envelopes:
    """Of each sound, the first axis."""
    least = DEPTH * envelopes.max(axis=(1, 2), keepdims=True) + 1.0
    shapes: Envelopes = np.maximum(envelopes, least) ** np.float32(COMPRESSION)
    return shapes


def _correlations(shape: Envelopes, given: Envelopes, places: int) -> npt.NDArray[np.float32]:
    size = fast_length(given.shape[2])
    wanted = np.fft.rfft(shape, size, axis=1, norm="ortho").conj()
    spectra = np.einsum("rbf,bf->rf", np.fft.rfft(given, size, axis=2, norm="ortho"), wanted)
    circular = np.fft.irfft(spectra, size, axis=1, norm="ortho")[:, :places].astype(np.float32)
    correlations: npt.NDArray[np.float32] = circular * np.float32(math.sqrt(size))
    return correlations


def _energies(given: Envelopes, count: int) -> npt.NDArray[np.float64]:
    """Of each stretch of ``count`` frames, without the mean of each band in it."""
    rooms, bands, frames = given.shape
    sums = np.zeros((rooms, bands, frames + 1))
    np.cumsum(given, axis=2, out=sums[:, :, 1:])
    squares = np.zeros((rooms, frames + 1))
    np.cumsum(np.einsum("rbf,rbf->rf", given, given), axis=1, out=squares[:, 1:])
    within = sums[:, :, count:] - sums[:, :, :-count]
    means = np.einsum("rbf,rbf->rf", within, within) / count
    energies: npt.NDArray[np.float64] = squares[:, count:] - squares[:, :-count] - means
    return energies


@functools.cache
def _window() -> npt.NDArray[np.float32]:
    return np.hanning(FRAME_SAMPLES).astype(np.float32)


@functools.cache
def _bands() -> npt.NDArray[np.float32]:
    """Triangles of equal width on the mel scale, by bins of the spectrum, whose transform was scaled to keep energy."""
    lowest, highest = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700.0 * (10.0 ** (np.linspace(lowest, highest, BANDS + 2) / 2595.0) - 1.0)
    bins = np.arange(FRAME_SAMPLES // 2 + 1) * RATE_HZ / FRAME_SAMPLES
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return (FRAME_SAMPLES * np.maximum(0.0, np.minimum(rising, falling))).astype(np.float32)


@functools.lru_cache(maxsize=16)
def _dying_away(frames: int) -> npt.NDArray[np.float32]:
    """What each frame leaves behind in those after it, in each of the rooms."""
    kept = 10.0 ** (-6.0 * HOP_SAMPLES / (np.array(REVERBERATION_S)[:, None, None] * RATE_HZ))
    later = np.arange(frames)[None, :] - np.arange(frames)[:, None]
    return np.where(later >= 0, kept ** np.maximum(later, 0), 0.0).astype(np.float32)
