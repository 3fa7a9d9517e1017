"""What a caller may ask for with the operator's key: which model, how much, and nothing that cannot be given."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pybase64

from bargein.core.completion import Usage
from bargein.core.sizes import (
    CHARACTERS_PER_TOKEN,
    COARSE_IMAGE_TOKENS,
    IMAGE_TOKENS,
    REPLY_AUDIO_MS_PER_TOKEN,
    USER_AUDIO_MS_PER_TOKEN,
)
from bargein.errors import CallerError
from bargein.upstream import PlainRequest
from bargein.wire.chat import ChatRequest, LongStrings
from bargein.wire.images import NO_IMAGES, check_image

Json = Mapping[str, Any]

FORMATS: Final = ("wav", "pcm16")
"""That are made here."""
_MP3_BYTES_PER_S: Final = 8_000
_PASSED_ON: Final = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "logit_bias",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "verbosity",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
)
_USE_TOOLS: Final = "Use 'tools' and 'tool_choice'."
_NOT_HERE: Final = {
    "functions": _USE_TOOLS,
    "function_call": _USE_TOOLS,
    "logprobs": "Leave it out.",
    "prediction": "Leave it out.",
    "moderation": "Leave it out.",
    "web_search_options": "Leave it out, or offer a tool that searches.",
    "store": "Nothing is stored in the operator's account: leave it out.",
}
"""What would be lost on the way back, or be paid for or kept by the operator: it is refused, with what to do."""
_TIERS: Final = ("auto", "default")


@dataclass(frozen=True, slots=True)
class ChatPolicy:
    """The operator's choices.

    :ivar model: that answers, whichever one callers name.
    :ivar models: those that answer beside it where callers name them.
    :ivar max_tokens: of one answer.
    :ivar max_context_tokens: of what is sent, estimated.
    :ivar images: whether the model sees.
    :ivar encoded: formats of sound that the model's server makes, beside those that are made here.
    """

    model: str
    models: tuple[str, ...]
    max_tokens: int
    max_context_tokens: int
    images: bool = False
    encoded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be asked.

    :ivar text_tokens: of all that is sent, estimated.
    :ivar audio_tokens: of the caller's sound, estimated.
    """

    request: PlainRequest
    text_tokens: int
    audio_tokens: int

    def usage(self, *, characters: int, samples: int, rate_hz: int) -> Usage:
        """What an answer has used by the time so much of it is there, estimated."""
        ms = samples * 1000 // rate_hz
        return Usage(
            input_text_tokens=self.text_tokens,
            input_audio_tokens=self.audio_tokens,
            output_text_tokens=-(-characters // CHARACTERS_PER_TOKEN),
            output_audio_tokens=-(-ms // REPLY_AUDIO_MS_PER_TOKEN),
            estimated=True,
            output_audio_ms=ms,
        )


def admit(request: ChatRequest, sounds: LongStrings, policy: ChatPolicy, named: str | None = None) -> Asked:
    """The request as it is asked.

    :param named: the model that the address names; it wins.

    :param sounds: what was taken out of its body before it was read.
    :raises CallerError: it asks for what it may not, or cannot have.
    """
    _refuse_what_is_not_here(request, policy)
    _check_parts(request, sounds, images=policy.images)
    max_tokens = request.max_tokens or policy.max_tokens
    if max_tokens > policy.max_tokens:
        name = "max_tokens" if request.body.get("max_tokens") is not None else "max_completion_tokens"
        raise CallerError(
            f"{name} is too large: {max_tokens}. This server allows at most {policy.max_tokens} completion tokens "
            "(BARGEIN_MAX_COMPLETION_TOKENS).",
            code="invalid_value",
            param=name,
        )
    text_tokens, audio_tokens = _tokens(request, sounds)
    if text_tokens + audio_tokens > policy.max_context_tokens:
        raise CallerError(
            f"This model's maximum context length is {policy.max_context_tokens} tokens (BARGEIN_MAX_CONTEXT_TOKENS). "
            f"However, your messages resulted in about {text_tokens + audio_tokens} tokens. Please reduce the length "
            "of the messages.",
            code="context_length_exceeded",
            param="messages",
        )
    options = {name: request.body[name] for name in _PASSED_ON if request.body.get(name) is not None}
    model = named or request.model
    plain = PlainRequest(
        model=model if model is not None and model in policy.models else policy.model,
        messages=request.messages,
        voice=request.voice,
        options=options | {"max_completion_tokens": max_tokens},
        encoded=request.audio_format if request.audio_format in policy.encoded else None,
        put_back=sounds.put_back,
    )
    return Asked(plain, text_tokens, audio_tokens)


def _refuse_what_is_not_here(request: ChatRequest, policy: ChatPolicy) -> None:
    body = request.body
    for name, instead in _NOT_HERE.items():
        if body.get(name):
            raise CallerError(
                f"Unsupported parameter: '{name}' is not supported by this server. {instead}",
                code="unsupported_parameter",
                param=name,
            )
    if (tier := body.get("service_tier")) is not None and tier not in _TIERS:
        raise _unsupported("service_tier", str(tier), _TIERS)
    if (body.get("n") or 1) > 1:
        raise CallerError(
            f"Invalid 'n': integer above maximum value. Expected a value <= 1, but got {body['n']} instead.",
            code="integer_above_max_value",
            param="n",
        )
    formats = (*FORMATS, *sorted(policy.encoded))
    if request.audio_format is not None and request.audio_format not in formats:
        raise _unsupported("audio.format", request.audio_format, formats)
    for index, message in enumerate(request.messages):
        if message["role"] == "function" or message.get("function_call"):
            raise CallerError(
                f"Messages of 'functions' are not supported by this server. {_USE_TOOLS}",
                code="unsupported_value",
                param=f"messages[{index}]",
            )


def _check_parts(request: ChatRequest, sounds: LongStrings, *, images: bool) -> None:
    for index, message in enumerate(request.messages):
        content = message.get("content")
        for place, part in enumerate(content if isinstance(content, list) else ()):
            param = f"messages[{index}].content[{place}]"
            match part["type"]:
                case "image_url" if images:
                    check_image(sounds.whole(part["image_url"]["url"]), f"{param}.image_url.url")
                case "image_url":
                    raise CallerError(NO_IMAGES, code="unsupported_content_type", param=f"{param}.type")
                case "file":
                    raise CallerError(
                        "Files are not supported by this server. Send what is in them as text.",
                        code="unsupported_content_type",
                        param=f"{param}.type",
                    )


def _unsupported(param: str, value: str, supported: tuple[str, ...]) -> CallerError:
    values = " and ".join(f"'{one}'" for one in supported)
    return CallerError(
        f"Unsupported value: '{param}' does not support '{value[:100]}' on this server. "
        f"Supported values are: {values}.",
        code="unsupported_value",
        param=param,
    )


def _tokens(request: ChatRequest, sounds: LongStrings) -> tuple[int, int]:
    """Of text and images, and of sound: everything that a model has to read, its tools included."""
    characters = len(orjson.dumps(request.body["tools"])) if request.functions else 0
    # What was taken out and is no sound is text, wherever it stands.
    characters += sum(map(len, sounds.by_name.values()))
    audio_ms = image_tokens = 0
    for message in request.messages:
        characters += sum(len(text) for text in _texts(message))
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part["type"] == "input_audio":
                audio_ms += _duration_ms(part["input_audio"], sounds)
                characters -= sounds.taken_of(part["input_audio"]["data"])
            elif part["type"] == "image_url":
                image = part["image_url"]
                image_tokens += COARSE_IMAGE_TOKENS if image.get("detail") == "low" else IMAGE_TOKENS
                characters -= sounds.taken_of(image["url"].rpartition(",")[2])
        # An answer's own sound, put back as it came: it is not sent.
        characters -= sounds.taken_of((message.get("audio") or {}).get("data") or "")
    return image_tokens - (-characters // CHARACTERS_PER_TOKEN), -(-audio_ms // USER_AUDIO_MS_PER_TOKEN)


def _texts(message: Json) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if part["type"] in {"text", "refusal"}:
            yield part[part["type"]]
    for call in message.get("tool_calls") or ():
        yield call["function"]["name"]
        yield call["function"]["arguments"]
    audio = message.get("audio")
    if audio is not None:
        yield audio.get("transcript") or ""


def _duration_ms(sound: Json, sounds: LongStrings) -> int:
    byte_count = sounds.length_of(sound["data"]) * 3 // 4
    bytes_per_s = _MP3_BYTES_PER_S
    if sound["format"] == "wav":
        bytes_per_s = _wav_bytes_per_s(sounds.head_of(sound["data"])) or bytes_per_s
    return byte_count * 1000 // bytes_per_s


def _wav_bytes_per_s(head: str) -> int:
    """What the header says; 0 where there is none: then the model's server may find out what it is."""
    try:
        raw = pybase64.b64decode(head[: len(head) // 4 * 4])
    except ValueError:
        return 0
    at = raw.find(b"fmt ")
    if raw[:4] != b"RIFF" or at < 0 or at + 20 > len(raw):
        return 0
    (bytes_per_s,) = struct.unpack_from("<I", raw, at + 16)
    return int(bytes_per_s)
