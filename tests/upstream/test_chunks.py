"""The tolerant reader, on the shapes that servers send (``shapes/README.md``)."""

from __future__ import annotations

import itertools
import json
import math
import re
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import audio_bytes
from bargein.core.completion import (
    AudioPiece,
    AudioReference,
    Finished,
    StreamPiece,
    TextPiece,
    ToolCallPiece,
    TranscriptPiece,
    Usage,
)
from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamRateLimited, UpstreamRefused, UpstreamUnavailable
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.sse import DONE, EventDecoder

SHAPES = Path(__file__).parent / "shapes"


def tone(sample_count: int) -> bytes:
    """What the sound in the shapes was made as."""
    return struct.pack(
        f"<{sample_count}h", *(round(8000 * math.sin(2 * math.pi * 440 * n / 24_000)) for n in range(sample_count))
    )


def read(name: str, *, audio: bool = True) -> tuple[ChunkReader, list[StreamPiece]]:
    """Every piece of a shape, with ``end`` called at its end."""
    reader, decoder = ChunkReader(audio=audio), EventDecoder(1_000_000)
    data = [*decoder.feed((SHAPES / name).read_bytes()), *decoder.end()]
    pieces = [piece for event in data if event != DONE for piece in reader.read(event)]
    return reader, pieces + reader.end()


def sound(pieces: list[StreamPiece]) -> bytes:
    audio = [piece for piece in pieces if isinstance(piece, AudioPiece)]
    for piece in audio:
        assert piece.sample_count * 2 == len(audio_bytes(piece.audio))
    return b"".join(audio_bytes(piece.audio) for piece in audio)


def transcript(pieces: list[StreamPiece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TranscriptPiece))


SPOKEN_USAGE = Usage(
    input_text_tokens=12, input_audio_tokens=25, cached_tokens=8, output_text_tokens=14, output_audio_tokens=32
)


@pytest.mark.parametrize("name", ["openai_spoken.sse", "openai_spoken_expiry_before_usage.sse"])
def test_openai_spoken(name: str) -> None:
    reader, pieces = read(name)
    assert transcript(pieces) == "Hello!"
    assert sound(pieces) == tone(144)
    references = [piece for piece in pieces if isinstance(piece, AudioReference)]
    assert [reference.expires_at for reference in references] == [None, 1730768595]
    assert {reference.audio_id for reference in references} == {"audio_672960c3a3e48190aed70377a7d6c941"}
    assert pieces[-2:] == [SPOKEN_USAGE, Finished("stop")]
    assert reader.complete


def test_whole_samples_pass_through_as_text() -> None:
    _, pieces = read("openai_spoken.sse")
    audio = [piece.audio for piece in pieces if isinstance(piece, AudioPiece)]
    assert audio == [pybase64.b64encode(part).decode() for part in (tone(144)[:96], tone(144)[96:])]


def test_expiry_alone_completes() -> None:
    reader, pieces = read("openai_spoken_closed_without_done.sse")
    assert reader.complete
    assert pieces[-1] == Finished("stop")


def test_text_instead_of_audio() -> None:
    _, pieces = read("openai_text_instead_of_audio.sse")
    assert pieces == [
        TranscriptPiece("I can "),
        TranscriptPiece("only write."),
        Usage(input_text_tokens=20, output_text_tokens=5),
        Finished("stop"),
    ]


def test_text_where_text_was_asked_for() -> None:
    _, pieces = read("openai_text_instead_of_audio.sse", audio=False)
    assert pieces[:2] == [TextPiece("I can "), TextPiece("only write.")]


def test_sound_where_text_was_asked_for() -> None:
    _, pieces = read("openai_spoken.sse", audio=False)
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextPiece)) == "Hello!"
    assert not any(isinstance(piece, AudioPiece | TranscriptPiece) for piece in pieces)


def test_tool_calls() -> None:
    _, pieces = read("openai_tool_calls.sse")
    assert [piece for piece in pieces if isinstance(piece, ToolCallPiece)] == [
        ToolCallPiece(0, "call_abc", "get_weather", '{"city":'),
        ToolCallPiece(0, None, None, '"Oslo"}'),
        ToolCallPiece(1, "call_def", "get_time", "{}"),
    ]
    assert transcript(pieces) == "One moment."
    assert pieces[-1] == Finished("tool_calls")


def test_a_call_without_arguments_is_told_with_the_reason() -> None:
    reader = ChunkReader(audio=True, tools=["get_time"])
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": ""}}
    assert reader.read(orjson.dumps({"choices": [{"delta": {"tool_calls": [call]}}]})) == []
    pieces = reader.read(orjson.dumps({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}))
    assert pieces == [ToolCallPiece(0, "call_1", "get_time", "")]
    assert reader.settled
    assert reader.end() == [Finished("tool_calls")]


