"""Takes the agent's own voice out of the sound of a caller who has shown an echo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from bargein.core.audio import AudioFormat, Encoding
from bargein.core.conversation import Conversation
from bargein.session.far_end import FarEnd
from bargein.session.measures import pcm16
from bargein.sound.echo_canceller import BLOCK_MS, EchoCanceller, Sound
from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw

EARLIER_MS: Final = 30.0
"""The filter begins so much before the delay that was found: sound may come a little earlier."""
EARLIEST_S: Final = -0.02
LATEST_S: Final = 0.1
"""Another delay is within what the filter reaches, if it is no earlier and no later than that."""
USELESS_AFTER_S: Final = 6.0
"""Of the agent's sound: what has taken out next to nothing by then has no echo to take. A room is learned in one."""
USELESS_SHARE: Final = 0.1
"""Of the sound's energy."""


class Polisher(Protocol):
    """Takes out what is left of an echo, behind what knows the room."""

    def polish(self, left: npt.NDArray[np.int16], played: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        """One block of 20 ms."""
        ...


MakePolisher = Callable[[int], Polisher]
"""For a rate in Hz."""


class EchoCancelling:
    """One caller's, from when an echo was found on.

    Sound goes through in blocks of 20 ms; what does not fill one waits for the next call.
    """

    def __init__(self, conversation: Conversation, fmt: AudioFormat, make_polisher: MakePolisher | None) -> None:
        self.echo_db = -np.inf
        """Level that what is left of the echo may have, in what :meth:`cancel` gave last."""
        self._conversation = conversation
        self._format = fmt
        self._canceller = EchoCanceller(fmt.rate_hz, polished=make_polisher is not None)
        self._polisher = None if make_polisher is None else make_polisher(fmt.rate_hz)
        self._far = FarEnd(fmt.rate_hz)
        self._block_bytes = fmt.bytes_of(self._canceller.block_samples)
        self.rest = b""
        """What does not fill a block."""
        self._delay_s = conversation.echo.delay_s or 0.0
        self._blocks = 0
        """Since what was taken out began to be weighed."""
        self._heard_energy = 0.0
        self._left_energy = 0.0
        self.useless = False
        """For long, nothing was taken out: there is no echo, or none any more."""

    def align(self) -> None:
        """Another delay may have been found. What is found in what is left of an echo means little."""
        delay_s = self._conversation.echo.delay_s
        if delay_s is None or EARLIEST_S < delay_s - self._delay_s < LATEST_S or self._canceller.works:
            return
        self._delay_s = delay_s
        self._canceller.reset()

    def cancel(self, audio: bytes, now: float) -> bytes:
        """What is left of whole blocks without the echo."""
        size = self._block_bytes
        audio = self.rest + audio if self.rest else audio
        whole = len(audio) - len(audio) % size
        self.rest = audio[whole:]
        before_db, self.echo_db = self._canceller.echo_db, -np.inf
        left = []
        for start in range(0, whole, size):
            left.append(self._block(audio[start : start + size], now))
            # Windows of the detector need not begin where blocks do.
            self.echo_db = max(self.echo_db, before_db, self._canceller.echo_db)
            before_db = self._canceller.echo_db
        return left[0] if len(left) == 1 else b"".join(left)

    def _block(self, audio: bytes, now: float) -> bytes:
        canceller, far = self._canceller, self._far
        count = canceller.block_samples
        if far.advance(count, self._conversation.playing(now)):
            canceller.loosen()
        played = far.played(self._delay_s * 1000 - EARLIER_MS, count)
        if not canceller.plays(played):
            return audio
        heard = pcm16([audio], self._format).astype(np.float32)
        left = canceller.cancel(heard)
        self._weigh(heard, left)
        samples = np.clip(np.rint(left), -32768, 32767).astype(np.int16)
        if self._polisher is not None:
            samples = self._polisher.polish(samples, played.astype(np.int16))
        canceller.follow(samples)
        return _encoded(samples, self._format)

    def _weigh(self, heard: Sound, left: Sound) -> None:
        self._heard_energy += float(np.dot(heard, heard))
        self._left_energy += float(np.dot(left, left))
        self._blocks += 1
        if self._blocks * BLOCK_MS >= USELESS_AFTER_S * 1000:
            self.useless = self._left_energy > (1 - USELESS_SHARE) * self._heard_energy
            self._blocks, self._heard_energy, self._left_energy = 0, 0.0, 0.0


MakeCancelling = Callable[[Conversation, AudioFormat], EchoCancelling]


def _encoded(samples: npt.NDArray[np.int16], fmt: AudioFormat) -> bytes:
    match fmt.encoding:
        case Encoding.PCM16:
            return samples.astype("<i2").tobytes()
        case Encoding.PCMU:
            return pcm16_to_ulaw(samples)
        case Encoding.PCMA:
            return pcm16_to_alaw(samples)
