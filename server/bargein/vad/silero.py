"""Silero, a neural voice detector, in plain numpy: no runtime that takes seconds to import, nothing to download.

The network is that of ``silero_vad.onnx`` of the package ``silero-vad`` 6.2, and so are its weights, in ``silero.npz``
(MIT licence, in ``silero.LICENSE``; ``scripts/make_silero_weights.py`` makes the file): magnitudes of a short Fourier
transform, four convolutions over its few frames, an LSTM cell that remembers, and a logistic unit. Probabilities are
the reference's to within a hundred thousandth. A window costs some sixty microseconds, too much for every window of
every caller: it is asked while something is undecided.

The reference holds two networks, for 8 and for 16 kHz. This is the one for 8 kHz: every format comes to that rate on
the short way that the other detector takes, telephones have no more, and on labelled frames it did as well.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bargein.core.audio import AudioFormat
from bargein.core.events import WeighedWindow, Window
from bargein.sound.levels import mean_square_of, power_db
from bargein.vad.ear import Ear

WEIGHTS: Final = Path(__file__).with_name("silero.npz")
RATE_HZ: Final = 8_000
WINDOW_SAMPLES: Final = 256
"""One decision: 32 ms."""
CONTEXT_SAMPLES: Final = 32
"""Of the sound before a window, which it is judged with."""
MEMORY: Final = 128
"""Numbers in each half of the LSTM's memory."""
LEAST_PROBABILITY: Final = 0.35
"""What is less likely speech is none, whatever is asked for: only what is left is held against ``threshold``."""

_SPAN: Final = 128
"""Samples of one Fourier transform."""
_HOP: Final = 64
_FRAMES: Final = 4
_BINS: Final = _SPAN // 2 + 1
_HEARD: Final = CONTEXT_SAMPLES + WINDOW_SAMPLES
_MIRRORED: Final = 32
"""Samples that are added behind, as in a mirror."""

Floats = npt.NDArray[np.float32]


class Network:
    """The weights, and room to work in. It remembers nothing of a caller: one serves all of a thread."""

    def __init__(self) -> None:
        with np.load(WEIGHTS) as stored:
            self._encoders: list[tuple[Floats, Floats]] = [
                (stored[f"encoder{number}"], stored[f"encoder{number}_bias"]) for number in range(4)
            ]
            gates: Floats = np.concatenate([stored["recurrent"], stored["recurrent_bias"][None]])
            self._output: Floats = stored["output"]
            self._output_bias = float(stored["output_bias"][0])
        # A logistic function is half a hyperbolic tangent of half: so one call does for all gates but one.
        for gate in (0, 1, 3):
            gates[:, gate * MEMORY : (gate + 1) * MEMORY] *= np.float32(0.5)
        self._gates, self._gates_bias = gates[:-1].copy(), gates[-1].copy()
        self._basis = _fourier_basis()
        self._sound = np.zeros(_HEARD + _MIRRORED, np.float32)
        self._tail = self._sound[_HEARD:]
        self._before_tail = self._sound[_HEARD - 2 : _HEARD - 2 - _MIRRORED : -1]
        step = self._sound.itemsize
        self._frames = np.lib.stride_tricks.as_strided(self._sound, (_FRAMES, _SPAN), (_HOP * step, step))
        # Frames of zeros around the others are what convolutions see beyond the edges.
        self._spectrum = np.zeros((_FRAMES + 2, _BINS), np.float32)
        self._spectra = np.lib.stride_tricks.as_strided(self._spectrum, (_FRAMES, 3 * _BINS), (_BINS * step, step))
        self._first = np.zeros((_FRAMES + 2, MEMORY), np.float32)
        self._firsts = np.lib.stride_tricks.as_strided(self._first, (2, 3 * MEMORY), (2 * MEMORY * step, step))
        self._into_cell = np.zeros(2 * MEMORY, np.float32)

    def judge(self, heard: Floats, memory: Floats) -> float:
        """The probability that a window holds speech.

        :param heard: the window, with the :data:`CONTEXT_SAMPLES` before it, full scale being 1.
        :param memory: of the caller, two rows of :data:`MEMORY`; it is changed.
        """
        self._sound[:_HEARD] = heard
        self._tail[:] = self._before_tail
        waves = self._frames @ self._basis
        np.multiply(waves, waves, waves)
        spectrum = self._spectrum[1:-1]
        np.add(waves[:, :_BINS], waves[:, _BINS:], spectrum)
        np.sqrt(spectrum, spectrum)
        (weights0, bias0), (weights1, bias1), (weights2, bias2), (weights3, bias3) = self._encoders
        first = self._first[1:-1]
        np.dot(self._spectra, weights0, first)
        np.add(first, bias0, first)
        np.maximum(first, 0.0, out=first)
        second = np.maximum(self._firsts @ weights1 + bias1, 0.0).reshape(-1)
        third = np.maximum(second @ weights2 + bias2, 0.0)
        cell = self._into_cell
        cell[:MEMORY] = np.maximum(third @ weights3 + bias3, 0.0)
        cell[MEMORY:] = memory[0]
        gates = np.tanh(cell @ self._gates + self._gates_bias)
        opened = (gates + 1.0) * np.float32(0.5)
        kept = opened[MEMORY : 2 * MEMORY] * memory[1] + opened[:MEMORY] * gates[2 * MEMORY : 3 * MEMORY]
        memory[1] = kept
        memory[0] = opened[3 * MEMORY :] * np.tanh(kept)
        logit = float(np.maximum(memory[0], 0.0).dot(self._output)) + self._output_bias
        return float(1.0 / (1.0 + np.exp(-logit)))