def test_a_call_without_arguments_and_without_a_reason() -> None:
    reader = ChunkReader(audio=True, tools=["get_time"])
    for name in ("get_", "time"):
        reader.read(orjson.dumps({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": name}}]}}]}))
    told, finished = reader.end()
    assert isinstance(told, ToolCallPiece)
    assert told.name == "get_time"
    assert finished == Finished("tool_calls")


def test_error_in_stream() -> None:
    with pytest.raises(UpstreamUnavailable, match="had an error while processing") as raised:
        read("openai_error_in_stream.sse")
    assert raised.value.type == "server_error"


def test_azure_content_filter() -> None:
    _, pieces = read("azure_content_filter.sse")
    assert transcript(pieces) == "I would"
    assert pieces[-1] == Finished("content_filter")


def test_dashscope() -> None:
    _, pieces = read("dashscope_spoken.sse")
    assert transcript(pieces) == "你好。再见"
    assert sound(pieces) == tone(96)
    assert pieces[-2:] == [
        Usage(input_text_tokens=10, output_text_tokens=8, output_audio_tokens=22),
        Finished("stop"),
    ]


def test_dashscope_base64_cut_anywhere() -> None:
    _, pieces = read("dashscope_turbo_split_base64.sse")
    assert transcript(pieces) == "Hello"
    assert sound(pieces) == tone(96)


def test_vllm_omni_header_in_every_chunk() -> None:
    _, pieces = read("vllm_omni_wav.sse")
    assert transcript(pieces) == "Hi there"
    assert sound(pieces) == tone(96)
    assert pieces[-2:] == [Usage(input_text_tokens=12, output_text_tokens=6), Finished("stop")]


def test_vllm_omni_at_another_rate() -> None:
    _, pieces = read("vllm_omni_pcm16_44100.sse")
    samples = struct.unpack("<4800h", sound(pieces))
    # 200 ms of 440 Hz and an amplitude of 8000, at 24 kHz as before.
    crossings = sum(a < 0 <= b for a, b in itertools.pairwise(samples))
    assert crossings in {87, 88}
    assert max(samples[1000:3800]) == pytest.approx(8000, rel=0.01)


def test_sglang_omni() -> None:
    reader, pieces = read("sglang_omni_wav.sse")
    assert transcript(pieces) == "Sure"
    assert sound(pieces) == tone(96)
    assert pieces[-2:] == [Usage(input_text_tokens=9, output_text_tokens=4), Finished("stop")]
    assert reader.complete


def test_one_header_and_odd_bytes() -> None:
    _, pieces = read("handmade_one_wav_header_odd_bytes.sse")
    assert sound(pieces) == tone(96)
    assert pieces[-1] == Finished("length")


def test_line_ends() -> None:
    _, pieces = read("handmade_line_ends.sse", audio=False)
    assert pieces == [TextPiece("Grüß "), TextPiece("Gott 👋"), Finished("stop")]


@pytest.mark.parametrize("path", sorted(SHAPES.glob("*.sse")), ids=lambda path: path.stem)
def test_one_byte_a_packet_reads_the_same(path: Path) -> None:
    def pieces(size: int) -> list[StreamPiece] | str:
        reader, decoder = ChunkReader(audio=True), EventDecoder(1_000_000)
        raw, out = path.read_bytes(), list[StreamPiece]()
        try:
            for at in range(0, len(raw), size):
                for data in decoder.feed(raw[at : at + size]):
                    out += [] if data == DONE else reader.read(data)
        except UpstreamError as error:
            return str(error)
        # A call that has no id is given a random one.
        return [replace(piece, call_id="call") if isinstance(piece, ToolCallPiece) else piece for piece in out]

    assert pieces(1) == pieces(1_000_000)


@pytest.mark.parametrize(
    ("chunks", "complete"),
    [
        pytest.param([("AAAA", {}, None)], False, id="sound"),
        pytest.param([("AAAA", {}, "stop")], True, id="reason"),
        pytest.param([("AAAA", {"usage": {"prompt_tokens": 1}}, None)], False, id="usage along with everything"),
        pytest.param([("", {}, "stop"), ("AAAA", {}, None)], False, id="a reason before the sound"),
        pytest.param([("", {}, "stop"), ("AAAA", {}, None), ("", {}, "stop")], True, id="two reasons"),
        pytest.param([("", {}, "length"), ("", {}, None)], True, id="a heartbeat behind the reason"),
        pytest.param([("AAAA", {}, "null")], False, id="no reason, in words"),
        pytest.param([("AAAA", {}, {"type": "stop"})], True, id="a reason as an object"),
    ],
)
def test_signs_of_the_end(chunks: list[tuple[str, dict[str, Any], Any]], complete: bool) -> None:
    reader = ChunkReader(audio=True)
    for data, more, reason in chunks:
        choice = {"delta": {"audio": {"data": data, "id": "audio_1"}}, "finish_reason": reason}
        reader.read(orjson.dumps({"choices": [choice], **more}))
    assert reader.complete is complete


def test_an_expiry_along_with_sound_is_no_end() -> None:
    reader = ChunkReader(audio=True)
    for data, complete in (("AAAA", False), (None, True), ("AAAA", False)):
        audio = {"id": "audio_1", "expires_at": 5, "data": data}
        reader.read(orjson.dumps({"choices": [{"delta": {"audio": audio}}]}))
        assert reader.complete is complete


SOUND = {"delta": {"audio": {"data": "AAAA"}}}
TEXT = {"delta": {"content": "Hi"}}
CALL = {"delta": {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "{}"}}]}}
USAGE = {"choices": [], "usage": {"prompt_tokens": 1}}


