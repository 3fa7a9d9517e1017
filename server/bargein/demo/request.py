"""A Chat Completions request, checked as strictly as the API checks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bargein.demo.api_errors import ApiError, missing, wrong_type, wrong_value
from bargein.demo.messages import Message, parse_messages

_FORMATS: Final = ("wav", "mp3", "flac", "opus", "aac", "pcm16")
_SPOKEN_FORMATS: Final = ("wav", "pcm16")
_MODALITIES: Final = ("text", "audio")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that can be answered."""

    model: str
    messages: tuple[Message, ...]
    audio: bool
    voice: str
    audio_format: str
    stream: bool
    include_usage: bool
    max_tokens: int | None
    functions: tuple[dict[str, Any], ...]
    tool_choice: str | dict[str, Any]


def parse_json(body: bytes) -> dict[str, Any]:
    """The body's object.

    :raises ApiError: it is none.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiError(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
        ) from None
    if not isinstance(value, dict):
        raise wrong_type("body", "an object", value)
    return value


def parse_chat(body: Mapping[str, Any]) -> ChatRequest:
    """Check a request.

    :raises ApiError: it is wrong; the error names the field.
    """
    model = _text(body, "model")
    stream = _flag(body, "stream")
    modalities = body.get("modalities") or ["text"]
    if not isinstance(modalities, list):
        raise wrong_type("modalities", "an array of strings", modalities)
    for modality in modalities:
        if modality not in _MODALITIES:
            raise wrong_value("modalities", modality, _MODALITIES)
    audio, voice, audio_format = "audio" in modalities, "alloy", "pcm16"
    if audio:
        voice, audio_format = _audio(body, stream=stream)
    messages = parse_messages(body)
    options = body.get("stream_options") or {}
    if options and not stream:
        raise ApiError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    max_tokens = body.get("max_completion_tokens", body.get("max_tokens"))
    if max_tokens is not None and (not isinstance(max_tokens, int) or isinstance(max_tokens, bool)):
        raise wrong_type("max_completion_tokens", "an integer", max_tokens)
    if max_tokens is not None and max_tokens < 1:
        raise ApiError(
            "Invalid 'max_completion_tokens': integer below minimum value. "
            f"Expected a value >= 1, but got {max_tokens} instead.",
            param="max_completion_tokens",
            code="integer_below_min_value",
        )
    return ChatRequest(
        model, messages, audio, voice, audio_format, stream, bool(options.get("include_usage")), max_tokens,
        _functions(body), body.get("tool_choice") or "auto",
    )  # fmt: skip


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        raise missing(name)
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name) or False
    if not isinstance(value, bool):
        raise wrong_type(name, "a boolean", value)
    return value


def _audio(body: Mapping[str, Any], *, stream: bool) -> tuple[str, str]:
    audio = body.get("audio")
    if audio is None:
        raise missing("audio")
    if not isinstance(audio, dict):
        raise wrong_type("audio", "an object", audio)
    for name in ("voice", "format"):
        if audio.get(name) is None:
            raise missing(f"audio.{name}")
    audio_format = audio["format"]
    if audio_format not in _FORMATS:
        raise wrong_value("audio.format", audio_format, _FORMATS)
    if stream and audio_format != "pcm16":
        raise ApiError(
            f"Unsupported value: 'audio.format' does not support '{audio_format}' when stream=true. "
            "Supported values are: 'pcm16'.",
            param="audio.format",
            code="unsupported_value",
        )
    if audio_format not in _SPOKEN_FORMATS:
        raise ApiError(f"The demo model speaks only wav and pcm16, not {audio_format}.", param="audio.format")
    voice = audio["voice"]
    voice = voice.get("id") if isinstance(voice, dict) else voice
    if not isinstance(voice, str):
        raise wrong_type("audio.voice", "a string", voice)
    return voice, audio_format


def _functions(body: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise wrong_type("tools", "an array of objects", tools)
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict):
            raise missing(f"tools[{index}].function")
        if not isinstance(function.get("name"), str):
            raise missing(f"tools[{index}].function.name")
    return tuple(tool["function"] for tool in tools)
