"""Silero's network: from windows of sound to the probabilities that they hold speech.

It is that of ``silero_vad.onnx`` of the package ``silero-vad`` 6.2, and so are its weights, in ``silero.npz`` (MIT
licence, in ``silero.LICENSE``; ``scripts/make_silero_weights.py`` makes the file): magnitudes of a short Fourier
transform, four convolutions over its few frames, an LSTM cell that remembers, and a logistic unit. The weights are
rounded to 16 bits, column by column: they have to be fetched for every window, and are half as many bytes so. What
comes out is the reference's to within a thousandth.

There are two ways, by the same weights: ``_silero.c`` does in one call, in less than half of the time, what takes some
forty in numpy. It is there where the package was compiled.

The reference holds two networks, for 8 and for 16 kHz. This is the one for 8 kHz: every format comes to that rate on
the short way that the other detector takes, telephones have no more, and on labelled frames it did as well.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

try:
    from bargein.vad import _silero
except ImportError:
    IN_C = False
else:
    IN_C = True

WEIGHTS: Final = Path(__file__).with_name("silero.npz")
RATE_HZ: Final = 8_000
WINDOW_SAMPLES: Final = 256
"""One decision: 32 ms."""
CONTEXT_SAMPLES: Final = 32
"""Of the sound before a window, which it is judged with."""
MEMORY: Final = 128
"""Numbers in each half of the LSTM's memory."""
AT_ONCE: Final = 2
"""Windows at most in numpy. From 2 ** 18 multiplications on OpenBLAS shares a product of matrices between threads,
which takes the other cores from those who need them, and waits for them by turning round and round: with three it
would.
"""
_SPAN: Final = 128
"""Samples of one Fourier transform."""
_HOP: Final = 64
_FRAMES: Final = 4
_BINS: Final = _SPAN // 2 + 1
_HEARD: Final = CONTEXT_SAMPLES + WINDOW_SAMPLES
_STRIPE: Final = 64
"""Columns of a matrix that ``_silero.c`` works on at a time."""
_MIRRORED: Final = 32
"""Samples that are added behind, as in a mirror."""
_ZERO: Final = np.float32(0.0)
_HALF: Final = np.float32(0.5)
_ONE: Final = np.float32(1.0)

Floats = npt.NDArray[np.float32]