def ending(reason: str, **more: object) -> dict[str, object]:
    return {"choices": [{"delta": {}, "finish_reason": reason}], **more}


@pytest.mark.parametrize(
    ("chunks", "settled"),
    [
        pytest.param([SOUND, ending("stop")], True, id="after sound"),
        pytest.param([TEXT, ending("stop")], False, id="before sound"),
        pytest.param([TEXT, ending("length")], False, id="cut before sound"),
        pytest.param([TEXT, ending("stop"), USAGE], False, id="usage before sound"),
        pytest.param([SOUND, USAGE], True, id="usage after sound"),
        pytest.param([TEXT, ending("tool_calls", modality="text")], True, id="calls"),
        pytest.param([CALL, ending("stop")], True, id="calls that stop"),
        pytest.param([CALL, ending("function_call")], True, id="a legacy call"),
        pytest.param([SOUND, ending("stop", modality="text")], False, id="the text's own end"),
        pytest.param([SOUND, ending("stop", modality="text"), USAGE], True, id="the text's own end, and usage"),
        pytest.param([SOUND, ending("stop", modality="audio")], True, id="the sound's own end"),
        pytest.param([SOUND, ending("stop"), SOUND], False, id="more after it"),
        pytest.param([SOUND, ending("stop"), {"choices": []}], True, id="a heartbeat after it"),
    ],
)
def test_when_nothing_more_can_come(chunks: list[dict[str, object]], settled: bool) -> None:
    reader = ChunkReader(audio=True)
    for chunk in chunks:
        reader.read(orjson.dumps(chunk if "choices" in chunk else {"choices": [chunk]}))
    assert reader.settled is settled


@pytest.mark.parametrize("modality", [{}, {"modality": "text"}])
def test_when_nothing_more_can_come_of_a_reply_in_text(modality: dict[str, object]) -> None:
    reader = ChunkReader(audio=False)
    reader.read(orjson.dumps({"choices": [TEXT], **modality}))
    assert not reader.settled
    reader.read(orjson.dumps(ending("stop", **modality)))
    assert reader.settled


EXPIRY = {"delta": {"audio": {"id": "audio_1", "expires_at": 5}}}
THOUGHT = {"delta": {"reasoning_content": "hm"}}


@pytest.mark.parametrize("audio", [True, False])
@pytest.mark.parametrize("first", [[USAGE], [EXPIRY], [EXPIRY, USAGE], [USAGE, THOUGHT, USAGE]])
def test_what_is_told_before_a_reply_begins_is_no_sign_of_its_end(audio: bool, first: list[dict[str, object]]) -> None:
    """A gateway tells what the request has cost, and then the model thinks."""
    reader = ChunkReader(audio=audio)
    for chunk in first:
        reader.read(orjson.dumps(chunk if "choices" in chunk else {"choices": [chunk]}))
        assert (reader.complete, reader.settled) == (False, False)
    reader.read(orjson.dumps({"choices": [TEXT]}))
    reader.read(orjson.dumps(USAGE))
    assert (reader.complete, reader.settled) == (True, not audio)


def test_an_empty_reply_ends_with_its_reason() -> None:
    reader = ChunkReader(audio=False)
    reader.read(orjson.dumps(ending("stop")))
    assert (reader.complete, reader.settled) == (True, True)


def test_a_reply_cut_short_stays_so() -> None:
    reader = ChunkReader(audio=True)
    for reason in ("length", "stop"):
        reader.read(orjson.dumps({"choices": [{"delta": {}, "finish_reason": reason}]}))
    assert reader.end() == [Finished("length")]


def test_the_first_choice_is_the_reply() -> None:
    reader = ChunkReader(audio=False)
    choices = [{"index": index, "delta": {"content": str(index)}} for index in (0, 1)]
    assert reader.read(orjson.dumps({"choices": choices})) == [TextPiece("0")]


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        pytest.param([[1], [1]], "1 1", id="the only one is numbered 1"),
        pytest.param([["1"], [1.0], [1]], "1 1.0 1", id="numbers of other kinds"),
        pytest.param([[1], [None]], "1 None", id="a number that is left out later"),
        pytest.param([[None], [0], [None]], "None 0 None", id="a number that is left out at first"),
        pytest.param([[1], [2], [1], [0]], "1 1", id="others later"),
        pytest.param([[1, 0], [0], [1]], "0 0", id="several from the beginning"),
        pytest.param([[2, 1], [1, 2]], "1 1", id="several, all numbered from 1"),
        pytest.param([[], [1], [], [1]], "1 1", id="chunks without any"),
        pytest.param([[[7]], [0]], "[7] 0", id="a number that is none"),
    ],
)
def test_the_choice_that_is_seen_first_is_the_reply(chunks: list[list[object]], said: str) -> None:
    reader = ChunkReader(audio=False)
    pieces: list[StreamPiece] = []
    for indexes in chunks:
        choices = [{"index": index, "delta": {"content": f"{index} "}} for index in indexes]
        pieces += reader.read(orjson.dumps({"choices": choices}))
    reasons = reader.read(
        orjson.dumps({"choices": [{"index": 9, "delta": {}, "finish_reason": "length"}, {**choices[0], "delta": {}}]})
    )
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextPiece)).strip() == said
    assert (reasons, reader.complete) == ([], False)


