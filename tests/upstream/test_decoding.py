"""Bodies that are compressed although nobody asked for it."""

from __future__ import annotations

import gzip
import zlib

import pytest

from bargein.upstream.http.decoding import STEP_BYTES, Inflater
from bargein.upstream.http.errors import InvalidHttp


def inflated(inflater: Inflater, data: bytes, piece_bytes: int) -> bytes:
    out = b""
    for at in range(0, len(data), piece_bytes):
        inflater.feed(data[at : at + piece_bytes])
        while step := inflater.step():
            assert len(step) <= STEP_BYTES
            out += step
    return out


def bare_deflate(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compress.compress(data) + compress.flush()


@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
def test_inflating(piece_bytes: int) -> None:
    text = b"Hello, " * 1000
    gzipped = gzip.compress(text) + gzip.compress(text)
    assert inflated(Inflater(16 + zlib.MAX_WBITS), gzipped, piece_bytes) == text * 2
    assert inflated(Inflater(None), zlib.compress(text), piece_bytes) == text
    assert inflated(Inflater(None), bare_deflate(text), piece_bytes) == text


def test_a_bomb_goes_off_in_small_steps() -> None:
    inflater = Inflater(16 + zlib.MAX_WBITS)
    inflater.feed(gzip.compress(bytes(64 << 20)))
    for _ in range(3):
        assert len(inflater.step()) <= STEP_BYTES


def test_what_is_not_compressed() -> None:
    inflater = Inflater(16 + zlib.MAX_WBITS)
    inflater.feed(b"Hello")
    with pytest.raises(InvalidHttp):
        inflater.step()