class Listener:
    """Listens to one stretch of sound, from its beginning on. It has a memory: one serves one caller."""

    def __init__(self) -> None:
        self._network = network()
        self._memory = np.zeros((2, MEMORY), np.float32)
        self._rest = np.zeros(CONTEXT_SAMPLES, np.float32)
        """The context of the window that comes next, and what there is of it."""

    def feed(self, samples: npt.NDArray[Any]) -> list[float]:
        """The probabilities of the windows that ``samples`` complete; the rest is kept for the next call.

        :param samples: at :data:`RATE_HZ`, on the scale of PCM16.
        """
        sound = np.concatenate([self._rest, samples.astype(np.float32) * np.float32(1 / 32768)])
        found: list[float] = []
        at = 0
        while len(sound) - at >= _HEARD:
            found.append(self._network.judge(sound[at : at + _HEARD], self._memory))
            at += WINDOW_SAMPLES
        self._rest = sound[at:]
        return found


class SileroWeigher:
    """A :class:`~bargein.vad.detector.Weigher`."""

    def __init__(self, fmt: AudioFormat, start_sample: int) -> None:
        self._window_samples = WINDOW_SAMPLES * fmt.rate_hz // RATE_HZ
        self._at = start_sample
        self._ear = Ear(fmt)
        self._listener = Listener()

    def feed(self, audio: bytes) -> tuple[WeighedWindow, ...]:
        """See :class:`~bargein.vad.detector.Weigher`. A window is 32 ms."""
        found: list[WeighedWindow] = []
        for probability in self._listener.feed(np.frombuffer(self._ear.hear(audio), "<i2")):
            found.append(WeighedWindow(self._at, self._window_samples, probability))
            self._at += self._window_samples
        return tuple(found)


class SileroDetector:
    """A :class:`~bargein.vad.detector.Detector`: in the first role it listens to all that every caller sends."""

    def __init__(self, fmt: AudioFormat) -> None:
        self._window_samples = WINDOW_SAMPLES * fmt.rate_hz // RATE_HZ
        self._ear = Ear(fmt)
        self._listener = Listener()
        self._heard = np.zeros(0, np.int16)
        """Of the window that is not complete yet."""

    def feed(self, audio: bytes, *, weigh_above_db: float) -> tuple[Window, ...]:
        """See :class:`~bargein.vad.detector.Detector`. A window is 32 ms; its voicing is not weighed."""
        del weigh_above_db
        heard = np.frombuffer(self._ear.hear(audio), "<i2")
        self._heard = np.concatenate([self._heard, heard])
        found: list[Window] = []
        for probability in self._listener.feed(heard):
            window, self._heard = self._heard[:WINDOW_SAMPLES], self._heard[WINDOW_SAMPLES:]
            speech = probability if probability >= LEAST_PROBABILITY else 0.0
            found.append(Window(self._window_samples, speech, power_db(mean_square_of(window))))
        return tuple(found)


@functools.cache
def network() -> Network:
    """The one that all callers share: its weights are read when they are first needed, which takes milliseconds."""
    return Network()


def _fourier_basis() -> Floats:
    """What frames are multiplied with: the cosines, then the sines, under a Hann window."""
    times = np.arange(_SPAN)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * times / _SPAN)
    turns = 2 * np.pi / _SPAN * np.outer(times, np.arange(_BINS))
    waves = np.concatenate([np.cos(turns), -np.sin(turns)], axis=1)
    basis: Floats = (window[:, None] * waves).astype(np.float32)
    return basis
