"""Formats, frames and slices."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargein.core.audio import (
    FORMATS,
    audio_bytes,
    base64_sample_count,
    slice_audio,
)


@pytest.mark.parametrize("fmt", FORMATS.values())
def test_samples_milliseconds_and_bytes_agree(fmt: object) -> None:
    for ms in (0, 1, 20, 100, 999):
        samples = fmt.samples_in_ms(ms)  # type: ignore[attr-defined]
        assert fmt.ms_of(samples) == ms  # type: ignore[attr-defined]
        assert fmt.samples_of(fmt.bytes_of(samples)) == samples  # type: ignore[attr-defined]
        assert len(fmt.silence(samples)) == fmt.bytes_of(samples)  # type: ignore[attr-defined]


@settings(deadline=None)
@given(st.integers(0, 200), st.data())
def test_base64_is_sliced_as_its_samples_would_be(count: int, data: st.DataObject) -> None:
    raw = bytes(i % 251 for i in range(2 * count))
    text = base64.b64encode(raw).decode()
    assert base64_sample_count(text) == count
    start = data.draw(st.integers(0, count))
    stop = data.draw(st.integers(start, count))
    sliced = slice_audio(text, start, stop, 2)
    assert isinstance(sliced, str)
    assert audio_bytes(sliced) == raw[2 * start : 2 * stop] == slice_audio(raw, start, stop, 2)


def test_aligned_slices_are_pieces_of_the_text() -> None:
    text = base64.b64encode(bytes(range(240))).decode()
    assert slice_audio(text, 3, 9, 2) == text[8:24]
