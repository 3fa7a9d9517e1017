"""The caller's sound that has not become an item yet."""

from __future__ import annotations

from collections import deque
from typing import Final

from bargein.core.audio import AudioFormat

SMALL_BYTES: Final = 160
"""Chunks below this are joined: a flood of tiny ones must not take many times its size."""
MOST_CHUNKS: Final = 1024
"""When so many have come, they are joined, so that whatever is done with all of a long sound is done with few."""


class InputBuffer:
    """Raw samples with their position in the whole input: position 0 is the first sample ever appended."""

    __slots__ = (
        "_bytes_per_sample",
        "_chunks",
        "_joined",
        "_last_bytes",
        "_skipped_bytes",
        "end_sample",
        "format",
        "start_sample",
    )

    def __init__(self, fmt: AudioFormat, *, start_ms: int = 0) -> None:
        self.format = fmt
        self._bytes_per_sample = fmt.bytes_per_sample
        self._chunks: deque[bytes] = deque()
        self._joined = 0
        """How many of the oldest chunks are joined ones."""
        self._skipped_bytes = 0
        """Of the oldest chunk, before the oldest sample kept: joined ones are too long to be cut each time."""
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
        chunks = self._chunks
        self.end_sample += len(audio) // self._bytes_per_sample
        if self._last_bytes < SMALL_BYTES and len(chunks) > self._joined:
            audio = chunks.pop() + audio
        chunks.append(audio)
        self._last_bytes = len(audio)
        if len(chunks) - self._joined >= MOST_CHUNKS:
            self._join()

    def discard_before(self, sample: int) -> None:
        """Forget what lies before a position."""
        sample = min(sample, self.end_sample)
        chunks = self._chunks
        while self.start_sample < sample:
            samples = (len(chunks[0]) - self._skipped_bytes) // self._bytes_per_sample
            if self.start_sample + samples <= sample:
                chunks.popleft()
                self._joined = max(0, self._joined - 1)
                self._skipped_bytes = 0
                self.start_sample += samples
            else:
                self._skipped_bytes += (sample - self.start_sample) * self._bytes_per_sample
                self.start_sample = sample

    def peek(self, start: int, stop: int) -> bytes:
        """Samples ``start:stop``, as far as they are kept."""
        first = self._skipped_bytes + max(start - self.start_sample, 0) * self._bytes_per_sample
        last = self._skipped_bytes + max(stop - self.start_sample, 0) * self._bytes_per_sample
        if last <= first:
            return b""
        found: list[bytes] = []
        at = 0
        for chunk in self._chunks:
            if at >= last:
                break
            end = at + len(chunk)
            if end > first:
                whole = first <= at and end <= last
                found.append(chunk if whole else chunk[max(first - at, 0) : last - at])
            at = end
        return b"".join(found)

    def take(self, start: int, stop: int) -> bytes:
        """Remove and return samples ``start:stop``; what lies before them is discarded, what lies behind is kept."""
        self.discard_before(start)
        taken = self.peek(start, stop)
        self.discard_before(stop)
        return taken

    def clear(self) -> None:
        """Forget everything; positions go on."""
        self.discard_before(self.end_sample)

    def _join(self) -> None:
        """Make one of the chunks that are not joined yet."""
        chunks = self._chunks
        single: list[bytes] = []
        while len(chunks) > self._joined:
            single.append(chunks.pop())
        single.reverse()
        if self._skipped_bytes and not self._joined:
            single[0] = single[0][self._skipped_bytes :]
            self._skipped_bytes = 0
        chunks.append(b"".join(single))
        self._joined += 1