def test_a_whole_message_of_a_choice_with_another_number() -> None:
    message = {"role": "assistant", "content": "Hi"}
    body = orjson.dumps({"choices": [{"index": 1, "message": message, "finish_reason": "stop"}]})
    assert ChunkReader(audio=False).read_whole(body) == [TextPiece("Hi")]


def test_a_whole_message_in_two_choices_of_one_number() -> None:
    """As vLLM-Omni answers."""
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": "Hi"},
        {"role": "assistant", "content": None, "audio": {"id": "audio_1", "data": "AAAA////", "transcript": ""}},
    ]
    choices = [{"index": 0, "message": message, "finish_reason": "stop"} for message in messages]
    pieces = ChunkReader(audio=True).read_whole(orjson.dumps({"choices": choices}))
    assert pieces == [TranscriptPiece("Hi"), AudioReference("audio_1", None), AudioPiece("AAAA////", 3)]


def test_a_whole_message_instead_of_a_stream() -> None:
    reader = ChunkReader(audio=True)
    audio = {"id": "audio_1", "data": "AAAA////", "expires_at": 5, "transcript": "Hi"}
    message = {"role": "assistant", "content": None, "audio": audio}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
    assert reader.read(orjson.dumps(whole)) + reader.end() == [
        AudioReference("audio_1", None),
        AudioReference("audio_1", 5),
        TranscriptPiece("Hi"),
        AudioPiece("AAAA////", 3),
        Usage(input_text_tokens=1),
        Finished("stop"),
    ]


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None},
        {"choices": {}},
        {"choices": [None, 7, {}, {"delta": None}, {"delta": 7}]},
        {"choices": [{"delta": {"content": 7, "audio": "x", "tool_calls": {"a": 1}}, "finish_reason": 7}]},
        {"choices": [{"delta": {"audio": {"id": 7, "data": 7, "transcript": 7, "expires_at": "x"}}}]},
        {"choices": [{"delta": {"tool_calls": [None, 7]}}], "usage": "x"},
        {"id": "heartbeat", "object": "chat.completion.chunk"},
    ],
)
def test_what_makes_no_sense_is_passed_over(chunk: object) -> None:
    assert ChunkReader(audio=True).read(orjson.dumps(chunk)) == []


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["AAAA", "UklGRg==", "<think>", "stop", "error", "audio", "text", "wav", "mp3", "0"])
)
_KEYS = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "audio",
        "data",
        "id",
        "expires_at",
        "transcript",
        "content",
        "refusal",
        "tool_calls",
        "function_call",
        "function",
        "name",
        "arguments",
        "index",
        "finish_reason",
        "usage",
        "error",
        "errors",
        "detail",
        "code",
        "type",
        "text",
        "modality",
        "audio_metadata",
        "format",
        "mime_type",
        "sample_rate_hz",
        "sample_rate",
        "channels",
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "prompt_tokens_details",
        "audio_tokens",
        "cached_tokens",
        "object",
        "url",
        "audio_url",
    ]
)
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=25
)
_CHUNKS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "choices": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional=dict.fromkeys(
                        ("delta", "message", "finish_reason", "usage", "error", "audio_metadata"), _JSON
                    ),
                )
                | _JSON,
                max_size=2,
            ),
            "usage": _JSON,
            "error": _JSON,
            "modality": _JSON,
            "message": _JSON,
        },
    )
    | _JSON,
    max_size=4,
)


@given(_CHUNKS, st.booleans())
def test_whatever_comes_is_read_or_refused(chunks: list[Any], audio: bool) -> None:
    reader = ChunkReader(audio=audio)
    pieces: list[StreamPiece] = []
    with suppress(UpstreamError):
        for chunk in chunks:
            pieces += reader.read(orjson.dumps(chunk))
        pieces += reader.end()
        assert isinstance(pieces[-1], Finished)
    sound(pieces)


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b"\xff", b"<html>"])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        ChunkReader(audio=True).read(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"Internal Server Error", ": 'Internal Server Error'."),
        (b"error: key sk-abc is over", ": 'error: key *** is over'."),
        (b"<html>no", "."),
        (b'{"choices": [{"delta', "."),
        (b"\x00\x01", "."),
        (b"x" * 1000, "."),
    ],
)
def test_what_is_no_json_is_told_where_it_is_words(data: bytes, words: str) -> None:
    with pytest.raises(UpstreamMalformed) as raised:
        ChunkReader(audio=True).read(data)
    assert raised.value.message == f"The model's server sent an event that is not JSON{words}"


