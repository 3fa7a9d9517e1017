"""What the Chat Completions API refuses, refused with its code, the field's full path, and words that help."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bargein.errors import CallerError
from bargein.wire.chat import parse_chat, parse_json

HELLO = {"role": "user", "content": "hello"}
SPOKEN = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
FUNCTION = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}


def call(call_id: str, **changes: object) -> dict[str, Any]:
    made: dict[str, Any] = {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return made | changes


def calls(*ids: str) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [call(one) for one in ids]}


def output(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "done"}


def user(*parts: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def said(**message: object) -> dict[str, Any]:
    return {"messages": [message]}


REFUSED: list[tuple[dict[str, Any], str | None, str, str]] = [
    ({"foo": 1}, "unknown_parameter", "foo", "Unknown parameter: 'foo'."),
    ({"messages": ...}, "missing_required_parameter", "messages", "Missing required parameter: 'messages'."),
    ({"messages": []}, "empty_array", "messages", "Expected an array with minimum length 1, but got an empty array"),
    ({"messages": "hello"}, "invalid_type", "messages", "expected an array, but got a string"),
    ({"messages": [HELLO] * 2049}, "above_max_length", "messages", "at most 2048"),
    ({"messages": [5]}, "invalid_type", "messages[0]", "expected an object, but got an integer"),
    (said(content="x"), "missing_required_parameter", "messages[0].role", "'messages[0].role'"),
    (said(role="robot", content="x"), "invalid_value", "messages[0].role", "'robot'. Supported values are: 'system'"),
    (said(role="user"), "missing_required_parameter", "messages[0].content", "Missing"),
    (said(role="user", content=None), "invalid_type", "messages[0].content", "but got null"),
    (said(role="user", content=[]), "empty_array", "messages[0].content", "empty array"),
    (said(role="user", content="x", foo=1), "unknown_parameter", "messages[0].foo", "'messages[0].foo'"),
    (said(role="user", content="x", tool_calls=[]), "unknown_parameter", "messages[0].tool_calls", "Unknown"),
    (said(role="assistant"), "invalid_value", "messages[0].content", "expected a string, got null"),
    (said(role="assistant", tool_calls=[]), "empty_array", "messages[0].tool_calls", "empty array"),
    (user({"type": "image"}), "invalid_value", "messages[0].content[0].type", "'text', 'input_audio'"),
    (user({"type": "text"}), "missing_required_parameter", "messages[0].content[0].text", "Missing"),
    (
        user({"type": "input_audio", "input_audio": {"data": "", "format": "pcm16"}}),
        "invalid_value",
        "messages[0].content[0].input_audio.format",
        "'wav' or 'mp3'",
    ),
    (
        said(role="system", content=[{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]),
        "invalid_value",
        "messages[0].content[0].type",
        "Supported values are: 'text'",
    ),
    ({"messages": [output("c")]}, None, "messages.[0].role", "must be a response to a preceeding message"),
    ({"messages": [calls("a"), HELLO]}, None, "messages", "did not have response messages: a"),
    ({"messages": [HELLO, calls("a", "b"), output("b")]}, None, "messages", "did not have response messages: a"),
    ({"messages": [calls("a"), output("a"), output("a")]}, None, "messages.[2].role", "preceeding"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [call("a", function={"name": "f"})]}]},
        "missing_required_parameter",
        "messages[0].tool_calls[0].function.arguments",
        "Missing",
    ),
    (said(role="tool", content="x"), "missing_required_parameter", "messages[0].tool_call_id", "Missing"),
    ({"model": 5}, "invalid_type", "model", "expected a string"),
    ({"temperature": 2.1}, "decimal_above_max_value", "temperature", "Expected a value <= 2, but got 2.1 instead."),
    ({"temperature": -1}, "decimal_below_min_value", "temperature", "Expected a value >= 0, but got -1 instead."),
    ({"top_p": 1.5}, "decimal_above_max_value", "top_p", "<= 1, but got 1.5"),
    ({"presence_penalty": 3}, "decimal_above_max_value", "presence_penalty", "<= 2"),
    ({"frequency_penalty": -3}, "decimal_below_min_value", "frequency_penalty", ">= -2"),
    ({"temperature": "1"}, "invalid_type", "temperature", "expected a number, but got a string"),
    ({"n": 0}, "integer_below_min_value", "n", ">= 1, but got 0"),
    ({"n": 129}, "integer_above_max_value", "n", "<= 128, but got 129"),
    ({**SPOKEN, "n": 2}, "invalid_value", "n", "Audio output"),
    ({"max_completion_tokens": 0}, "integer_below_min_value", "max_completion_tokens", "Expected a value >= 1"),
    ({"max_tokens": 1.5}, "invalid_type", "max_tokens", "expected an integer"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "invalid_parameter_combination", "max_tokens", "at the same time"),
    ({"modalities": ["audio"]}, "invalid_value", "modalities", "['text'] and ['text', 'audio']"),
    ({"modalities": []}, "invalid_value", "modalities", "['text'] and ['text', 'audio']"),
    ({"modalities": ["video"]}, "invalid_value", "modalities[0]", "'text' or 'audio'"),
    ({"modalities": "text"}, "invalid_type", "modalities", "expected an array"),
    ({"modalities": ["text", "audio"]}, "missing_required_parameter", "audio", "Missing"),
    ({**SPOKEN, "audio": {"format": "wav"}}, "missing_required_parameter", "audio.voice", "Missing"),
    ({**SPOKEN, "audio": {"voice": "alloy", "format": "ogg"}}, "invalid_value", "audio.format", "'opus' or 'pcm16'"),
    ({**SPOKEN, "audio": {"voice": 5, "format": "wav"}}, "invalid_type", "audio.voice", "expected a string"),
    (
        {**SPOKEN, "audio": {"voice": "alloy", "format": "wav"}, "stream": True},
        "unsupported_value",
        "audio.format",
        "'audio.format' does not support 'wav' when stream=true. Supported values are: 'pcm16'.",
    ),
    ({"stream": "yes"}, "invalid_type", "stream", "expected a boolean"),
    ({"stream_options": {"include_usage": True}}, "invalid_value", "stream_options", "only allowed when 'stream'"),
    ({"stream": True, "stream_options": {"x": 1}}, "unknown_parameter", "stream_options.x", "Unknown"),
    ({"tools": []}, "empty_array", "tools", "empty array"),
    ({"tools": [{"type": "function", "name": "f"}]}, "missing_required_parameter", "tools[0].function", "Missing"),
    ({"tools": [{"type": "custom"}]}, "invalid_value", "tools[0].type", "'function'"),
    (
        {"tools": [{"type": "function", "function": {"name": "get time"}}]},
        "invalid_value",
        "tools[0].function.name",
        "'^[a-zA-Z0-9_-]+$'",
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]},
        "invalid_function_parameters",
        "tools[0].function.parameters",
        "got 'type: \"string\"'",
    ),
    ({"tool_choice": "auto"}, "invalid_value", "tool_choice", "only allowed when 'tools' are specified"),
    ({"parallel_tool_calls": True}, "invalid_value", "parallel_tool_calls", "only allowed when 'tools'"),
    (
        {"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        "invalid_value",
        "tool_choice",
        "not found in 'tools'",
    ),
    ({"tools": [FUNCTION], "tool_choice": "maybe"}, "invalid_value", "tool_choice", "'auto', 'none' or 'required'"),
    ({"stop": ["a"] * 5}, "above_max_length", "stop", "at most 4"),
    ({"response_format": {"type": "xml"}}, "invalid_value", "response_format.type", "'json_schema'"),
    ({"metadata": {"a": "b"}}, "invalid_value", "metadata", "'store'"),
    ({"top_logprobs": 2}, "invalid_value", "top_logprobs", "'logprobs'"),
    ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort", "'minimal'"),
]


@pytest.mark.parametrize(("change", "code", "param", "words"), REFUSED)
def test_a_wrong_request_is_refused_by_name(change: dict[str, Any], code: str | None, param: str, words: str) -> None:
    body = {"model": "m", "messages": [HELLO]} | change
    with pytest.raises(CallerError) as refused:
        parse_chat({name: value for name, value in body.items() if value is not ...})
    assert (refused.value.code, refused.value.param) == (code, param)
    assert words in refused.value.message


TAKEN: list[dict[str, Any]] = [
    {"modalities": None, "audio": None, "stream": None, "n": None, "temperature": None, "tools": None, "stop": None},
    {**SPOKEN, "audio": {"voice": {"id": "voice_1"}, "format": "wav"}, "n": 1},
    {**SPOKEN, "stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
    {"temperature": 1, "top_p": 0.5, "seed": 5, "stop": "x", "logit_bias": {"50256": -100}, "user": "somebody"},
    {"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "get_time"}}},
    {"tools": [FUNCTION], "tool_choice": "required", "parallel_tool_calls": False},
    {"tool_choice": "none"},
    {"max_tokens": 5, "reasoning_effort": "low", "verbosity": "low", "service_tier": "auto", "store": False},
    {"store": True, "metadata": {"a": "b"}, "logprobs": True, "top_logprobs": 2},
    {"messages": [{"role": "developer", "content": [{"type": "text", "text": "be kind"}], "name": "me"}, HELLO]},
    {"messages": [HELLO, calls("a", "b"), output("b"), output("a"), HELLO]},
    {"messages": [calls("a"), {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "x"}]}]},
    {"messages": [HELLO, {"role": "assistant", "audio": {"id": "audio_1"}}, HELLO]},
    {"messages": [HELLO, {"role": "assistant", "content": ""}, {"role": "user", "content": ""}]},
    # As people append an answer's message, whatever their SDK has added to it.
    {
        "messages": [
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "annotations": [],
                "audio": {"id": "audio_1", "data": "AAAA", "expires_at": 1, "transcript": "Hello."},
                "function_call": None,
                "tool_calls": None,
            },
            HELLO,
        ]
    },
    {"messages": [calls("a") | {"tool_calls": [call("a", index=0)], "parsed": None}, output("a")]},
]


@pytest.mark.parametrize("change", TAKEN)
def test_what_the_api_takes_is_taken(change: dict[str, Any]) -> None:
    parse_chat({"model": "m", "messages": [HELLO]} | change)


def test_what_is_asked_for() -> None:
    whole = parse_chat({"messages": [HELLO], **SPOKEN, "audio": {"voice": {"id": "voice_1"}, "format": "wav"}})
    assert (whole.model, whole.voice, whole.audio_format, whole.audio, whole.stream) == (
        None, "voice_1", "wav", True, False,
    )  # fmt: skip
    options = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": 7, "tools": [FUNCTION]}
    text = parse_chat({"model": "m", "messages": [HELLO], "audio": SPOKEN["audio"], **options})
    assert (text.model, text.voice, text.audio, text.stream, text.include_usage, text.max_tokens) == (
        "m", None, False, True, True, 7,
    )  # fmt: skip
    assert text.functions == (FUNCTION["function"],)
    assert text.tool_choice == "auto"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"5", b'{"a": NaN}'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(CallerError) as refused:
        parse_json(body)
    assert refused.value.code in {"invalid_json", "invalid_type"}


def test_a_body_is_bounded_in_its_values_and_its_depth() -> None:
    with pytest.raises(CallerError, match="more than 20000 values"):
        parse_json(b'{"messages": [' + b",".join([b"1"] * 20_001) + b"]}")
    with pytest.raises(CallerError, match="at most 100 levels"):
        parse_json(b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}")
    deep = parse_json(b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}")
    assert orjson.dumps(deep)
