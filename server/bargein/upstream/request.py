"""A completion request as Chat Completions JSON, in OpenAI's own terms; dialects change what their servers want
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, assert_never

import pybase64

from bargein.core.audio import Encoding
from bargein.core.completion import (
    AssistantMessage,
    ChatMessage,
    CompletionRequest,
    ForcedFunction,
    SystemMessage,
    ToolChoice,
    ToolMessage,
    UserAudio,
    UserImage,
    UserMessage,
    UserText,
)
from bargein.sound import g711, wav


class Dialect(Protocol):
    """Where a server's requests differ. Answers differ too, but one reader understands them all."""

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        """The request without what this server cannot take."""
        ...

    @property
    def keeps_audio(self) -> bool:
        """Whether a reply's sound can be referred to by its id."""
        ...

    @property
    def encodes(self) -> frozenset[str]:
        """Formats of sound beside PCM16 and WAV in which whole answers can be had."""
        ...

    @property
    def sees_images(self) -> bool:
        """Its models take images, as far as is known."""
        ...

    def image_part(self, image: UserImage) -> dict[str, Any]:
        """A picture of the caller's as a part of a message."""
        ...

    def audio_part(self, base64: str, audio_format: str) -> dict[str, Any]:
        """The caller's speech, ``wav`` or ``mp3``, as a part of a message."""
        ...

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        """Change the finished body in place."""
        ...


def request_body(request: CompletionRequest, model: str, dialect: Dialect) -> dict[str, Any]:
    """The JSON object to post. Always asks for a stream with usage, and for sound as PCM16 where it asks for sound.

    Messages without content are left out: servers refuse them. The voice is passed through, whatever its name.
    """
    request = dialect.fit(request)
    body: dict[str, Any] = {
        "model": model,
        "modalities": ["text", "audio"] if request.audio else ["text"],
        "messages": [written for message in request.messages if (written := _message(message, dialect)) is not None],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.audio:
        body["audio"] = {"format": "pcm16"} if request.voice is None else {"voice": request.voice, "format": "pcm16"}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["tool_choice"] = _tool_choice(request.tool_choice)
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.max_output_tokens is not None:
        body["max_completion_tokens"] = request.max_output_tokens
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    dialect.finish(body, request)
    return body


def wav_of(speech: UserAudio) -> bytes:
    """The caller's speech as a WAV file: PCM16 at its own rate."""
    return wav.wrap(_pcm16(speech), speech.format.rate_hz)


def _pcm16(speech: UserAudio) -> bytes:
    match speech.format.encoding:
        case Encoding.PCM16:
            return speech.audio
        case Encoding.PCMU:
            return g711.ulaw_to_pcm16(speech.audio).tobytes()
        case Encoding.PCMA:
            return g711.alaw_to_pcm16(speech.audio).tobytes()


def _message(message: ChatMessage, dialect: Dialect) -> dict[str, Any] | None:
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text} if text else None
        case UserMessage((UserText(text),)):
            return {"role": "user", "content": text} if text else None
        case UserMessage(parts):
            content = [_part(part, dialect) for part in parts]
            return {"role": "user", "content": content} if content else None
        case AssistantMessage():
            return _assistant(message)
        case ToolMessage(call_id, output):
            return {"role": "tool", "tool_call_id": call_id, "content": output}
        case _:
            assert_never(message)


def _part(part: UserText | UserAudio | UserImage, dialect: Dialect) -> dict[str, Any]:
    match part:
        case UserText(text):
            return {"type": "text", "text": text}
        case UserAudio():
            return dialect.audio_part(pybase64.b64encode_as_string(wav_of(part)), "wav")
        case UserImage():
            return dialect.image_part(part)


def _assistant(message: AssistantMessage) -> dict[str, Any] | None:
    written: dict[str, Any] = {"role": "assistant"}
    if message.audio_id is not None:
        written["audio"] = {"id": message.audio_id}
    elif message.text:
        written["content"] = message.text
    if message.tool_calls:
        written.setdefault("content", None)
        written["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return written if len(written) > 1 else None


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """From the Realtime protocol's flat shape to the nested one."""
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if isinstance(choice, ForcedFunction):
        return {"type": "function", "function": {"name": choice.name}}
    return choice
