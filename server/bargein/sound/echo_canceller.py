"""Taking an echo out of what a microphone hears, where it is known what the loudspeaker plays.

The echo is what is played, filtered by the room. The filter is learned block by block in the frequency domain, as a
Kalman filter in partitions: S. Kuech, E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based
acoustic echo controller", ICASSP 2014. It knows at any time how sure it is of each of its coefficients, so it learns
fast at first, and keeps what it has learned while somebody else speaks. It only subtracts: a person's voice passes
unchanged, even one that is weaker than the echo.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bargein.sound.levels import SILENCE_DB, power_db

BLOCK_MS: Final = 20
REACH_MS: Final = 240
"""How much of a room is learned: what comes later is weaker by then."""
HEARD_HZ: Final = 4_000
FORGETTING: Final = 0.9998
"""Of a block: rooms change, slowly."""
FIRST_DOUBT: Final = 1.0
"""How strong an echo may be of which nothing is known: as loud as what was sent."""
DOUBT_FALL_DB: Final = 3.0
"""How much weaker from one block to the next."""
LEAST_DOUBT: Final = 1e-3
NEAR_MEMORY: Final = 0.6
"""Of a block: how long the spectrum of what is left is remembered, from which the filter knows that others speak."""
NEAR_SHARE: Final = 0.5
CONSTRAINED: Final = 2
"""Partitions that are kept to their length at each block; all of them in turn."""
TAIL_DB_PER_BLOCK: Final = 1.5
"""How fast the rest of an echo dies away that is longer than the filter: 60 dB in 0.8 s."""
DOUBT_MARGIN_DB: Final = 4.0
LEAK_FIRST_DB: Final = -10.0
LEAK_LEAST_DB: Final = -25.0
LEAK_MOST_DB: Final = 3.0
LEAK_RISE_DB: Final = 0.12
LEAK_FALL_DB: Final = 0.03
"""Steps by which the share of the echo that is left is followed: four in five blocks are below it. So slow that a
caller who speaks for a second is still heard.
"""
LEAK_MARGIN_DB: Final = 3.0
"""What is louder by so much is no rest of the echo."""
POLISHED_MARGIN_DB: Final = 7.0
"""The same behind another canceller, which silences most of what is left and lets bursts of it through."""
LEAK_MATTERS_DB: Final = -56.0
"""What is left below this, relative to full scale, is no echo any more but the background."""
WORKS_BELOW_DB: Final = -5.0
QUIET: Final = 4.0
"""Mean square of PCM16 below which there is nothing: a microphone that is muted teaches nothing."""

Sound = npt.NDArray[np.float32]


class EchoCanceller:
    """One caller's.

    :param rate_hz: of both sounds.
    :param polished: what is left of the echo goes through something else, which is not in doubt.
    """

    def __init__(self, rate_hz: int, *, polished: bool = False) -> None:
        self.polished = polished
        self.block_samples = rate_hz * BLOCK_MS // 1000
        self._size = 2 * self.block_samples
        self._partitions = REACH_MS // BLOCK_MS
        self._bins = self.block_samples + 1
        self._heard_bins = min(HEARD_HZ * self.block_samples // rate_hz, self.block_samples // 2)
        """Of a block's spectrum: what a voice detector hears."""
        self.echo_db = -math.inf
        """Level that what is left of the echo may have, in the block before."""
        self.reset()

    def reset(self) -> None:
        """Forget the room."""
        shape = (self._partitions, self._bins)
        self._filter = np.zeros(shape, np.complex64)
        fall = 10.0 ** (-DOUBT_FALL_DB / 10 * np.arange(self._partitions))
        self._doubt = np.repeat(
            np.maximum(FIRST_DOUBT * fall, LEAST_DOUBT).astype(np.float32)[:, None], self._bins, axis=1
        )
        # The newest block first; written from the end to the beginning, so that nothing has to be moved.
        self._played = np.zeros((2 * self._partitions, self._bins), np.complex64)
        self._newest = self._partitions
        self._past = np.zeros(self.block_samples, np.float32)
        self._near = np.zeros(self._bins, np.float32)
        self._turn = 0
        self._silent_blocks = self._partitions
        self._tail_db = SILENCE_DB
        self._leak_db = LEAK_FIRST_DB
        self._echo_power = 0.0
        self._doubt_power = 0.0
        self.echo_db = -math.inf

    @property
    def works(self) -> bool:
        """The room is known: what is left of the echo is much weaker than it was."""
        return self._leak_db < WORKS_BELOW_DB

    def loosen(self) -> None:
        """The sound may have moved against what is played: what was learned may be wrong."""
        self._doubt += self._filter.real**2 + self._filter.imag**2

    def cancel(self, heard: Sound) -> Sound:
        """One block, beside the one that is played.

        :param heard: :attr:`block_samples` of the microphone, on the scale of PCM16.
        :returns: what is left; ``heard`` itself where it is less.
        """
        newest = self._newest
        spectra = self._played[newest : newest + self._partitions]
        echo = self._sound_of(np.einsum("pk,pk->k", self._filter, spectra))
        left = heard - echo
        heard_power = float(np.dot(heard, heard)) / self.block_samples
        left_power = float(np.dot(left, left)) / self.block_samples
        self._echo_power = float(np.dot(echo, echo)) / self.block_samples
        self._doubt_power = self._learn(spectra, left) if heard_power >= QUIET else 0.0
        return left if left_power <= heard_power else heard

    def plays(self, played: Sound) -> bool:
        """Remember one block of what is played.

        :param played: :attr:`block_samples` as they were when their echo can come now.
        :returns: whether anything of it can still be heard. If not, there is nothing to be cancelled.
        """
        silent = not played.any()
        self._silent_blocks = self._silent_blocks + 1 if silent else 0
        if self._silent_blocks > self._partitions:
            self.echo_db = -math.inf
            return False
        if self._newest == 0:
            self._played[self._partitions + 1 :] = self._played[: self._partitions - 1]
            self._newest = self._partitions + 1
        self._newest -= 1
        self._played[self._newest] = np.fft.rfft(np.concatenate((self._past, played)))
        self._past = played
        return True

    def _learn(self, spectra: npt.NDArray[np.complex64], left: Sound) -> float:
        """Returns how much of what is left the filter believes to be its own fault: a mean square."""
        error = np.fft.rfft(np.concatenate((np.zeros(self.block_samples, np.float32), left))).astype(np.complex64)
        power = spectra.real**2 + spectra.imag**2
        doubtful = np.einsum("pk,pk->k", power, self._doubt)
        self._near *= NEAR_MEMORY
        self._near += (1 - NEAR_MEMORY) * (error.real**2 + error.imag**2)
        gain = self._doubt / (doubtful + NEAR_SHARE * self._near + 1e-3)
        self._filter += gain * np.conj(spectra) * error
        for number in range(CONSTRAINED):
            self._constrain((self._turn + number * self._partitions // CONSTRAINED) % self._partitions)
        self._turn += 1
        self._doubt *= FORGETTING**2 * (1 - 0.5 * gain * power)
        self._doubt += (1 - FORGETTING**2) * (self._filter.real**2 + self._filter.imag**2)
        return float(doubtful.sum()) / (self._size * self.block_samples)

    def _constrain(self, partition: int) -> None:
        """A partition is a block long, not two: or it would take the end of a block for its beginning."""
        response = np.fft.irfft(self._filter[partition], self._size)
        response[self.block_samples :] = 0
        self._filter[partition] = np.fft.rfft(response)

    def _sound_of(self, spectrum: npt.NDArray[np.complex64]) -> Sound:
        sound: Sound = np.fft.irfft(spectrum, self._size)[self.block_samples :].astype(np.float32)
        return sound

    def follow(self, left: npt.NDArray[Any]) -> None:
        """How loud what is left of the echo may be is known from how much was left of it before.

        :param left: of the block, by whatever else has taken of it.
        """
        tail_db = self._tail_db = max(power_db(self._echo_power), self._tail_db - TAIL_DB_PER_BLOCK)
        spectrum = np.fft.rfft(left)[: self._heard_bins]
        left_db = power_db(2.0 * float(np.vdot(spectrum, spectrum).real) / self.block_samples**2)
        if tail_db > SILENCE_DB:
            expected_db = max(tail_db + self._leak_db, power_db(self._doubt_power), LEAK_MATTERS_DB)
            self._leak_db += LEAK_RISE_DB if left_db > expected_db else -LEAK_FALL_DB
            self._leak_db = min(max(self._leak_db, LEAK_LEAST_DB), LEAK_MOST_DB)
        self.echo_db = tail_db + self._leak_db + (POLISHED_MARGIN_DB if self.polished else LEAK_MARGIN_DB)
        if not self.polished:
            self.echo_db = max(self.echo_db, power_db(self._doubt_power) + DOUBT_MARGIN_DB)
