"""Audio formats, and the arithmetic between samples, milliseconds and bytes."""

from __future__ import annotations

import base64
import enum
from dataclasses import dataclass
from typing import Final


class Encoding(enum.Enum):
    """How one sample is written. The values are the Realtime protocol's format types."""

    PCM16 = "audio/pcm"
    """Signed 16-bit little-endian."""
    PCMU = "audio/pcmu"
    """G.711 µ-law, one byte per sample."""
    PCMA = "audio/pcma"
    """G.711 A-law, one byte per sample."""


_SILENT_BYTE: Final = {Encoding.PCM16: b"\0", Encoding.PCMU: b"\xff", Encoding.PCMA: b"\xd5"}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A mono audio format: an encoding at a rate."""

    encoding: Encoding
    rate_hz: int

    def __post_init__(self) -> None:
        """:raises ValueError: there is no such rate."""
        if self.rate_hz < 1000:
            raise ValueError(f"rate_hz is {self.rate_hz}: give 1000 or more")

    @property
    def bytes_per_sample(self) -> int:
        return 2 if self.encoding is Encoding.PCM16 else 1

    def samples_of(self, byte_count: int) -> int:
        """Whole samples in ``byte_count`` bytes."""
        return byte_count // self.bytes_per_sample

    def bytes_of(self, sample_count: int) -> int:
        return sample_count * self.bytes_per_sample

    def samples_in_ms(self, duration_ms: float) -> int:
        return int(duration_ms * self.rate_hz // 1000)

    def ms_of(self, sample_count: int) -> int:
        """Milliseconds, rounded down: the protocol wants integers."""
        return sample_count * 1000 // self.rate_hz

    def silence(self, sample_count: int) -> bytes:
        """Digital silence; µ-law and A-law zero are not the zero byte (ITU-T G.711)."""
        return _SILENT_BYTE[self.encoding] * self.bytes_of(sample_count)


PCM16_24K: Final = AudioFormat(Encoding.PCM16, 24_000)
PCMU_8K: Final = AudioFormat(Encoding.PCMU, 8_000)
PCMA_8K: Final = AudioFormat(Encoding.PCMA, 8_000)
PCM16_RATES_HZ: Final = (8_000, 16_000, 24_000, 32_000, 48_000)
"""Whole multiples of what a voice detector hears."""
_SERVED: Final = [*[AudioFormat(Encoding.PCM16, rate_hz) for rate_hz in PCM16_RATES_HZ], PCMU_8K, PCMA_8K]
FORMATS: Final = {(fmt.encoding.value, fmt.rate_hz): fmt for fmt in _SERVED}
"""All that are served, by the protocol's type and the rate."""

BASE64_GROUP_SAMPLES: Final = 3
"""PCM16 samples in eight base64 characters: the smallest slice that needs no re-encoding."""


def base64_sample_count(text: str) -> int:
    """PCM16 samples in a base64 text with canonical padding (RFC 4648 section 4)."""
    return (len(text) * 3 // 4 - text.count("=", -2)) // 2


def slice_audio(audio: str | bytes, start: int, stop: int, bytes_per_sample: int) -> str | bytes:
    """Samples ``start:stop`` of ``audio``, in the representation that it has.

    A base64 ``str`` holds PCM16; inner cuts at multiples of :data:`BASE64_GROUP_SAMPLES` are slices of the text,
    other cuts are decoded and encoded again.
    """
    if isinstance(audio, bytes):
        return audio[start * bytes_per_sample : stop * bytes_per_sample]
    at_end = stop * 2 >= len(audio) * 3 // 4 - audio.count("=", -2)
    if start % BASE64_GROUP_SAMPLES == 0 and (at_end or stop % BASE64_GROUP_SAMPLES == 0):
        first = start // BASE64_GROUP_SAMPLES * 8
        return audio[first:] if at_end else audio[first : stop // BASE64_GROUP_SAMPLES * 8]
    return base64.b64encode(base64.b64decode(audio)[start * 2 : stop * 2]).decode("ascii")


def audio_bytes(audio: str | bytes) -> bytes:
    """The raw samples of a piece that is kept as bytes or as base64 text."""
    return audio if isinstance(audio, bytes) else base64.b64decode(audio)
