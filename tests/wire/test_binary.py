"""Binary messages that are not what a client may expect."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.wire.binary import HEADER_BYTES, pack, unpack

u32 = st.integers(0, 2**32 - 1)


@given(
    seq=u32,
    number=u32,
    output_index=u32,
    content_index=st.integers(0, 2**16 - 1),
    start_sample=st.integers(0, 2**64 - 1),
    samples=st.binary(max_size=64),
)
def test_round_trip(
    seq: int, number: int, output_index: int, content_index: int, start_sample: int, samples: bytes
) -> None:
    message = pack(seq, number, output_index, content_index, start_sample, samples)
    audio = unpack(message)
    assert len(message) == HEADER_BYTES + len(samples)
    assert (audio.seq, audio.response_number, audio.output_index) == (seq, number, output_index)
    assert (audio.content_index, audio.start_sample, audio.samples) == (content_index, start_sample, samples)


def test_the_sequence_number_wraps() -> None:
    assert unpack(pack(2**32 + 5, 1, 0, 0, 0, b"")).seq == 5


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\1\1", "at least 24 bytes, got 2"),
        (b"\2\1" + bytes(22), "version 2"),
        (b"\1\7" + bytes(22), "kind 7"),
    ],
)
def test_foreign_messages_are_refused(message: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unpack(message)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    with contextlib.suppress(ValueError):
        unpack(message)
