"""A Chat Completions request, checked as strictly as the API checks it, and by what this model can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bargein.demo.api_errors import ApiError, refused, wrong_value
from bargein.demo.messages import AskedMessage, read_messages
from bargein.errors import CallerError
from bargein.wire import chat

VOICES: Final = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
"""Of the API; others are custom ones, which have ids."""
CUSTOM_VOICE: Final = "voice_"
MAX_TOKENS: Final = 16_384
"""Of one answer of the API's audio models."""
_SPOKEN_FORMATS: Final = ("wav", "pcm16")
_NOT_SPOKEN: Final = ("functions", "function_call", "prediction", "web_search_options", "logprobs")
"""What the API has, and its audio models have not."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that can be answered."""

    model: str
    messages: tuple[AskedMessage, ...]
    audio: bool
    voice: str
    audio_format: str
    stream: bool
    include_usage: bool
    max_tokens: int | None
    functions: tuple[Mapping[str, Any], ...]
    tool_choice: str | Mapping[str, Any]


def parse_json(body: bytes) -> dict[str, Any]:
    """The body's object.

    :raises ApiError: it is none.
    """
    try:
        return chat.parse_json(body)
    except CallerError as error:
        raise refused(error) from None


def parse_chat(body: Mapping[str, Any]) -> ChatRequest:
    """Check a request.

    :raises ApiError: it is wrong; the error names the field.
    """
    try:
        asked = chat.parse_chat(_with_voice(body))
    except CallerError as error:
        raise refused(error) from None
    if asked.model is None:
        raise ApiError("you must provide a model parameter")
    for name in _NOT_SPOKEN:
        if body.get(name):
            raise ApiError(
                f"Unsupported parameter: '{name}' is not supported with this model.",
                param=name,
                code="unsupported_parameter",
            )
    wanted = (body.get("response_format") or {}).get("type", "text")
    if wanted != "text":
        raise ApiError(
            f"Invalid parameter: 'response_format' of type '{wanted}' is not supported with this model.",
            param="response_format",
        )
    if (asked.max_tokens or 0) > MAX_TOKENS:
        raise ApiError(
            f"max_tokens is too large: {asked.max_tokens}. This model supports at most {MAX_TOKENS} completion tokens, "
            f"whereas you provided {asked.max_tokens}.",
            param="max_tokens" if body.get("max_tokens") else "max_completion_tokens",
            code="invalid_value",
        )
    return ChatRequest(
        model=asked.model,
        messages=read_messages(asked.messages),
        audio=asked.audio,
        voice=_voice(asked) if asked.audio else VOICES[0],
        audio_format=asked.audio_format or "pcm16",
        stream=asked.stream,
        include_usage=asked.include_usage,
        max_tokens=asked.max_tokens,
        functions=asked.functions,
        tool_choice=asked.tool_choice,
    )


def _with_voice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """As other servers than the API take it: a model that is none of its own speaks in the voice that it has."""
    audio = body.get("audio")
    if not isinstance(audio, dict) or audio.get("voice") is not None or str(body.get("model")).startswith("gpt-"):
        return body
    return {**body, "audio": {**audio, "voice": VOICES[0]}}


def _voice(asked: chat.ChatRequest) -> str:
    if asked.audio_format not in _SPOKEN_FORMATS:
        raise ApiError(f"The demo model speaks only wav and pcm16, not {asked.audio_format}.", param="audio.format")
    given = asked.body["audio"]["voice"]
    if isinstance(given, dict):
        return str(given["id"])
    if given not in VOICES and not given.startswith(CUSTOM_VOICE):
        raise wrong_value("audio.voice", given, VOICES)
    return str(given)
