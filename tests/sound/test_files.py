"""WAV files read as a whole: written by us, by Python, and by hand after the specification."""

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.sound.files import Length, length, read, read_mono
from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw
from bargein.sound.wav import NotWavError, header, wrap

SAMPLES = np.array([0, 1, -1, 1_000, -32_768, 32_767], np.int16)
PCM16 = SAMPLES.astype("<i2").tobytes()
SUBTYPE_PCM = struct.pack("<IHH", 1, 0, 16) + bytes.fromhex("800000aa00389b71")


def wav_file(
    kind: int, bits: int, body: bytes, *, channels: int = 1, rate_hz: int = 8_000, extra: bytes = b""
) -> bytes:
    """A file by hand; ``extra`` stands between format and data."""
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_what_python_writes(tmp_path: Path) -> None:
    path = tmp_path / "file.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(PCM16)
    for source in (path, path.read_bytes(), wrap(PCM16, 24_000)):
        wav = read(source)
        assert wav.rate_hz == 24_000
        assert wav.mono.tolist() == SAMPLES.tolist()
    assert length(path.read_bytes()) == Length(6, 24_000)


def test_a_part() -> None:
    assert read(wrap(PCM16, 24_000), 3).mono.tolist() == SAMPLES[3:].tolist()
    assert read(wrap(PCM16, 24_000), 1, 2).mono.tolist() == SAMPLES[1:3].tolist()


@pytest.mark.parametrize(
    ("kind", "bits", "body", "expected"),
    [
        (1, 8, bytes([0, 128, 255]), [-32_768, 0, 32_512]),
        (1, 24, b"\xff\x00\x01" + b"\x00\x00\x80", [256, -32_768]),
        (1, 32, struct.pack("<ii", 1 << 16, -(1 << 31)), [1, -32_768]),
        (3, 32, struct.pack("<fff", 0.5, -2.0, float("nan")), [16_384, -32_768, 0]),
        (3, 64, struct.pack("<d", -0.25), [-8_192]),
        (6, 8, pcm16_to_alaw(np.array([8, -8], np.int16)), [8, -8]),
        (7, 8, pcm16_to_ulaw(np.array([0, 132], np.int16)), [0, 132]),
    ],
)
def test_kinds_of_samples(kind: int, bits: int, body: bytes, expected: list[int]) -> None:
    assert read(wav_file(kind, bits, body)).mono.tolist() == expected


def test_other_chunks_are_skipped_even_odd_ones() -> None:
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert read(wav_file(1, 16, PCM16, extra=extra)).mono.tolist() == SAMPLES.tolist()


def test_extensible_format() -> None:
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8_000, 16_000, 2, 16, 22, 16, 4) + SUBTYPE_PCM
    data = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(PCM16)) + PCM16
    assert read(data).mono.tolist() == SAMPLES.tolist()


def test_a_stream_without_length_and_a_file_cut_off() -> None:
    endless = header(0xFFFF_FFFF - 36, 24_000) + PCM16
    assert read(endless).mono.tolist() == SAMPLES.tolist()
    assert read(wrap(PCM16, 24_000)[:-3]).mono.tolist() == SAMPLES[:-2].tolist()


def test_stereo_is_mixed() -> None:
    stereo = np.array([[100, 300], [-5, -7]], "<i2").tobytes()
    assert read(wav_file(1, 16, stereo, channels=2)).mono.tolist() == [200, -6]


def test_read_mono_resamples() -> None:
    data = wav_file(1, 16, np.zeros(800, "<i2").tobytes(), rate_hz=8_000)
    assert abs(len(read_mono(data, 24_000)) - 2_400) <= 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a WAV file"),
        (b"ID3\x04", "not a WAV file"),
        (wav_file(1, 16, b"")[:36], "No 'data' chunk"),
        (wav_file(1, 16, b"")[:20], "cannot be read .*: convert it, as with sox"),
        (wav_file(85, 16, b"mp3!"), "cannot be read"),
        (wav_file(1, 16, b"ab", channels=0), "Channel count is zero"),
        (wav_file(1, 16, b"ab", rate_hz=0), "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(NotWavError, match=message):
        read(data)


@given(st.binary(max_size=80))
def test_garbage_behind_a_header_is_read_or_refused(garbage: bytes) -> None:
    for data in (b"RIFF\0\0\0\0WAVE" + garbage, wrap(PCM16, 24_000)[:36] + garbage):
        try:
            read(data)
        except NotWavError:
            continue


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing.wav")