@pytest.mark.parametrize("text", ["AAA!", "AA=A", "ÄÄÄÄ", "AA\n=", "A==="])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(UpstreamMalformed, match="not base64"):
        ChunkReader(audio=True).read(orjson.dumps({"choices": [{"delta": {"audio": {"data": text}}}]}))


def pieces_of(*deltas: dict[str, Any], audio: bool = True, reason: str | None = None) -> list[StreamPiece]:
    """What comes of a stream with these deltas, without its last piece."""
    reader = ChunkReader(audio=audio)
    choices: list[dict[str, Any]] = [{"delta": delta, "finish_reason": None} for delta in deltas] + [
        {"delta": {}, "finish_reason": reason}
    ]
    chunks = [{"choices": [choice]} for choice in choices]
    pieces = [piece for chunk in chunks for piece in reader.read(orjson.dumps(chunk))]
    return (pieces + reader.end())[:-1]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("something new", "stop"),
        ("function_call", "tool_calls"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("incomplete", "length"),
        ({"type": "length", "length": 5}, "length"),
    ],
)
def test_finish_reasons(reason: object, told: str) -> None:
    reader = ChunkReader(audio=True)
    reader.read(orjson.dumps({"choices": [{"delta": {}, "finish_reason": reason}]}))
    assert reader.failure is None
    assert reader.end() == [Finished(told)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reason", ["error", "ERROR", "abort", "cancelled", "failed", "timeout", "network_error", {"type": "abort"}]
)
def test_finish_reasons_that_are_failures(reason: object) -> None:
    reader = ChunkReader(audio=True)
    choice = {"delta": {"content": "I was"}, "finish_reason": reason}
    assert reader.read(orjson.dumps({"choices": [choice]})) == [TranscriptPiece("I was")]
    assert isinstance(reader.failure, UpstreamUnavailable)


def test_an_error_in_a_choice() -> None:
    reader = ChunkReader(audio=True)
    error = {"message": "Provider disconnected.", "code": 429}
    reader.read(orjson.dumps({"choices": [{"delta": {"content": ""}, "finish_reason": "error", "error": error}]}))
    assert isinstance(reader.failure, UpstreamRateLimited)
    assert reader.failure.message == "Provider disconnected."


def test_openrouter_error_in_stream() -> None:
    with pytest.raises(UpstreamUnavailable, match="Provider disconnected"):
        read("openrouter_error_in_stream.sse")


def test_vllm_omni_thoughts() -> None:
    _, pieces = read("vllm_omni_thoughts.sse")
    assert transcript(pieces) == "Hi there"
    assert sound(pieces) == tone(96)
    assert pieces[-2:] == [Usage(input_text_tokens=12, output_text_tokens=6), Finished("stop")]


def test_unpadded_pieces() -> None:
    _, pieces = read("handmade_unpadded_base64.sse")
    assert sound(pieces) == tone(144)
    assert pieces[-1] == Finished("stop")


def test_a_legacy_function_call() -> None:
    _, pieces = read("handmade_function_call.sse")
    calls = [piece for piece in pieces if isinstance(piece, ToolCallPiece)]
    assert (calls[0].index, calls[0].name) == (0, "get_weather")
    assert calls[0].call_id
    assert "".join(call.arguments for call in calls) == '{"city":"Oslo"}'
    assert pieces[-1] == Finished("tool_calls")


def test_content_as_a_list() -> None:
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "reasoning", "text": "hm"},
        {"type": "text", "text": "Hel"},
        "l",
        {"type": "refusal", "refusal": "o"},
        {"type": "audio", "audio": {"data": "AAAA////", "transcript": "!"}},
        {"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AAAA////"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA////", "format": "wav"}},
        7,
        {"type": "text"},
        {"type": ["text"]},
    ]
    pieces = pieces_of({"content": content})
    assert transcript(pieces) == "Hello!"
    assert sound(pieces) == b"\0\0\0\xff\xff\xff" * 3


def test_thoughts_in_fields_of_their_own_are_not_told() -> None:
    thoughts: list[dict[str, Any]] = [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_details": [{"text": "hm"}]},
    ]
    assert pieces_of(*thoughts, {"content": "Hello", "reasoning_content": "hm"}) == [TranscriptPiece("Hello")]


@pytest.mark.parametrize("audio", [True, False])
def test_thoughts_in_the_words_are_not_told(audio: bool) -> None:
    pieces = pieces_of({"content": "<thi"}, {"content": "nk>hm</think>\n\nHel"}, {"content": "lo <"}, audio=audio)
    kind = TranscriptPiece if audio else TextPiece
    assert pieces == [kind("Hel"), kind("lo "), kind("<")]


def test_thoughts_in_a_transcript_are_not_told() -> None:
    assert pieces_of({"audio": {"transcript": "<think>hm</think>Hello"}}) == [TranscriptPiece("Hello")]


def test_a_message_in_a_stream() -> None:
    reader = ChunkReader(audio=True)
    message = {"role": "assistant", "content": None, "audio": {"data": "AAAA////", "transcript": "Hi"}}
    pieces = reader.read(orjson.dumps({"choices": [{"delta": {}, "message": message, "finish_reason": "stop"}]}))
    assert pieces == [TranscriptPiece("Hi"), AudioPiece("AAAA////", 3)]


