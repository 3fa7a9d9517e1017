"""The input buffer against the plainest one there could be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat
from bargein.core.input_buffer import InputBuffer
from support.memory import held_after


class Whole:
    """Everything that was ever appended, and what of it is kept."""

    def __init__(self, fmt: AudioFormat) -> None:
        self.size = fmt.bytes_per_sample
        self.data = bytearray()
        self.start = 0

    @property
    def end(self) -> int:
        return len(self.data) // self.size

    def append(self, audio: bytes) -> None:
        self.data += audio

    def discard_before(self, sample: int) -> None:
        self.start = max(self.start, min(sample, self.end))

    def peek(self, start: int, stop: int) -> bytes:
        return bytes(self.data[max(start, self.start) * self.size : max(stop, self.start) * self.size])

    def take(self, start: int, stop: int) -> bytes:
        taken = self.peek(start, stop)
        self.discard_before(max(start, stop))
        return taken


places = st.integers(0, 3000)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 700)),
        st.tuples(st.just("discard_before"), places),
        st.tuples(st.just("peek"), places, places),
        st.tuples(st.just("take"), places, places),
        st.tuples(st.just("clear")),
    ),
    max_size=30,
)


def test_a_long_sound_is_kept_in_few_chunks() -> None:
    buffer, whole = InputBuffer(PCM16_24K), Whole(PCM16_24K)

    def fill(kept: InputBuffer | Whole) -> None:
        for number in range(10_000):
            kept.append(number.to_bytes(4, "little") * 60)
            if number % 700 == 600:
                kept.discard_before(number * 60)

    assert held_after(lambda: fill(buffer)).blocks < 1200
    fill(whole)
    assert buffer.take(whole.start + 7, whole.end - 99) == whole.take(whole.start + 7, whole.end - 99)
    buffer.clear()
    assert (buffer.sample_count, buffer.peek(0, whole.end)) == (0, b"")


@given(steps, st.sampled_from([PCM16_24K, PCMU_8K]))
def test_it_keeps_what_a_whole_recording_would_hold(done: list[tuple[str, int, int]], fmt: AudioFormat) -> None:
    buffer, whole = InputBuffer(fmt), Whole(fmt)
    written = 0
    for name, *places in done:
        match name:
            case "append":
                audio = b"".join((written + k).to_bytes(4)[-fmt.bytes_per_sample :] for k in range(places[0]))
                written += places[0]
                buffer.append(audio)
                whole.append(audio)
            case "clear":
                buffer.clear()
                whole.discard_before(whole.end)
            case _:
                assert getattr(buffer, name)(*places) == getattr(whole, name)(*places)
        assert (buffer.start_sample, buffer.end_sample) == (whole.start, whole.end)
        assert buffer.sample_count == whole.end - whole.start
        assert buffer.peek(0, written) == whole.peek(0, written)


def test_what_ends_before_it_begins_holds_nothing() -> None:
    buffer = InputBuffer(PCM16_24K)
    buffer.append(bytes(6))
    assert buffer.peek(2, 1) == b""


@pytest.mark.parametrize("count", [500, 10_000])
def test_a_flood_of_tiny_pieces_takes_little_more_than_its_size(count: int) -> None:
    buffer = InputBuffer(PCM16_24K)

    def flood() -> None:
        for number in range(count):
            buffer.append(b"")
            buffer.append(number.to_bytes(2, "little"))

    assert held_after(flood).size_bytes < 3 * 2 * count
    assert buffer.peek(0, count) == b"".join(number.to_bytes(2, "little") for number in range(count))