class Network:
    """The weights. It remembers nothing of a caller: one serves all of a thread.

    :param in_c: to be asked by way of ``_silero.c``.
    """

    def __init__(self, *, in_c: bool = IN_C) -> None:
        with np.load(WEIGHTS) as stored:
            encoders = [(_rounded(stored[f"encoder{n}"]), stored[f"encoder{n}_bias"]) for n in range(4)]
            gates: Floats = np.concatenate([stored["recurrent"], stored["recurrent_bias"][None]])
            output: Floats = stored["output"]
            output_bias: Floats = stored["output_bias"]
        # A logistic function is half a hyperbolic tangent of half: so one call does for all gates but one.
        for gate in (0, 1, 3):
            gates[:, gate * MEMORY : (gate + 1) * MEMORY] *= np.float32(0.5)
        heard_gates, remembered_gates, gates_bias = _rounded(gates[:MEMORY]), _rounded(gates[MEMORY:-1]), gates[-1]
        basis = _rounded(_fourier_basis())
        self._for_c = b""
        if in_c:
            layers = [part for matrix, bias in encoders for part in (matrix.in_stripes(), bias.tobytes())]
            gate_matrices = [heard_gates.in_stripes(), remembered_gates.in_stripes(), gates_bias.tobytes()]
            ends = [output.tobytes(), output_bias.tobytes()]
            self._for_c = b"".join([basis.in_stripes(), *layers, *gate_matrices, *ends])
            return
        self._basis = basis.exact()
        self._encoders = [(matrix.exact(), bias) for matrix, bias in encoders]
        self._heard_gates, self._remembered_gates = heard_gates.exact(), remembered_gates.exact()
        self._gates_bias = gates_bias.copy()
        self._output, self._output_bias = output, float(output_bias[0])

    def judge(self, heard: bytes, memory: bytearray) -> list[float]:
        """The probabilities that windows hold speech.

        :param heard: PCM16 at :data:`RATE_HZ`: windows one after another, behind the :data:`CONTEXT_SAMPLES` before the
            first.
        :param memory: of the caller, as :func:`new_memory` makes it; it is changed.
        """
        if self._for_c:
            return _silero.judge(self._for_c, heard, memory)
        sound = np.frombuffer(heard, "<i2").astype(np.float32) * np.float32(1 / 32768)
        remembered = np.frombuffer(memory, np.float32).reshape(2, MEMORY)
        found: list[float] = []
        step = AT_ONCE * WINDOW_SAMPLES
        for start in range(0, len(sound) - CONTEXT_SAMPLES, step):
            found += self._judge_in_numpy(sound[start : start + step + CONTEXT_SAMPLES], remembered)
        return found

    def _judge_in_numpy(self, heard: Floats, memory: Floats) -> list[float]:
        """Of :data:`AT_ONCE` windows at most. All but the memory of them is done at once: what is paid is most of all
        for calling numpy, and for weights on their way into the processor.
        """
        found = []
        for given in self._encoded(heard):
            gates = np.tanh(memory[0] @ self._remembered_gates + given)
            opened = (gates + _ONE) * _HALF
            memory[1] *= opened[MEMORY : 2 * MEMORY]
            memory[1] += opened[:MEMORY] * gates[2 * MEMORY : 3 * MEMORY]
            np.multiply(opened[3 * MEMORY :], np.tanh(memory[1]), memory[0])
            logit = float(np.maximum(memory[0], _ZERO).dot(self._output)) + self._output_bias
            found.append(1.0 / (1.0 + math.exp(-logit)))
        return found

    def _encoded(self, heard: Floats) -> Floats:
        """What each window, a row, brings to the gates of the memory."""
        room = _room((len(heard) - CONTEXT_SAMPLES) // WINDOW_SAMPLES)
        (weights0, bias0), (weights1, bias1), (weights2, bias2), (weights3, bias3) = self._encoders
        waves = room.frames_of(heard) @ self._basis
        np.multiply(waves, waves, waves)
        room.power[:] = waves[:, :_BINS]
        room.power[:, 1:-1] += waves[:, _BINS:]
        np.sqrt(room.powers, room.spectrum)
        np.dot(room.spectra(), weights0, room.inner)
        np.add(room.inner, bias0, room.inner)
        np.maximum(room.inners, _ZERO, out=room.first)
        second = np.maximum(room.firsts() @ weights1 + bias1, _ZERO).reshape(room.count, -1)
        third = np.maximum(second @ weights2 + bias2, _ZERO)
        fourth = np.maximum(third @ weights3 + bias3, _ZERO)
        encoded: Floats = fourth @ self._heard_gates
        encoded += self._gates_bias
        return encoded


class _Room:
    """Where ``count`` windows are worked on. Views are slow to make and stay; what is multiplied with weights is
    copied together first, for then one product does for all.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._sound = np.zeros((count, _HEARD + _MIRRORED), np.float32)
        self._tail = self._sound[:, _HEARD:]
        self._before_tail = self._sound[:, _HEARD - 2 : _HEARD - 2 - _MIRRORED : -1]
        self._frames = _stretches(self._sound, _FRAMES, _HOP, _SPAN)
        # Frames of zeros around the others are what convolutions see beyond the edges.
        spectrum = np.zeros((count, (_FRAMES + 2) * _BINS), np.float32)
        self.spectrum = spectrum[:, _BINS:-_BINS]
        self._spectra = _stretches(spectrum, _FRAMES, _BINS, 3 * _BINS)
        self.power = np.zeros((count * _FRAMES, _BINS), np.float32)
        self.powers = self.power.reshape(count, -1)
        self.inner = np.zeros((count * _FRAMES, MEMORY), np.float32)
        self.inners = self.inner.reshape(count, -1)
        first = np.zeros((count, (_FRAMES + 2) * MEMORY), np.float32)
        self.first = first[:, MEMORY:-MEMORY]
        self._firsts = _stretches(first, 2, 2 * MEMORY, 3 * MEMORY)

    def frames_of(self, heard: Floats) -> Floats:
        """The stretches that are Fourier transformed, one in a row."""
        for number in range(self.count):
            start = number * WINDOW_SAMPLES
            self._sound[number, :_HEARD] = heard[start : start + _HEARD]
        self._tail[:] = self._before_tail
        return _together(self._frames)

    def spectra(self) -> Floats:
        """Each frame of the spectrum with those beside it."""
        return _together(self._spectra)

    def firsts(self) -> Floats:
        """The same of every other frame of what the first convolution has made."""
        return _together(self._firsts)


_room: Final = functools.lru_cache(AT_ONCE)(_Room)


def _together(stretches: Floats) -> Floats:
    """Those of all windows in one matrix, which one window is already."""
    return stretches[0] if len(stretches) == 1 else stretches.reshape(-1, stretches.shape[2])


def _stretches(rows: Floats, count: int, step: int, length: int) -> Floats:
    """``count`` stretches of each row, each beginning ``step`` after the one before."""
    size = rows.itemsize
    shape, strides = (len(rows), count, length), (rows.strides[0], step * size, size)
    return np.lib.stride_tricks.as_strided(rows, shape, strides, writeable=False)


@dataclass(frozen=True, slots=True)
class _Rounded:
    """A matrix whose columns are integers of 16 bits, each with a scale."""

    scale: Floats
    integers: npt.NDArray[np.int16]

    def exact(self) -> Floats:
        """The matrix."""
        return self.integers * self.scale

    def in_stripes(self) -> bytes:
        """As ``_silero.c`` reads it."""
        stripes = self.integers.reshape(len(self.integers), -1, _STRIPE).transpose(1, 0, 2)
        return self.scale.tobytes() + stripes.astype("<i2").tobytes()


def _rounded(matrix: Floats) -> _Rounded:
    scale: Floats = (np.abs(matrix).max(axis=0) / 32767).astype(np.float32)
    return _Rounded(scale, np.rint(matrix / scale).astype(np.int16))


def new_memory() -> bytearray:
    """What the network remembers of one caller of whom it has heard nothing."""
    return bytearray(2 * MEMORY * 4)


@functools.cache
def network() -> Network:
    """The one that all callers share: its weights are read when they are first needed, which takes milliseconds."""
    return Network()


def _fourier_basis() -> Floats:
    """What frames are multiplied with: the cosines, then the sines, under a Hann window. The sines of the first and of
    the last frequency are left out, being 0.
    """
    times = np.arange(_SPAN)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * times / _SPAN)
    turns = 2 * np.pi / _SPAN * np.outer(times, np.arange(_BINS))
    waves = np.concatenate([np.cos(turns), -np.sin(turns[:, 1:-1])], axis=1)
    basis: Floats = (window[:, None] * waves).astype(np.float32)
    return basis
