"""The messages of a request: roles, texts, sounds, and that every tool call has its answer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bargein.demo.api_errors import ApiError, missing, wrong_type, wrong_value
from bargein.demo.speech import Samples
from bargein.sound.wav import NotWavError, read

_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_INPUT_FORMATS: Final = ("wav", "mp3")
_PART_TYPES: Final = {"user": ("text", "input_audio"), "assistant": ("text", "refusal")}


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound in a message: mono, at its own rate."""

    samples: Samples
    rate_hz: int

    @property
    def duration_ms(self) -> int:
        return len(self.samples) * 1000 // self.rate_hz


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    :ivar text: its text parts.
    :ivar sounds: its audio parts.
    :ivar audio_id: the earlier reply that it refers to, and no text then.
    :ivar calls: ids of the tool calls that it made.
    :ivar call_id: of the call that it answers.
    """

    role: str
    text: str = ""
    sounds: tuple[Sound, ...] = ()
    audio_id: str | None = None
    calls: tuple[str, ...] = ()
    call_id: str | None = None


def parse_messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Check the messages of a request.

    :raises ApiError: one is wrong; the error names it.
    """
    messages = body.get("messages")
    if messages is None:
        raise missing("messages")
    if not isinstance(messages, list):
        raise wrong_type("messages", "an array of objects", messages)
    if not messages:
        raise ApiError(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param="messages",
            code="empty_array",
        )
    parsed = tuple(_message(message, f"messages[{index}]") for index, message in enumerate(messages))
    _check_calls(parsed)
    return parsed


def _check_calls(messages: tuple[Message, ...]) -> None:
    """Every call has its answer right behind it, and every answer its call."""
    unanswered: list[str] = []
    for index, message in enumerate(messages):
        if message.role == "tool":
            if message.call_id not in unanswered:
                raise ApiError(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    param=f"messages.[{index}].role",
                )
            unanswered.remove(message.call_id)
            continue
        if unanswered:
            break
        unanswered = list(message.calls)
    if unanswered:
        raise ApiError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(unanswered)}",
            param="messages",
        )


def _message(message: object, at: str) -> Message:
    if not isinstance(message, dict):
        raise wrong_type(at, "an object", message)
    role = message.get("role")
    if role not in _ROLES:
        raise missing(f"{at}.role") if role is None else wrong_value(f"{at}.role", role, _ROLES)
    audio = message.get("audio")
    calls = tuple(str(call.get("id")) for call in message.get("tool_calls") or ())
    if role == "assistant" and isinstance(audio, dict):
        return Message(role, audio_id=str(audio.get("id")), calls=calls)
    content = message.get("content")
    if content is None and not calls:
        raise missing(f"{at}.content")
    parts = list(_parts(content, role, f"{at}.content"))
    text = " ".join(part for part in parts if isinstance(part, str))
    sounds = tuple(part for part in parts if isinstance(part, Sound))
    call_id = message.get("tool_call_id")
    if role == "tool" and not isinstance(call_id, str):
        raise missing(f"{at}.tool_call_id")
    return Message(role, text, sounds, None, calls, call_id)


def _parts(content: object, role: str, at: str) -> Iterator[str | Sound]:
    if content is None or isinstance(content, str):
        yield content or ""
        return
    if not isinstance(content, list):
        raise wrong_type(at, "one of a string or array of objects", content)
    allowed = _PART_TYPES.get(role, ("text",))
    for index, part in enumerate(content):
        here = f"{at}[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in allowed:
            raise wrong_value(f"{here}.type", kind, allowed)
        if kind == "input_audio":
            yield _sound(part.get("input_audio"), f"{here}.input_audio")
        elif not isinstance(part.get(kind), str):
            raise missing(f"{here}.{kind}")
        else:
            yield part[kind]


def _sound(audio: object, at: str) -> Sound:
    if not isinstance(audio, dict):
        raise missing(at)
    for name in ("data", "format"):
        if not isinstance(audio.get(name), str):
            raise missing(f"{at}.{name}")
    if audio["format"] not in _INPUT_FORMATS:
        raise wrong_value(f"{at}.format", audio["format"], _INPUT_FORMATS)
    if audio["format"] != "wav":
        raise ApiError("The demo model reads only wav.", param=f"{at}.format")
    try:
        wav = read(base64.b64decode(audio["data"], validate=True))
    except binascii.Error:
        raise ApiError("Invalid base64 in input_audio.", param=f"{at}.data", code="invalid_value") from None
    except NotWavError as error:
        raise ApiError(f"The audio could not be read: {error}", param=f"{at}.data", code="invalid_value") from None
    return Sound(wav.mono, wav.rate_hz)
