"""The header before samples, and what samples are: by the specification, and as Python reads it."""

import io
import struct
import wave

import numpy as np
import pytest

from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw
from bargein.sound.wav import HEADER_BYTES, NotWavError, SampleFormat, read_format, to_pcm16, wrap

PCM16 = np.array([0, 1, -1, 1_000, -32_768, 32_767], "<i2").tobytes()


def fmt(kind: int, bits: int, channels: int = 1, rate_hz: int = 8_000) -> bytes:
    """The chunk, by hand."""
    block = channels * bits // 8
    return struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * block, block, bits)


def test_what_is_wrapped_is_read_by_python() -> None:
    data = wrap(PCM16, 24_000)
    assert len(data) == HEADER_BYTES + len(PCM16)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert file.readframes(100) == PCM16


@pytest.mark.parametrize(
    ("kind", "bits", "body", "expected"),
    [
        (1, 8, bytes([0, 128, 255]), [-32_768, 0, 32_512]),
        (1, 16, PCM16, [0, 1, -1, 1_000, -32_768, 32_767]),
        (1, 24, b"\xff\x00\x01" + b"\x00\x00\x80", [256, -32_768]),
        (1, 32, struct.pack("<ii", 1 << 16, -(1 << 31)), [1, -32_768]),
        (3, 32, struct.pack("<fff", 0.5, -2.0, float("nan")), [16_384, -32_768, 0]),
        (3, 64, struct.pack("<d", -0.25), [-8_192]),
        (6, 8, pcm16_to_alaw(np.array([8, -8], np.int16)), [8, -8]),
        (7, 8, pcm16_to_ulaw(np.array([0, 132], np.int16)), [0, 132]),
    ],
)
def test_kinds_of_samples(kind: int, bits: int, body: bytes, expected: list[int]) -> None:
    assert to_pcm16(body, read_format(fmt(kind, bits))).tolist() == expected


def test_extensible_format() -> None:
    chunk = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 8_000, 32_000, 4, 16, 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    assert read_format(chunk) == SampleFormat(1, 2, 8_000, 16)
    assert read_format(chunk).bytes_per_frame == 4


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (b"", "format of 0 bytes"),
        (fmt(85, 16), "kind 85"),
        (fmt(1, 12), "12 bits"),
        (fmt(1, 16, channels=0), "0 channels"),
        (fmt(1, 16, rate_hz=0), "at 0 Hz"),
    ],
)
def test_what_is_wrong_is_said(chunk: bytes, message: str) -> None:
    with pytest.raises(NotWavError, match=message):
        read_format(chunk)
