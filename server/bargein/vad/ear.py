"""From a caller's format to what detectors hear: 8 kHz, in the band of the voice."""

from __future__ import annotations

from typing import Final

from bargein.core.audio import AudioFormat, Encoding
from bargein.sound.narrowing import Narrower, alaw_narrower, pcm_narrower, ulaw_narrower

RATE_HZ: Final = 8_000
PIECE_MS: Final = 20
"""What a narrower takes at a time."""


def narrower_of(fmt: AudioFormat) -> Narrower:
    """The one that all callers with this format share."""
    match fmt.encoding:
        case Encoding.PCM16:
            return pcm_narrower(fmt.rate_hz // RATE_HZ)
        case Encoding.PCMU:
            return ulaw_narrower()
        case Encoding.PCMA:
            return alaw_narrower()


class Ear:
    """One caller's sound, cut anywhere. It remembers the caller."""

    def __init__(self, fmt: AudioFormat) -> None:
        self._piece_bytes = fmt.bytes_of(fmt.samples_in_ms(PIECE_MS))
        self._narrower = narrower_of(fmt)
        self._memory = self._narrower.new_memory()
        self._rest = b""

    def hear(self, audio: bytes) -> bytes:
        """What ``audio`` completes, as PCM16 at :data:`RATE_HZ`; the rest is kept for the next call."""
        audio = self._rest + audio
        size = self._piece_bytes
        whole = len(audio) - len(audio) % size
        self._rest = audio[whole:]
        narrow, memory = self._narrower.narrow, self._memory
        return b"".join([narrow(memory, audio[at : at + size])[0] for at in range(0, whole, size)])