def test_an_index_in_words() -> None:
    reader = ChunkReader(audio=False)
    choices = [{"index": index, "delta": {"content": index}} for index in ("0", "1")]
    assert reader.read(orjson.dumps({"choices": choices})) == [TextPiece("0")]


def test_a_time_that_is_not_whole() -> None:
    pieces = pieces_of({"audio": {"id": "audio_1", "expires_at": 1730768595.25}})
    assert pieces[-1] == AudioReference("audio_1", 1730768595)


@pytest.mark.parametrize("expires_at", [0, -1, "0"])
def test_a_time_that_is_none(expires_at: object) -> None:
    """As servers write it that fill in every field."""
    reader = ChunkReader(audio=True)
    audio = {"id": "audio_1", "expires_at": expires_at, "data": "", "transcript": None}
    assert reader.read(orjson.dumps({"choices": [{"delta": {"audio": audio}}]})) == [AudioReference("audio_1", None)]
    assert not reader.complete


def test_sound_that_says_it_is_compressed() -> None:
    with pytest.raises(UpstreamMalformed, match="as mp3"):
        pieces_of({"audio": {"data": "AAAA", "format": "mp3"}})


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {"prompt_tokens": 10.0, "completion_tokens": 7.0, "completion_tokens_details": {"audio_tokens": 5.0}},
            Usage(input_text_tokens=10, output_text_tokens=2, output_audio_tokens=5),
            id="floats",
        ),
        pytest.param(
            {
                "input_tokens": 10,
                "output_tokens": 7,
                "input_tokens_details": {"audio_tokens": 6, "cached_tokens": 2},
                "output_tokens_details": {"audio_tokens": 4},
            },
            Usage(
                input_text_tokens=4, input_audio_tokens=6, cached_tokens=2, output_text_tokens=3, output_audio_tokens=4
            ),
            id="the responses API's names",
        ),
        pytest.param(
            {"input_tokens": 10, "output_tokens": 7, "input_token_details": {"audio_tokens": 6}},
            Usage(input_text_tokens=4, input_audio_tokens=6, output_text_tokens=7),
            id="the Realtime API's names",
        ),
        pytest.param(
            {"prompt_tokens": "10", "completion_tokens": "7", "prompt_tokens_details": None},
            Usage(input_text_tokens=10, output_text_tokens=7),
            id="words",
        ),
        pytest.param(
            {"prompt_tokens": 10, "total_tokens": 17}, Usage(input_text_tokens=10, output_text_tokens=7), id="a sum"
        ),
        pytest.param(
            {"prompt_tokens": 10, "prompt_cache_hit_tokens": 4},
            Usage(input_text_tokens=10, cached_tokens=4),
            id="another name for cached",
        ),
        pytest.param(
            {"prompt_tokens": -3, "completion_tokens": True, "total_tokens": 1e300, "prompt_tokens_details": [1]},
            Usage(),
            id="nonsense",
        ),
    ],
)
@pytest.mark.parametrize("place", ["chunk", "choice"])
def test_usage(usage: dict[str, Any], expected: Usage, place: str) -> None:
    reader = ChunkReader(audio=True)
    chunk = {"choices": [], "usage": usage} if place == "chunk" else {"choices": [{"delta": {}, "usage": usage}]}
    reader.read(orjson.dumps(chunk))
    assert reader.end() == [expected, Finished("stop")]


def test_usage_that_forgets_the_reply_does_not_win() -> None:
    reader = ChunkReader(audio=True)
    for completion in (0, 7, 0):
        reader.read(orjson.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": completion}}))
    assert reader.end()[0] == Usage(input_text_tokens=5, output_text_tokens=7)


@pytest.mark.parametrize(
    ("chunk", "error"),
    [
        ({"error": {"message": "slow down", "code": 429}}, UpstreamRateLimited),
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, UpstreamRateLimited),
        ({"error": {"message": "no", "type": "invalid_request_error"}}, UpstreamRefused),
        ({"error": "it broke"}, UpstreamUnavailable),
        ({"error": {"code": 502, "message": "x"}, "choices": [{"delta": {"content": ""}}]}, UpstreamUnavailable),
        ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, UpstreamRefused),
        ({"code": "InternalError", "message": "it broke", "request_id": "1"}, UpstreamUnavailable),
        ({"detail": "it broke"}, UpstreamUnavailable),
        ({"error_code": 336, "error_msg": "it broke"}, UpstreamUnavailable),
        ([{"error": {"message": "slow down", "code": 429, "status": "RESOURCE_EXHAUSTED"}}], UpstreamRateLimited),
    ],
)
def test_errors_in_the_stream(chunk: object, error: type[UpstreamError]) -> None:
    with pytest.raises(error):
        ChunkReader(audio=True).read(orjson.dumps(chunk))


def test_an_error_in_the_stream_keeps_the_key_to_itself() -> None:
    chunk = {"error": {"message": "key secret-key is not sk-proj-abc or sk-ab***cd"}}
    with pytest.raises(UpstreamError, match=r"^key \*\*\* is not \*\*\* or \*\*\*$"):
        ChunkReader(audio=True, secret="secret-key").read(orjson.dumps(chunk))


