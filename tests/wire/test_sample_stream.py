"""Whole samples out of bytes that are cut anywhere, and nothing that only looks like samples."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import PCM16_24K, PCMA_8K, PCMU_8K, AudioFormat
from bargein.errors import CallerError
from bargein.sound import wav
from bargein.wire.sample_stream import SampleStream

SOUND = np.random.default_rng(1).normal(0, 3000, 480).astype("<i2").tobytes()


def taken(stream: SampleStream, pieces: Iterable[bytes]) -> bytes:
    """All that comes of ``pieces``; of what the stream calls plain, as its user does."""
    found = b""
    for piece in pieces:
        plain = stream.plain and len(piece) % 2 == 0 and not piece.startswith(b"RIFF")
        found += piece if plain else stream.take(piece)
    return found


def cut(sound: bytes, sizes: list[int]) -> list[bytes]:
    pieces, place = [], 0
    for size in sizes:
        pieces.append(sound[place : place + size])
        place += size
    return [*pieces, sound[place:]]


@given(st.lists(st.integers(0, 70), max_size=20))
def test_a_sample_that_is_cut_goes_on_in_the_next_piece(sizes: list[int]) -> None:
    assert taken(SampleStream(PCM16_24K), cut(SOUND, sizes)) == SOUND


@given(st.lists(st.integers(0, 70), max_size=20))
def test_half_a_sample_at_the_end_is_kept_back(sizes: list[int]) -> None:
    assert taken(SampleStream(PCM16_24K), cut(SOUND[:-1], sizes)) == SOUND[:-2]


def test_telephone_samples_are_bytes() -> None:
    stream = SampleStream(PCMU_8K)
    assert taken(stream, [b"abc", b"", b"d"]) == b"abcd"
    assert stream.plain


def test_half_a_sample_is_forgotten_when_something_new_begins() -> None:
    stream = SampleStream(PCM16_24K)
    assert stream.take(b"\1\2\3") == b"\1\2"
    stream.restart()
    assert stream.take(SOUND) == SOUND


def test_a_stream_of_whole_samples_is_plain_from_its_second_piece_on() -> None:
    stream = SampleStream(PCM16_24K)
    plain = [stream.plain]
    for piece in (SOUND, b"\1", b"\1"):
        stream.take(piece)
        plain.append(stream.plain)
    assert plain == [False, True, False, True]


@pytest.mark.parametrize("sizes", [[], [44], [3], [12, 20], [1, 2, 3], [43, 1, 1], [100, 7, 9]])
def test_a_wav_header_before_samples_of_the_format_is_taken_off(sizes: list[int]) -> None:
    file = wav.wrap(SOUND, 24_000)
    assert taken(SampleStream(PCM16_24K), cut(file, sizes)) == SOUND


def test_a_header_before_every_piece_is_taken_off_each() -> None:
    pieces = [wav.wrap(SOUND[start : start + 96], 24_000) for start in range(0, len(SOUND), 96)]
    assert taken(SampleStream(PCM16_24K), pieces) == SOUND


def test_a_header_in_the_middle_of_a_stream_begins_with_a_whole_sample() -> None:
    assert taken(SampleStream(PCM16_24K), [SOUND, b"\1", wav.wrap(SOUND, 24_000)]) == SOUND + SOUND


def test_what_stands_behind_the_samples_of_a_wav_file_is_left_out() -> None:
    file = wav.wrap(SOUND, 24_000) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert SampleStream(PCM16_24K).take(file) == SOUND


def test_a_wav_file_of_unknown_length_is_read_as_it_comes() -> None:
    file = bytearray(wav.wrap(SOUND, 24_000))
    file[40:44] = b"\xff\xff\xff\xff"
    assert taken(SampleStream(PCM16_24K), cut(bytes(file), [50, 51])) == SOUND


def test_samples_that_begin_like_a_wav_file_are_samples() -> None:
    assert taken(SampleStream(PCM16_24K), [b"RIFFRIFFRIFFRIFF", b"RI", b"FF"]) == b"RIFFRIFFRIFFRIFFRIFF"


def g711_wav(kind: int, rate_hz: int) -> bytes:
    return (
        struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36, b"WAVE", b"fmt ", 16, kind, 1, rate_hz, rate_hz, 1, 8)
        + struct.pack("<4sI", b"data", 160)
        + b"x" * 160
    )


@pytest.mark.parametrize(("fmt", "kind"), [(PCMU_8K, 7), (PCMA_8K, 6)])
def test_telephone_wav_files_too(fmt: AudioFormat, kind: int) -> None:
    assert SampleStream(fmt).take(g711_wav(kind, 8_000)) == b"x" * 160


@pytest.mark.parametrize(
    ("fmt", "file", "what"),
    [
        (PCM16_24K, wav.wrap(SOUND, 44_100), "a WAV file of 16-bit linear samples at 44100 Hz in one channel"),
        (
            PCM16_24K,
            wav.header(960, 24_000, 2) + SOUND,
            "a WAV file of 16-bit linear samples at 24000 Hz in 2 channels",
        ),
        (PCM16_24K, g711_wav(7, 8_000), "a WAV file of 8-bit µ-law samples at 8000 Hz in one channel"),
        (PCMU_8K, wav.wrap(SOUND, 8_000), "a WAV file of 16-bit linear samples at 8000 Hz in one channel"),
        (PCM16_24K, g711_wav(85, 8_000), "a WAV file with samples of kind 85 and 8 bits"),
        (PCM16_24K, b"OggS\0\2" + SOUND, "Ogg"),
        (PCM16_24K, b"\x1aE\xdf\xa3" + SOUND, "WebM"),
        (PCM16_24K, b"ID3\4" + SOUND, "MP3"),
        (PCM16_24K, b"fLaC" + SOUND, "FLAC"),
        (PCM16_24K, b"\0\0\0\x20ftypM4A " + SOUND, "MP4"),
    ],
)
def test_what_is_no_sample_is_refused_by_name_until_something_new_begins(
    fmt: AudioFormat, file: bytes, what: str
) -> None:
    stream = SampleStream(fmt)
    for piece in (file, SOUND, SOUND):
        with pytest.raises(CallerError, match=what) as caught:
            stream.take(piece)
        assert (caught.value.code, caught.value.param) == ("unsupported_audio", "audio")
        assert f"{fmt.encoding.value} at {fmt.rate_hz} Hz in one channel" in caught.value.message
        assert not stream.plain
    stream.restart()
    assert stream.take(SOUND) == SOUND


def test_a_wav_file_of_the_format_ends_a_refusal() -> None:
    stream = SampleStream(PCM16_24K)
    with pytest.raises(CallerError):
        stream.take(wav.wrap(SOUND, 44_100))
    assert stream.take(wav.wrap(SOUND, 24_000)) == SOUND


def test_speech_in_the_middle_of_a_stream_may_look_like_anything() -> None:
    assert taken(SampleStream(PCM16_24K), [SOUND, b"OggS", b"ID3\4"]) == SOUND + b"OggSID3\4"


@pytest.mark.parametrize("size", [1, 7])
def test_a_header_of_many_chunks_in_small_pieces_is_read_once(size: int) -> None:
    """Read again for each piece, it would take half a minute."""
    sound = bytes(range(200))
    head = wav.wrap(sound, 24_000)
    nothing = b"JUNK\0\0\0\0" * 3500
    file = head[:12] + nothing + head[12:36] + nothing + head[36:]
    stream = SampleStream(PCM16_24K)
    pieces = [stream.take(file[at : at + size]) for at in range(0, len(file), size)]
    assert b"".join(pieces) == sound
