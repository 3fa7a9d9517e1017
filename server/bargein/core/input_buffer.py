"""The caller's sound that has not become an item yet."""

from __future__ import annotations

from bargein.core.audio import AudioFormat


class InputBuffer:
    """Raw samples with their position in the whole input: position 0 is the first sample ever appended."""

    __slots__ = ("_bytes_per_sample", "_data", "_limit_samples", "end_sample", "format", "start_sample")

    def __init__(self, fmt: AudioFormat, limit_ms: int, start_ms: int = 0) -> None:
        self.format = fmt
        self._bytes_per_sample = fmt.bytes_per_sample
        self._limit_samples = fmt.samples_in_ms(limit_ms)
        self._data = bytearray()
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
        """Keep whole samples. What exceeds the limit falls out of the front: the newest speech is what matters."""
        self._data += audio
        self.end_sample += len(audio) // self._bytes_per_sample
        if self.end_sample - self.start_sample > self._limit_samples:
            self.discard_before(self.end_sample - self._limit_samples)

    def discard_before(self, sample: int) -> None:
        count = min(max(0, sample - self.start_sample), self.sample_count)
        del self._data[: self.format.bytes_of(count)]
        self.start_sample += count

    def peek(self, start: int, stop: int) -> bytes:
        """Samples ``start:stop``, as far as they are kept."""
        first = max(start - self.start_sample, 0)
        return bytes(self._data[self.format.bytes_of(first) : self.format.bytes_of(max(stop - self.start_sample, 0))])

    def take(self, start: int, stop: int) -> bytes:
        """Remove and return samples ``start:stop``; what lies before them is discarded, what lies behind is kept."""
        self.discard_before(start)
        count = min(max(0, stop - self.start_sample), self.sample_count)
        size = self.format.bytes_of(count)
        taken = bytes(self._data[:size])
        del self._data[:size]
        self.start_sample += count
        return taken

    def clear(self) -> None:
        self.discard_before(self.end_sample)