def test_a_message_behind_the_deltas_says_nothing_again() -> None:
    reader = ChunkReader(audio=True)
    deltas = [{"role": "assistant"}, {"audio": {"transcript": "Hi"}}, {"audio": {"data": "AAAA"}}]
    pieces = [piece for delta in deltas for piece in reader.read(orjson.dumps({"choices": [{"delta": delta}]}))]
    message = {"role": "assistant", "content": None, "audio": {"data": "AAAA", "transcript": "Hi"}}
    last = {"choices": [{"delta": {}, "message": message, "finish_reason": "stop"}]}
    assert reader.read(orjson.dumps(last)) == []
    assert (transcript(pieces), len(sound(pieces))) == ("Hi", 2)
    assert reader.complete
    assert reader.settled


def test_words_that_stand_in_two_places_are_said_once() -> None:
    assert transcript(pieces_of({"content": "Hello ", "audio": {"transcript": "Hello ", "data": "AAAA"}})) == "Hello "


@pytest.mark.parametrize("numbers", [{}, {"index": None}])
def test_choices_without_numbers_are_numbered_as_they_come(numbers: dict[str, None]) -> None:
    choices = [{**numbers, "delta": {"content": word}} for word in ("first", "second")]
    assert ChunkReader(audio=False).read(orjson.dumps({"choices": choices})) == [TextPiece("first")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"choices": [{"delta": {"content": "Hi"}, "logprobs": NaN, "x": -Infinity}]}', "Hi"),
        (b'{"choices": [{"delta": {"content": "H\\ud83d i"}}]}', "H\ufffd i"),
        (b'{"choices": [{"delta": {"content": "\\ude00i \\\\ud83d \\ud83d\\ude00"}}]}', "\ufffdi \\ud83d \U0001f600"),
        (b'{"choices": [{"delta": {"content": "H\xe4 i"}}]}', "H\ufffd i"),
        (b'{"choices": [{"delta": {"content": "H\n\ti"}}]}', "H\n\ti"),
        (b'{"choices": [{"delta": {"content": "Hi"}}], "x": 1' + b"0" * 5000 + b"}", "Hi"),
    ],
)
def test_what_is_json_only_nearly_is_read(data: bytes, said: str) -> None:
    assert ChunkReader(audio=False).read(data) == [TextPiece(said)]


def escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def halves(text: str, cut: str) -> list[bytes]:
    """``text`` as a JSON string in pieces without its quotes, each a half of a letter or a whole one."""
    if cut == "surrogates":
        return [one.encode() for one in re.findall(r"\\u.{4}|.", escaped(text))]
    return [text.encode()[at : at + 1] for at in range(len(text.encode()))]


def in_words(piece: bytes) -> bytes:
    return b'{"choices": [{"delta": {"content": "%s"}}]}' % piece


def in_a_transcript(piece: bytes) -> bytes:
    return b'{"choices": [{"delta": {"audio": {"transcript": "%s"}}}]}' % piece


def in_a_part(piece: bytes) -> bytes:
    return b'{"choices": [{"delta": {"content": [{"type": "text", "text": "%s"}]}}]}' % piece


def in_a_list(piece: bytes) -> bytes:
    return b'{"choices": [{"delta": {"content": ["%s"]}}]}' % piece


def in_arguments(piece: bytes) -> bytes:
    return (
        b'{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "%s"}}]}}]}'
        % piece
    )


PLACES = [in_words, in_a_transcript, in_a_part, in_a_list, in_arguments]


def told(*events: bytes, audio: bool = True) -> str:
    """All words, or all arguments, as a caller's socket would have them."""
    reader = ChunkReader(audio=audio, tools=["f"])
    pieces = [piece for event in events for piece in reader.read(event)] + reader.end()
    text = ""
    for piece in pieces:
        if isinstance(piece, ToolCallPiece):
            text += piece.arguments
        elif isinstance(piece, TextPiece | TranscriptPiece):
            text += piece.text
    return str(orjson.loads(orjson.dumps(text)))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cut", ["surrogates", "bytes"])
@pytest.mark.parametrize("text", ["A😀é漢💀", "💀💀", "😀", "x<😀>"])
@pytest.mark.parametrize("audio", [True, False])
def test_letters_that_are_cut_are_joined(place: Callable[[bytes], bytes], cut: str, text: str, audio: bool) -> None:
    pieces = halves(text, cut)
    assert any(json.loads(b'"%s"' % piece.decode(errors="replace").encode()) not in text for piece in pieces)
    assert told(*map(place, pieces), audio=audio) == text


