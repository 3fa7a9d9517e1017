"""Whatever a model's server answers is read, or is a failure of the model's: nothing else is ever raised."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.errors import UpstreamError
from bargein.sound.files import read, read_mono
from bargein.sound.wav import NotWavError, header
from bargein.upstream import failures
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.http.errors import HttpError
from bargein.upstream.sse import EventDecoder
from bargein.upstream.transcription import _transcript
from support.fuzz import NUMBERS, everywhere, examples, json_texts, json_values, mutated
from support.raw_http import Peer, client_of, post, serving, whole

PCM: Final = base64.b64encode(bytes(range(96))).decode()
WAV: Final = base64.b64encode(header(96, 16_000) + bytes(96)).decode()
USAGE: Final = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "prompt_tokens_details": {"text_tokens": 4, "audio_tokens": 6, "cached_tokens": 2},
    "completion_tokens_details": {"text_tokens": 3, "audio_tokens": 4},
}


def choice(**delta: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


CALL: Final = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
CHUNKS: Final[list[dict[str, Any]]] = [
    choice(role="assistant", audio={"id": "audio_1", "transcript": "Hello"}),
    choice(audio={"data": PCM}),
    choice(audio={"data": WAV, "format": "wav", "sample_rate": 16_000}),
    choice(audio={"expires_at": 1_700_000_000}),
    choice(content="<think>hm</think> Hello"),
    choice(content=[{"type": "text", "text": "Hello"}, {"type": "audio", "audio": {"data": PCM}}]),
    choice(content=[{"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{WAV}"}}]),
    choice(tool_calls=[CALL]),
    choice(function_call={"name": "f", "arguments": "{}"}),
    choice(refusal="No."),
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}], "usage": USAGE},
    {"choices": [], "usage": USAGE},
    {"choices": [{"index": 0, "message": {"content": "Hi", "audio": {"id": "a", "data": PCM, "transcript": "Hi"}}}]},
    {
        "modality": "audio",
        "choices": [
            {
                "index": 0,
                "delta": {"content": PCM},
                "audio_metadata": {"format": "pcm16", "sample_rate_hz": 44_100, "channels": 2, "bits": 16},
            }
        ],
    },
    {"error": {"message": "no", "type": "server_error", "code": "rate_limit_exceeded", "param": None}},
    {"object": "error", "message": "no", "code": 429},
]
KNOWN: Final = [
    PCM, WAV, PCM[:-3], "=", "====", "AAA", "audio", "stop", "error", "pcm16", "pcm_f32le", "mp3", True,
    "\ud83d", "\ude00", "\udcf0\udc9f",
    "audio/L16;rate=8000", 1, 2, 3, 8, 44_100, 48_000, "24000", USAGE, CALL, [CALL], {"data": PCM}, {"index": "0"},
]  # fmt: skip
Chunks = Sequence[bytes]


def test_anything_at_any_place_of_a_chunk() -> None:
    for chunk in everywhere(CHUNKS, KNOWN):
        data = json.dumps(chunk).encode()
        for audio in (True, False):
            reader = ChunkReader(audio=audio)
            with suppress(UpstreamError):
                pieces = [*reader.read(data), *reader.read(json.dumps(CHUNKS[1]).encode()), *reader.end()]
                orjson.dumps(pieces, default=lambda other: getattr(other, "base64", repr(other)))


@examples(60)
@given(st.lists(json_texts(mutated(CHUNKS, KNOWN)), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_chunks(chunks: Chunks, audio: bool, whole: bool) -> None:
    reader = ChunkReader(audio=audio, secret="sk-secret")
    try:
        pieces = [piece for data in chunks for piece in (reader.read_whole if whole else reader.read)(data)]
        pieces += reader.end()
    except UpstreamError as error:
        orjson.dumps([error.message, error.type, error.code, error.param])
        return
    # What comes of it can be sent on.
    for piece in pieces:
        orjson.dumps(piece, default=lambda other: getattr(other, "base64", repr(other)))


@examples(60)
@given(
    st.sampled_from([200, 301, 400, 401, 404, 429, 500, 503]),
    json_texts(mutated([CHUNKS[-2], CHUNKS[-1], {"detail": [{"msg": "no", "loc": ["body", "audio"]}]}, "no"], KNOWN))
    | st.binary(max_size=50),
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "content-type"]),
        st.sampled_from(["1", "-1", "1e400", "nan", "inf", "²", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99", "9" * 500])
        | st.text(max_size=20),
    ),
)
async def test_errors(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = failures.from_status(status, headers, body, "sk-secret")
    answered, told, said = failures.to_answer(error)
    assert 400 <= answered < 600
    assert orjson.loads(said)["error"]["message"]
    assert told.get("retry-after", "1").isdecimal()


TRANSCRIPTS: Final[list[dict[str, Any]]] = [
    {"text": "hello"},
    {"text": "hi", "logprobs": [{"token": "hi", "logprob": -0.1, "bytes": [104, 105]}], "usage": {"type": "tokens"}},
]


def test_anything_at_any_place_of_a_transcript() -> None:
    for transcript in everywhere(TRANSCRIPTS):
        with suppress(UpstreamError):
            orjson.dumps(_transcript(json.dumps(transcript).encode(), logprobs=True))


@examples(60)
@given(json_texts(mutated(TRANSCRIPTS)))
def test_transcripts(body: bytes) -> None:
    with suppress(UpstreamError):
        orjson.dumps(_transcript(body, logprobs=True))


STREAM: Final = b'event: x\r\nid: 1\r\ndata: {"choices": []}\r\n\r\n: comment\n\ndata: a\ndata: b\n\ndata: [DONE]\r\r'


@examples(60)
@given(st.data(), st.binary(max_size=200) | st.just(STREAM))
def test_event_streams(data: st.DataObject, stream: bytes) -> None:
    decoder = EventDecoder(100)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    with suppress(UpstreamError):
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            decoder.feed(stream[start:end])
        decoder.end()


ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)


@examples(60)
@given(st.data())
def test_http(data: st.DataObject) -> None:
    answer = bytearray(ANSWER)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(answer)))
        answer[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    cut = data.draw(st.integers(0, len(answer)))
    asyncio.run(told(bytes(answer[:cut]), bytes(answer[cut:])))


async def told(*pieces: bytes) -> None:
    """A server that says ``pieces``, and goes."""

    async def serve(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)
            await asyncio.sleep(0)

    async with serving(serve) as server, client_of(server.url) as client:
        with suppress(HttpError):
            await whole(await post(client, server.url))


@st.composite
def wav_files(draw: st.DrawFn) -> bytes:
    """Nearly WAV."""
    kind, channels, bits = draw(st.sampled_from([(1, 1, 16), (1, 2, 8), (3, 1, 32), (6, 1, 8), (0xFFFE, 1, 24)]))
    rate_hz = draw(st.sampled_from([0, 1, 8000, 24_000, 2**32 - 1]))
    channels = draw(st.sampled_from([channels, 0, 65_535]))
    fmt = struct.pack("<HHIIHH", kind, channels, rate_hz, 0, 0, bits) + draw(st.binary(max_size=26))
    body = draw(st.binary(max_size=400))
    size = draw(st.sampled_from([len(body), 0, 2**32 - 1, 3]))
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size) + body
    text = bytearray(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(text)


@examples(100)
@given(wav_files())
def test_wav_files(data: bytes) -> None:
    for reading in (read, lambda data: read_mono(data, 24_000)):
        with suppress(NotWavError):
            reading(data)
    reader = ChunkReader(audio=True)
    with suppress(UpstreamError):
        reader.read(json.dumps(choice(audio={"data": base64.b64encode(data).decode()})).encode())
        reader.end()


@pytest.mark.parametrize("name", ["sample_rate_hz", "sample_rate", "channels", "bits", "format"])
@examples(20)
@given(value=json_values(NUMBERS))
def test_what_is_said_of_sound(name: str, value: object) -> None:
    chunk = json.loads(json.dumps(CHUNKS[-3]))
    chunk["choices"][0]["audio_metadata"][name] = value
    reader = ChunkReader(audio=True)
    with suppress(UpstreamError):
        reader.read(json.dumps(chunk).encode())
        reader.end()
