"""The caller's sound that has not become an item yet."""

from __future__ import annotations

from collections import deque
from typing import Final

from bargein.core.audio import AudioFormat

SMALL_BYTES: Final = 160
"""Chunks below this are joined: a flood of tiny ones must not take many times its size."""


class InputBuffer:
    """Raw samples with their position in the whole input: position 0 is the first sample ever appended."""

    __slots__ = (
        "_bytes_per_sample",
        "_chunks",
        "_last_bytes",
        "end_sample",
        "format",
        "start_sample",
    )

    def __init__(self, fmt: AudioFormat, *, start_ms: int = 0) -> None:
        self.format = fmt
        self._bytes_per_sample = fmt.bytes_per_sample
        self._chunks: deque[bytes] = deque()
        self._last_bytes = 0
        """Length of the newest chunk. To look at the chunk itself would fetch it into the processor's cache."""
        self.start_sample = fmt.samples_in_ms(start_ms)
        """Position of the oldest sample kept."""
        self.end_sample = self.start_sample
        """Position behind the newest."""

    @property
    def sample_count(self) -> int:
        return self.end_sample - self.start_sample

    @property
    def duration_ms(self) -> float:
        return self.sample_count * 1000 / self.format.rate_hz

    def append(self, audio: bytes) -> None:
        """Keep whole samples, however many: whoever appends sees to the limit."""
        self.end_sample += len(audio) // self._bytes_per_sample
        if self._last_bytes < SMALL_BYTES and self._chunks:
            audio = self._chunks.pop() + audio
        self._chunks.append(audio)
        self._last_bytes = len(audio)

    def discard_before(self, sample: int) -> None:
        """Forget what lies before a position."""
        sample = min(sample, self.end_sample)
        chunks = self._chunks
        while self.start_sample < sample:
            samples = len(chunks[0]) // self._bytes_per_sample
            if self.start_sample + samples <= sample:
                chunks.popleft()
                self.start_sample += samples
            else:
                chunks[0] = chunks[0][self.format.bytes_of(sample - self.start_sample) :]
                self.start_sample = sample

    def peek(self, start: int, stop: int) -> bytes:
        """Samples ``start:stop``, as far as they are kept."""
        first = max(start - self.start_sample, 0)
        last = max(stop - self.start_sample, first)
        return b"".join(self._chunks)[self.format.bytes_of(first) : self.format.bytes_of(last)]

    def take(self, start: int, stop: int) -> bytes:
        """Remove and return samples ``start:stop``; what lies before them is discarded, what lies behind is kept."""
        self.discard_before(start)
        taken = self.peek(start, stop)
        self.discard_before(stop)
        return taken

    def clear(self) -> None:
        """Forget everything; positions go on."""
        self.discard_before(self.end_sample)