@given(st.text(max_size=12), st.lists(st.integers(0, 24), max_size=4), st.booleans())
def test_any_text_cut_anywhere_is_whole_again(text: str, cuts: list[int], escaped: bool) -> None:
    """Between the units of UTF-16, as who escapes cuts, or between bytes."""
    if escaped:
        units = struct.unpack(f"<{len(text.encode('utf-16-le')) // 2}H", text.encode("utf-16-le"))
        parts = [rf"\u{unit:04x}".encode() for unit in units]
    else:
        plain = "".join(letter for letter in text if letter >= " " and letter not in '"\\')
        text, parts = plain, [bytes([byte]) for byte in plain.encode()]
    at = [0, *sorted(min(cut, len(parts)) for cut in cuts), len(parts)]
    pieces = [b"".join(parts[start:end]) for start, end in itertools.pairwise(at)]
    assert told(*map(in_arguments, pieces)) == text


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([b"\\ud83d"], "\ufffd"),
        ([b"\\ude00", b"i"], "\ufffdi"),
        ([b"\\ud83d", b"i"], "\ufffdi"),
        ([b"\\ud83d", b"\\ud83d\\ude00"], "\ufffd😀"),
        ([b"\\ud83d", b"\\ud83d", b"\\ude00", b"\\ude00"], "\ufffd😀\ufffd"),
        ([b"\\ud83d", "😀".encode()], "\ufffd😀"),
        ([b"\\udcf0\\udc9f", b"i"], "\ufffdi"),
        ([b"\xf0\x9f", b"i"], "\ufffdi"),
        ([b"\xf0\x9f\x98"], "\ufffd"),
        ([b"\x98\x80", b"\xfc"], "\ufffd\ufffd\ufffd"),
    ],
)
def test_half_a_letter_is_told_as_such(place: Callable[[bytes], bytes], pieces: list[bytes], said: str) -> None:
    assert told(*map(place, pieces)) == said


def test_half_a_letter_of_the_words_is_not_joined_with_the_arguments() -> None:
    assert told(in_words(b"\\ud83d"), in_arguments(b"\\ude00")) == "\ufffd\ufffd"


def test_half_a_letter_anywhere_else() -> None:
    half = "\\ud83d"
    call = f'{{"index": 0, "id": "c{half}", "function": {{"name": "f{half}", "arguments": {{"text": "{half}"}}}}}}'
    audio = f'{{"id": "a{half}", "transcript": "Hi"}}'
    chunk = f'{{"choices": [{{"delta": {{"audio": {audio}, "tool_calls": [{call}], "{half}": 1}}}}]}}'
    reader = ChunkReader(audio=True)
    pieces = reader.read(chunk.encode())
    assert pieces == [
        AudioReference("a\ufffd", None),
        TranscriptPiece("Hi"),
        ToolCallPiece(0, "c\ufffd", "f\ufffd", '{"text":"\ufffd"}'),
    ]
    with pytest.raises(UpstreamError, match="no\ufffd"):
        reader.read(f'{{"error": {{"message": "no{half}"}}}}'.encode())


@pytest.mark.parametrize("data", [b'{"choices": ' + b"[" * 100_000, b'{"x": "\\ud8'])
def test_what_is_no_json_even_so_is_refused(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed, match="not JSON"):
        ChunkReader(audio=True).read(data)


def test_counts_in_words_with_a_point() -> None:
    reader = ChunkReader(audio=False)
    reader.read(orjson.dumps({"choices": [], "usage": {"prompt_tokens": "12.0", "completion_tokens": "7.0"}}))
    assert reader.end()[0] == Usage(input_text_tokens=12, output_text_tokens=7)


def test_words_without_end_are_ended() -> None:
    reader = ChunkReader(audio=True)
    chunk = orjson.dumps({"choices": [{"delta": {"audio": {"transcript": "word " * 10_000}}}]})
    for _ in range(8):
        reader.read(chunk)
    with pytest.raises(UpstreamMalformed, match="more than 400000 characters") as ended:
        reader.read(chunk)
    assert ended.value.code == "endless"


def test_calls_without_end_are_ended() -> None:
    reader = ChunkReader(audio=True)
    calls = [{"index": at, "id": f"c{at}", "function": {"name": "f", "arguments": "{}"}} for at in range(129)]
    assert len(reader.read(orjson.dumps({"choices": [{"delta": {"tool_calls": calls[:128]}}]}))) == 128
    with pytest.raises(UpstreamMalformed, match="more than 128 tools"):
        reader.read(orjson.dumps({"choices": [{"delta": {"tool_calls": calls[128:]}}]}))


def test_arguments_without_end_are_ended() -> None:
    reader = ChunkReader(audio=True)
    more = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "x" * 300_000}}
    reader.read(orjson.dumps({"choices": [{"delta": {"tool_calls": [more]}}]}))
    with pytest.raises(UpstreamMalformed, match="more than 400000 characters"):
        reader.read(
            orjson.dumps({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": more["function"]}]}}]})
        )


@pytest.mark.parametrize("endless", [{"name": "x" * 1000}, {"arguments": "x" * 1000}])
def test_calls_that_never_begin_are_ended(endless: dict[str, str]) -> None:
    reader = ChunkReader(audio=True)
    chunk = orjson.dumps({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c", "function": endless}]}}]})
    for _ in range(400):
        reader.read(chunk)
    with pytest.raises(UpstreamMalformed, match="more than 400000 characters"):
        reader.read(chunk)
