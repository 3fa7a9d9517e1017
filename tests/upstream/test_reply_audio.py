"""The sound of a reply: what is played, and what is refused in words rather than played as noise."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import audio_bytes
from bargein.errors import UpstreamMalformed
from bargein.sound.containers import Containers
from bargein.upstream.reply_audio import ReplyAudioReader

RATE_HZ = 24_000


def speech(sample_count: int, rate_hz: int = RATE_HZ) -> npt.NDArray[np.int16]:
    """Two tones, louder and softer: no piece of it is like another, and none is silent."""
    at = np.arange(sample_count) / rate_hz
    sound = np.sin(2 * np.pi * 220 * at) + 0.5 * np.sin(2 * np.pi * 1310 * at)
    sounding: npt.NDArray[np.int16] = (5000 * (1.2 + np.sin(2 * np.pi * 3 * at)) * sound / 2).astype(np.int16)
    return sounding


def heard(texts: list[str], reader: ReplyAudioReader | None = None) -> bytes:
    reader = reader or ReplyAudioReader()
    pieces = [piece for text in texts if (piece := reader.read(text))]
    if tail := reader.end():
        pieces.append(tail)
    for piece in pieces:
        assert piece.sample_count * 2 == len(audio_bytes(piece.audio))
    return b"".join(audio_bytes(piece.audio) for piece in pieces)


def encoded(raw: bytes, sizes: tuple[int, ...] = (4800,)) -> list[str]:
    """``raw`` in base64 pieces of so many bytes, the sizes in turn."""
    texts, at, turn = [], 0, 0
    while at < len(raw):
        size = sizes[turn % len(sizes)]
        texts.append(base64.b64encode(raw[at : at + size]).decode())
        at, turn = at + size, turn + 1
    return texts


# Base64.

SOUND = speech(24_000).tobytes()
SILENCE_FIRST = bytes(9_600) + SOUND


@pytest.mark.parametrize("raw", [SOUND, SILENCE_FIRST, bytes(4_000)], ids=["sound", "silence first", "silence"])
@pytest.mark.parametrize("sizes", [(4800,), (4802,), (4804,), (4798, 4800, 4802), (100, 98), (962,)])
def test_pieces_without_padding(raw: bytes, sizes: tuple[int, ...]) -> None:
    assert heard([text.rstrip("=") for text in encoded(raw, sizes)]) == raw


@pytest.mark.parametrize("raw", [SOUND, SILENCE_FIRST], ids=["sound", "silence first"])
@pytest.mark.parametrize("characters", [1, 2, 3, 5, 6, 7, 50, 333, 1001, 4802, 6403])
def test_one_text_cut_anywhere(raw: bytes, characters: int) -> None:
    text = base64.b64encode(raw).decode()
    assert heard([text[at : at + characters] for at in range(0, len(text), characters)]) == raw


@pytest.mark.parametrize("characters", [6, 50, 4802])
def test_one_text_cut_anywhere_without_padding(characters: int) -> None:
    text = base64.b64encode(SOUND[:-2]).decode().rstrip("=")
    assert heard([text[at : at + characters] for at in range(0, len(text), characters)]) == SOUND[:-2]


def test_a_last_piece_without_padding() -> None:
    assert heard(["AAAA", "AAAAAAA"]) == bytes(8)


@pytest.mark.parametrize("sizes", [(4800,), (4802,)])
def test_padded_pieces_with_odd_spellings(sizes: tuple[int, ...]) -> None:
    texts = encoded(SOUND, sizes)
    assert heard([text.replace("+", "-").replace("/", "_") for text in texts]) == SOUND
    assert heard([f"data:audio/pcm;base64,{text}" for text in texts]) == SOUND
    lines = [base64.encodebytes(base64.b64decode(text)).decode() for text in texts]
    assert "\n" in lines[0].strip()
    assert heard(lines) == SOUND


def test_padded_texts_one_behind_the_other() -> None:
    assert heard(["".join(encoded(SOUND, (100,)))]) == SOUND


@pytest.mark.parametrize("text", ["AAA!", "AA=A", "ÄÄÄÄ", "AA\n=", "A===", "AAAA=", "AAAAA=AA"])
def test_what_is_no_base64(text: str) -> None:
    with pytest.raises(UpstreamMalformed, match="not base64"):
        heard([text, "AAAA"])


# WAV of every kind.


def wav_of(kind: int, bits: int, samples: npt.NDArray[np.int16], *, channels: int = 1, rate_hz: int = RATE_HZ) -> bytes:
    frames = np.repeat(samples, channels)
    match kind, bits:
        case 1, 8:
            body = ((frames >> 8) + 128).astype(np.uint8).tobytes()
        case 1, 24:
            body = b"".join(struct.pack("<i", int(sample) << 8)[:3] for sample in frames)
        case 1, 32:
            body = (frames.astype(np.int32) << 16).astype("<i4").tobytes()
        case 3, _:
            body = (frames / 32768).astype(f"<f{bits // 8}").tobytes()
        case _:
            body = frames.astype("<i2").tobytes()
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * block, block, bits)
    header = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(body))
    return b"RIFF" + struct.pack("<I", len(header) + len(body)) + header + body


@pytest.mark.parametrize(("kind", "bits"), [(1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (1, 8)])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("headers", ["in every piece", "in the first"])
def test_wav_in_other_samples(kind: int, bits: int, channels: int, headers: str) -> None:
    samples = speech(4_800)
    if headers == "in every piece":
        raws = [wav_of(kind, bits, part, channels=channels) for part in np.split(samples, 4)]
    else:
        whole = wav_of(kind, bits, samples, channels=channels)
        raws = [whole[at : at + 1001] for at in range(0, len(whole), 1001)]
    got = np.frombuffer(heard([base64.b64encode(raw).decode() for raw in raws]), "<i2")
    assert len(got) == len(samples)
    assert np.abs(got.astype(int) - samples).max() <= (256 if bits == 8 else 0)


@pytest.mark.parametrize(
    "begin", ["data:audio/pcm;rate=16000", "data:audio/L16; codec=pcm; rate=16000", "data:;Rate=16000"]
)
def test_a_data_url_tells_the_rate_of_its_samples(begin: str) -> None:
    """Without it they would be played too fast, and too high."""
    parts = np.split(speech(16_000, rate_hz=16_000), 10)
    texts = [f"{begin};base64,{base64.b64encode(part.tobytes()).decode()}" for part in parts]
    got = np.frombuffer(heard(texts), dtype=np.int16).astype(int)
    assert len(got) == RATE_HZ
    assert np.abs(got - speech(RATE_HZ))[200:-200].max() < 2000


def test_wav_at_another_rate_without_a_seam() -> None:
    samples = speech(16_000, rate_hz=16_000)
    raws = [wav_of(1, 16, part, rate_hz=16_000) for part in np.split(samples, 10)]
    got = np.frombuffer(heard([base64.b64encode(raw).decode() for raw in raws]), "<i2").astype(int)
    assert len(got) == 24_000
    assert np.abs(got - speech(24_000))[200:-200].max() < 300


def test_a_wav_header_one_byte_a_piece() -> None:
    raw = wav_of(1, 16, speech(480))
    assert heard([base64.b64encode(raw[at : at + 1]).decode() for at in range(len(raw))]) == speech(480).tobytes()


def test_wav_of_no_known_kind_is_refused_in_words() -> None:
    raw = wav_of(0x55, 16, speech(480))
    with pytest.raises(UpstreamMalformed, match="samples of kind 85"):
        heard([base64.b64encode(raw).decode()])


# What is neither.

MP3_FRAME = bytes.fromhex("fff390c4") + bytes(range(256)) + bytes(1000)
MP3_FRAME = MP3_FRAME[: 72 * 1000 * 80 // 22_050]
AAC_FRAME = bytes.fromhex("fff15c4012dffc") + bytes(143)
BEGINNINGS = {
    "MP3": MP3_FRAME * 4,
    "MP3 behind a tag": b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE" + bytes(100),
    "Ogg": b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead" + bytes(60),
    "FLAC": b"fLaC\x00\x00\x00\x22\x10\x00" + bytes(60),
    "AAC": AAC_FRAME * 4,
    "MP4": b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00" + bytes(60),
    "WebM": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01" + bytes(60),
    "AIFF": b"FORM\x00\x00\x10\x00AIFFCOMM" + bytes(60),
    "AU": b".snd\x00\x00\x00\x18" + bytes(60),
    "big-endian WAV": b"RIFX\x00\x00\x10\x00WAVEfmt " + bytes(60),
    "RIFF": b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(60),
    "AMR": b"#!AMR\n" + bytes(60),
}


@pytest.mark.parametrize(
    ("name", "piece_bytes"),
    # The first four bytes of MP4 are a length, which may be two samples.
    [(name, size) for name in BEGINNINGS for size in (1, 3, 30, 4800) if name != "MP4" or size > 8],
)
def test_containers_are_refused_in_words(name: str, piece_bytes: int) -> None:
    with pytest.raises(UpstreamMalformed, match=f"as {name.split(maxsplit=1)[0]}.*PCM16 or WAV") as raised:
        heard(encoded(BEGINNINGS[name], (piece_bytes,)))
    assert raised.value.code == "invalid_audio"


def test_mp3_of_a_single_frame() -> None:
    with pytest.raises(UpstreamMalformed, match="as MP3"):
        heard(encoded(MP3_FRAME))


@pytest.mark.parametrize("first", [b"\xff\xfb\x90\x64", b"\xff\xf1\x5c\x40", b"\xff\xff\x00\x00", b"I\x00", b"\xff"])
@pytest.mark.parametrize("piece_bytes", [2, 6, 4800])
def test_samples_that_only_begin_like_one_are_played(first: bytes, piece_bytes: int) -> None:
    raw = first + speech(24_000).tobytes()[len(first) :]
    assert heard(encoded(raw, (piece_bytes,))) == raw


def file_of(kind: str, subtype: str | None = None, endian: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, speech(48_000), RATE_HZ, format=kind, subtype=subtype, endian=endian)
    return file.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "MP3": lambda: file_of("MP3"),
    "Ogg": lambda: file_of("OGG", "OPUS"),
    "Ogg Vorbis": lambda: file_of("OGG", "VORBIS"),
    "FLAC": lambda: file_of("FLAC"),
    "AIFF": lambda: file_of("AIFF"),
    "AU": lambda: file_of("AU"),
    "CAF": lambda: file_of("CAF"),
    "RF64": lambda: file_of("RF64"),
    "RIFX": lambda: file_of("WAV", endian="BIG"),
    "MP3 behind a tag": lambda: BEGINNINGS["MP3 behind a tag"],
    "AAC": lambda: AAC_FRAME * 20,
    "MP4": lambda: BEGINNINGS["MP4"],
    "WebM": lambda: bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d") + bytes(60),
    "AMR": lambda: BEGINNINGS["AMR"],
}


@pytest.mark.parametrize("half", [b"", b"\x01"], ids=["whole samples", "half a sample"])
@pytest.mark.parametrize("padding", ["=", ""])
@pytest.mark.parametrize("name", FILES)
def test_samples_that_go_on_as_a_file_are_refused_in_words(name: str, padding: str, half: bytes) -> None:
    def sent(raw: bytes) -> list[str]:
        return [text if padding else text.rstrip("=") for text in encoded(raw, (4802,))]

    reader = ReplyAudioReader()
    played = [piece for text in sent(SOUND + half) if (piece := reader.read(text))]
    assert b"".join(audio_bytes(piece.audio) for piece in played) == SOUND
    with pytest.raises(UpstreamMalformed, match=f"as {name.split(maxsplit=1)[0]}.*PCM16 or WAV") as raised:
        heard(sent(FILES[name]()), reader)
    assert raised.value.code == "invalid_audio"


@pytest.mark.parametrize(
    ("begin", "name"),
    [
        (b"BW64\xff\xff\xff\xffWAVEds64", "RF64"),
        (b"FORM\x00\x00\x10\x00AIFCFVER", "AIFF"),
        (b"#!AMR-WB\n", "AMR"),
        (b"#!SILK_V3", "SILK"),
        (b"\x02#!SILK_V3", "SILK"),
        (b"OpusHead\x01\x01", "Opus"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "WMA"),
        (b"ID3\x03\x00\x00\x00\x00\x0f\x76TIT2", "MP3"),
        (b"fLaC\x80\x00\x00\x22", "FLAC"),
    ],
)
def test_other_beginnings_that_no_samples_have(begin: bytes, name: str) -> None:
    assert Containers().of(begin + bytes(100)) == name
    assert not Containers().of(bytes([begin[0]]) + bytes(100))


@pytest.mark.parametrize("piece_bytes", [1, 100, len(MP3_FRAME), 333, 1000])
@pytest.mark.parametrize("name", ["MP3", "AAC"])
def test_samples_that_go_on_as_frames_in_pieces_are_refused_in_words(name: str, piece_bytes: int) -> None:
    with pytest.raises(UpstreamMalformed, match=f"as {name}"):
        heard([*encoded(SOUND), *encoded(FILES[name](), (piece_bytes,))])


@pytest.mark.parametrize("rate_hz", [16_000, RATE_HZ])
@pytest.mark.parametrize("half", [b"", b"\x01"], ids=["whole samples", "half a sample"])
def test_samples_that_go_on_as_wav_are_played(half: bytes, rate_hz: int) -> None:
    wav = wav_of(1, 16, speech(rate_hz, rate_hz), rate_hz=rate_hz)
    got = np.frombuffer(heard([*encoded(SOUND + half), *encoded(wav, (4802,))]), "<i2").astype(int)
    assert len(got) == 48_000
    assert np.abs(got - np.concatenate([speech(24_000)] * 2))[:-200].max() < (1 if rate_hz == RATE_HZ else 2000)


@pytest.mark.parametrize(
    "begin",
    [
        b"ID3\x09",
        b"ID3\x04\x00\x00\x80",
        b"OggS\x01",
        b"fLaC\x01",
        b"FORMabcdAIF",
        b"\x1aE\xdf\xa3" + bytes(9),
        b"RIFF",
        b"RIFFabcdWAV",
        b"\xff\xfb\x90\x64",
        b"\xff\xf1\x5c\x40",
        MP3_FRAME * 3,
        AAC_FRAME * 3 + b"\xff",
        MP3_FRAME * 3 + AAC_FRAME * 3,
    ],
)
@pytest.mark.parametrize("piece_bytes", [100, 4800])
def test_samples_that_go_on_like_a_file_for_a_moment_are_played(begin: bytes, piece_bytes: int) -> None:
    raw = begin + SOUND[len(begin) :]
    assert heard([*encoded(SOUND, (piece_bytes,)), *encoded(raw, (piece_bytes,))]) == SOUND + raw


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 300, 1500, 30_000]))
def test_samples_are_never_taken_for_a_file(seed: int, level: int) -> None:
    """Half of the pieces begin as frames could."""
    random = np.random.default_rng(seed)
    containers = Containers()
    for _ in range(100):
        piece = random.normal(0, level, 2400).clip(-32_768, 32_767).astype("<i2").tobytes()
        if random.random() < 0.5:
            piece = bytes([0xFF, random.integers(0xE0, 256)]) + piece[2:]
        assert not containers.of(piece)


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"format": "mp3"}, "as mp3"),
        ({"format": "OPUS"}, "as OPUS"),
        ({"mime_type": "audio/mpeg"}, "as audio/mpeg"),
        ({"sample_rate_hz": 3}, "at 3 Hz in 1 channels"),
        ({"sample_rate_hz": 24_000, "channels": 99}, "in 99 channels"),
    ],
)
def test_what_the_server_says_of_its_sound_is_refused_in_words(described: dict[str, object], words: str) -> None:
    with pytest.raises(UpstreamMalformed, match=words):
        ReplyAudioReader().describe(described)


@pytest.mark.parametrize(
    "described",
    [
        {"format": None, "sample_rate_hz": None, "channels": None},
        {"format": 7, "sample_rate_hz": "x", "channels": True},
        {"format": "PCM16", "sample_rate_hz": 24_000.0, "channels": 1.0},
        {"mime_type": "audio/wav", "sample_rate": "24000"},
        {"sample_rate_hz": float("inf"), "channels": [1]},
    ],
)
def test_what_says_nothing_new(described: dict[str, object]) -> None:
    reader = ReplyAudioReader()
    reader.describe(described)
    assert heard(encoded(SOUND), reader) == SOUND


@pytest.mark.parametrize(
    "described",
    [{"sample_rate": 48_000}, {"mime_type": "audio/L16; codec=pcm; rate=48000"}, {"format": "lpcm;rate=48000"}],
)
def test_a_rate_that_the_server_tells(described: dict[str, object]) -> None:
    reader = ReplyAudioReader()
    reader.describe(described)
    assert len(heard(encoded(speech(48_000, 48_000).tobytes()), reader)) == 48_000


def test_whole_pieces_are_handed_on_as_they_came() -> None:
    reader = ReplyAudioReader()
    texts = encoded(SOUND)
    assert [piece.audio for text in texts if (piece := reader.read(text))] == texts
