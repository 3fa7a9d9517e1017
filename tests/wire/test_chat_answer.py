"""Replies as answers of the Chat Completions API, put together again as SDKs do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pybase64
import pytest

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
from bargein.sound.files import read
from bargein.wire.chat import ChunkWriter, WholeAnswer, error_event

USAGE = Usage(4, 6, 2, 3, 4)
USAGE_JSON = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"text_tokens": 4, "audio_tokens": 6, "image_tokens": 0, "cached_tokens": 2},
    "completion_tokens_details": {
        "text_tokens": 3,
        "audio_tokens": 4,
        "reasoning_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
SOUND = bytes(range(256)) * 40


def base64(sound: bytes) -> str:
    return pybase64.b64encode(sound).decode()


SPOKEN: list[StreamPiece] = [
    AudioReference("audio_7", None),
    TranscriptPiece("Hello "),
    TranscriptPiece("you."),
    AudioPiece(base64(SOUND[:4800]), 2400),
    TranscriptPiece(" Bye."),
    # Bytes, an odd number of base64's groups, and text with padding: whatever a reader hands on.
    AudioPiece(SOUND[4800:4802], 1),
    AudioPiece(base64(SOUND[4802:9602]), 2400),
    AudioPiece(base64(SOUND[9602:]), 319),
    AudioReference("audio_7", 1_800_000_000),
    USAGE,
    Finished("stop"),
]


def chunks(pieces: Sequence[StreamPiece], *, include_usage: bool = False) -> list[dict[str, Any]]:
    writer = ChunkWriter("m", 1_700_000_000, include_usage=include_usage)
    events = writer.begin() + b"".join(map(writer.write, pieces)) + writer.end(USAGE, 1_700_000_009)
    *data, done, rest = events.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [orjson.loads(event.removeprefix(b"data: ")) for event in data]


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """As SDKs do it: strings are added up, so what comes twice is doubled."""
    whole: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            if whole.get(name) is None:
                whole[name] = value
            elif isinstance(value, dict):
                whole[name] = joined([whole[name], value])
            elif value is not None:
                whole[name] += value
    return whole


def deltas(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in made if chunk["choices"]]


def test_a_spoken_stream_adds_up() -> None:
    made = chunks(SPOKEN)
    assert {chunk["object"] for chunk in made} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in made}) == 1
    assert all(set(chunk) == {"id", "object", "created", "model", "choices"} for chunk in made)
    assert [chunk["choices"][0]["finish_reason"] for chunk in made] == [None] * (len(made) - 1) + ["stop"]
    assert deltas(made)[0] == {"role": "assistant", "content": None, "refusal": None}
    whole = joined(deltas(made))
    assert whole["role"] == "assistant"
    audio = whole["audio"]
    assert (audio["id"], audio["transcript"], audio["expires_at"]) == ("audio_7", "Hello you. Bye.", 1_800_000_000)
    assert pybase64.b64decode(audio["data"], validate=True) == SOUND, "the pieces joined are base64 too"
    for delta in deltas(made):
        piece = pybase64.b64decode(delta.get("audio", {}).get("data", ""), validate=True)
        assert len(piece) % 2 == 0, "every piece is whole samples"


def test_usage_comes_last_where_it_is_asked_for() -> None:
    made = chunks(SPOKEN, include_usage=True)
    assert all(chunk["usage"] is None for chunk in made[:-1])
    assert (made[-1]["choices"], made[-1]["usage"]) == ([], USAGE_JSON)


def test_text() -> None:
    made = chunks([TextPiece("Hel"), TextPiece("lo."), Finished("length")])
    assert joined(deltas(made))["content"] == "Hello."
    assert made[-1]["choices"][0]["finish_reason"] == "length"


def test_words_without_sound_are_text() -> None:
    """What was taken for a transcript: some models answer in text although they were asked to speak."""
    whole = joined(deltas(chunks([TranscriptPiece("Hel"), TranscriptPiece("lo."), Finished("stop")])))
    assert whole == {"role": "assistant", "content": "Hello.", "refusal": None}


CALLS: list[StreamPiece] = [
    TranscriptPiece("Let me look."),
    ToolCallPiece(0, "call_1", "get_time", ""),
    ToolCallPiece(0, None, None, '{"zone":'),
    ToolCallPiece(0, None, None, '"UTC"}'),
    ToolCallPiece(1, "call_2", "get_weather", "{}"),
    Finished("tool_calls"),
]


def test_tool_calls() -> None:
    made = chunks(CALLS)
    sent = [call for delta in deltas(made) for call in delta.get("tool_calls", ())]
    assert sent == [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"zone":'}},
        {"index": 0, "function": {"arguments": '"UTC"}'}},
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}},
    ]
    assert made[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert deltas(made)[1] == {"content": "Let me look."}


def test_sound_to_which_the_model_gives_no_name_gets_one_that_has_expired() -> None:
    pieces: list[StreamPiece] = [AudioPiece(SOUND[:4800], 2400), Finished("stop")]
    audio = joined(deltas(chunks(pieces)))["audio"]
    assert audio["id"].startswith("audio_")
    assert audio["expires_at"] == 1_700_000_009
    assert whole(pieces, "pcm16")["choices"][0]["message"]["audio"]["expires_at"] == 1_700_000_009


def test_a_name_that_comes_late_comes_once() -> None:
    pieces: list[StreamPiece] = [AudioPiece(SOUND[:4800], 2400), AudioReference("audio_9", 5), Finished("stop")]
    assert joined(deltas(chunks(pieces)))["audio"]["id"] == "audio_9"


def whole(pieces: Sequence[StreamPiece], audio_format: str | None) -> dict[str, Any]:
    answer = WholeAnswer("m", 1_700_000_000, audio_format)
    for piece in pieces:
        answer.add(piece)
    return answer.as_json(USAGE, 1_700_000_009)


@pytest.mark.parametrize("audio_format", ["wav", "pcm16"])
def test_a_whole_spoken_answer(audio_format: str) -> None:
    answer = whole(SPOKEN, audio_format)
    assert (answer["object"], answer["model"], answer["usage"]) == ("chat.completion", "m", USAGE_JSON)
    (choice,) = answer["choices"]
    assert (choice["index"], choice["finish_reason"], choice["message"]["content"]) == (0, "stop", None)
    audio = choice["message"]["audio"]
    sound = pybase64.b64decode(audio.pop("data"), validate=True)
    if audio_format == "wav":
        wav = read(sound)
        assert wav.rate_hz == 24_000
        sound = wav.samples.tobytes()
    assert sound == SOUND
    assert audio == {"id": "audio_7", "expires_at": 1_800_000_000, "transcript": "Hello you. Bye."}


def test_whole_answers_in_text_and_calls() -> None:
    text = whole([TextPiece("Hello."), Finished("stop")], None)["choices"][0]["message"]
    assert text["content"] == "Hello."
    assert "audio" not in text
    words = whole([TranscriptPiece("Hello."), Finished("stop")], "wav")["choices"][0]["message"]
    assert words["content"] == "Hello."
    assert "audio" not in words
    called = whole(CALLS, "wav")["choices"][0]
    assert called["finish_reason"] == "tool_calls"
    assert called["message"]["content"] == "Let me look."
    assert called["message"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone":"UTC"}'}},
        {"id": "call_2", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}},
    ]
    assert whole([Finished("stop")], "wav")["choices"][0]["message"]["content"] == ""


def test_a_failure_in_a_stream() -> None:
    event = error_event("It broke.", "server_error", None, None)
    assert orjson.loads(event.removeprefix(b"data: ")) == {
        "error": {"message": "It broke.", "type": "server_error", "param": None, "code": None}
    }
