"""What is wrong in a session is refused with its code, the field's full path, and words that help."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.errors import CallerError
from bargein.wire.session_object import SessionObject

START = SessionObject.begin(id="sess_1", model="gpt-audio", expires_at=1785217650)


def detection(**fields: object) -> dict[str, Any]:
    return {"audio": {"input": {"turn_detection": {"type": "server_vad", **fields}}}}


def audio_input(**fields: object) -> dict[str, Any]:
    return {"audio": {"input": fields}}


def audio_output(**fields: object) -> dict[str, Any]:
    return {"audio": {"output": fields}}


VAD = "audio.input.turn_detection"
CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"foo": 1}, "unknown_parameter", "foo", "Unknown parameter: 'session.foo'."),
    ({"type": "transcription"}, "unsupported_value", "type", "Transcription sessions are not supported"),
    ({"type": "chat"}, "invalid_value", "type", "Invalid value: 'chat'. Supported values are: 'realtime'."),
    ({"instructions": 5}, "invalid_type", "instructions", "expected a string, but got an integer instead."),
    ({"modalities": ["text"]}, "unknown_parameter", "modalities", "'session.modalities'"),
    ({"temperature": 0.8}, "unknown_parameter", "temperature", "'session.temperature'"),
    ({"voice": "ash"}, "unknown_parameter", "voice", "'session.voice'"),
    ({"output_modalities": ["text", "audio"]}, "invalid_value", "output_modalities", "['text'] and ['audio']"),
    ({"output_modalities": []}, "invalid_value", "output_modalities", "['text'] and ['audio']"),
    ({"output_modalities": ["video"]}, "invalid_value", "output_modalities[0]", "Invalid value: 'video'."),
    ({"output_modalities": "audio"}, "invalid_type", "output_modalities", "expected an array, but got a string"),
    ({"audio": []}, "invalid_type", "audio", "expected an object, but got an array"),
    (audio_input(format={"type": "audio/mp3"}), "invalid_value", "audio.input.format.type", "'audio/pcmu'"),
    *(
        (
            {"audio": {side: {"format": {"type": "audio/pcm", "rate": rate}}}},
            "invalid_value",
            f"audio.{side}.format.rate",
            f"Invalid value: '{rate}'. Supported values are: 8000, 16000, 24000, 32000 or 48000.",
        )
        for side in ("input", "output")
        for rate in (0, 11025, 22050, 44100, 16000.5, "16000", True)
    ),
    (
        audio_input(format={"type": "audio/pcmu", "rate": 16000}),
        "invalid_value",
        "audio.input.format.rate",
        "Invalid value: '16000'. Supported values are: 8000.",
    ),
    (
        audio_input(format="opus"),
        "invalid_value",
        "audio.input.format",
        (
            'Invalid value: \'opus\'. Supported values are: {"type": "audio/pcm"}, {"type": "audio/pcmu"}, '
            '{"type": "audio/pcma"}, or '
            "'pcm16', 'pcm16_8000hz', 'pcm16_16000hz', 'pcm16_32000hz', 'pcm16_48000hz', 'g711_ulaw', 'g711_alaw'."
        ),
    ),
    (audio_input(format=16000), "invalid_type", "audio.input.format", "expected an object, but got an integer"),
    (audio_input(format={"type": "audio/pcm", "channels": 1}), "unknown_parameter", "audio.input.format.channels", ""),
    (
        audio_input(transcription={"model": ""}),
        "string_below_min_length",
        "audio.input.transcription.model",
        "length 1",
    ),
    (audio_input(transcription={"modle": "x"}), "unknown_parameter", "audio.input.transcription.modle", "Unknown"),
    (audio_input(noise_reduction={"type": "x"}), "invalid_value", "audio.input.noise_reduction.type", "'far_field'"),
    (audio_input(turn_detection=False), "invalid_type", VAD, "expected an object, but got a boolean"),
    (audio_input(turn_detection={"type": "x"}), "invalid_value", f"{VAD}.type", "'server_vad', 'semantic_vad'"),
    (
        audio_input(turn_detection={"type": "semantic_vad", "idle_timeout_ms": 6000}),
        "unknown_parameter",
        f"{VAD}.idle_timeout_ms",
        "Unknown parameter",
    ),
    (
        audio_input(turn_detection={"type": "semantic_vad", "eagerness": "very"}),
        "invalid_value",
        f"{VAD}.eagerness",
        "Invalid value: 'very'. Supported values are: 'low', 'medium', 'high' or 'auto'.",
    ),
    (detection(threshold=1.5), "invalid_value", f"{VAD}.threshold", "Expected a value <= 1.0, but got 1.5 instead."),
    (detection(threshold=-1), "invalid_value", f"{VAD}.threshold", "Expected a value >= 0.0, but got -1 instead."),
    (detection(threshold="0.5"), "invalid_type", f"{VAD}.threshold", "expected a number, but got a string"),
    (detection(silence_duration_ms=0.5), "invalid_type", f"{VAD}.silence_duration_ms", "but got a decimal number"),
    (detection(prefix_padding_ms=-1), "integer_below_min_value", f"{VAD}.prefix_padding_ms", ">= 0, but got -1"),
    (detection(idle_timeout_ms=4999), "integer_below_min_value", f"{VAD}.idle_timeout_ms", ">= 5000, but got 4999"),
    (detection(idle_timeout_ms=30001), "integer_above_max_value", f"{VAD}.idle_timeout_ms", "<= 30000, but got 30001"),
    (detection(create_response="yes"), "invalid_type", f"{VAD}.create_response", "expected a boolean"),
    (audio_output(voice=""), "string_below_min_length", "audio.output.voice", "minimum length 1"),
    (audio_output(voice={"id": 5}), "invalid_type", "audio.output.voice", "expected a string"),
    (audio_output(speed=0.2), "invalid_value", "audio.output.speed", "Expected a value >= 0.25, but got 0.2 instead."),
    (audio_output(speed=1.6), "invalid_value", "audio.output.speed", "Expected a value <= 1.5, but got 1.6 instead."),
    ({"tools": {}}, "invalid_type", "tools", "expected an array, but got an object"),
    ({"tools": ["f"]}, "invalid_type", "tools[0]", "expected an object, but got a string"),
    ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].name", "'session.tools[0].name'"),
    ({"tools": [{"type": "mcp", "server_label": "x"}]}, "unsupported_value", "tools[0]", "MCP tools are not supported"),
    ({"tools": [{"type": "web"}]}, "invalid_value", "tools[0].type", "Invalid value: 'web'."),
    (
        {"tools": [{"type": "function", "name": "a"}, {"type": "function", "function": {"name": "b"}}]},
        "unknown_parameter",
        "tools[1].function",
        "Unknown parameter: 'session.tools[1].function'.",
    ),
    ({"tool_choice": "maybe"}, "invalid_value", "tool_choice", "'auto', 'none' or 'required'"),
    ({"tool_choice": {"type": "mcp", "server_label": "x"}}, "unsupported_value", "tool_choice", "MCP tools"),
    ({"tool_choice": {"type": "function", "name": "f"}}, "invalid_value", "tool_choice", "a function 'f' that is not"),
    (
        {"tools": [{"type": "function", "name": "g"}], "tool_choice": {"name": "f"}},
        "invalid_value",
        "tool_choice",
        "Give it in 'session.tools'",
    ),
    ({"tool_choice": {"type": "function"}}, "missing_required_parameter", "tool_choice.name", "Missing required"),
    ({"max_output_tokens": 0}, "integer_below_min_value", "max_output_tokens", ">= 1, but got 0"),
    ({"max_output_tokens": 4097}, "integer_above_max_value", "max_output_tokens", "<= 4096, but got 4097"),
    ({"max_output_tokens": "all"}, "invalid_value", "max_output_tokens", "Supported values are: 'inf'."),
    ({"truncation": "sometimes"}, "invalid_value", "truncation", "'auto' or 'disabled'"),
    (
        {"truncation": {"type": "retention_ratio", "retention_ratio": 1.1}},
        "invalid_value",
        "truncation.retention_ratio",
        "Expected a value <= 1.0",
    ),
    (
        {"truncation": {"type": "retention_ratio", "retention_ratio": 1, "token_limits": {"post_instructions": -1}}},
        "integer_below_min_value",
        "truncation.token_limits.post_instructions",
        ">= 0, but got -1",
    ),
    ({"tracing": "on"}, "invalid_value", "tracing", "Supported values are: 'auto'."),
    ({"prompt": {}}, "missing_required_parameter", "prompt.id", "Missing required parameter: 'session.prompt.id'."),
    ({"include": ["everything"]}, "invalid_value", "include[0]", "Invalid value: 'everything'."),
]


@pytest.mark.parametrize(("patch", "code", "param", "words"), CASES)
def test_refusals(patch: dict[str, Any], code: str, param: str, words: str) -> None:
    before = START.echo()
    with pytest.raises(CallerError) as caught:
        START.update({"type": "realtime", "instructions": "must not stay", **patch})
    assert (caught.value.code, caught.value.param) == (code, f"session.{param}")
    assert words in caught.value.message
    assert START.echo() == before


def test_one_mistake_among_many_good_fields_changes_nothing() -> None:
    with pytest.raises(CallerError):
        START.update({"type": "realtime", "instructions": "x", "audio": {"output": {"voice": "ash", "speed": 9}}})
    assert START.to_config().response.voice == "alloy"
