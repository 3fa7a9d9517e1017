"""How large messages are: the bytes that they take in a request, and their tokens, estimated.

A caller's sound is a token for each 100 ms, the agent's one for each 50 ms, as the Realtime API counts them; what the
model said before is its own sound again where it is told by its name.
"""

from __future__ import annotations

from typing import Final

from bargein.core.completion import (
    AssistantMessage,
    ChatMessage,
    SystemMessage,
    ToolMessage,
    UserAudio,
    UserImage,
    UserMessage,
    UserText,
)

USER_AUDIO_MS_PER_TOKEN: Final = 100
REPLY_AUDIO_MS_PER_TOKEN: Final = 50
CHARACTERS_PER_TOKEN: Final = 4
IMAGE_TOKENS: Final = 1000
"""About what a square of 1024 pixels is to the models that see."""
COARSE_IMAGE_TOKENS: Final = 85
"""With ``detail: "low"``."""
MESSAGE_OVERHEAD_BYTES: Final = 200
WAV_HEADER_BYTES: Final = 44
ENCODED_TO_COUNT: Final = 4096
"""Characters."""


def size_bytes(message: ChatMessage) -> int:
    """Bytes that a message takes in a request: sound is base64 of a WAV file with PCM16 samples."""
    match message:
        case SystemMessage(text):
            return utf8_bytes(text) + MESSAGE_OVERHEAD_BYTES
        case UserMessage(parts):
            return MESSAGE_OVERHEAD_BYTES + sum(_part_bytes(part) for part in parts)
        case AssistantMessage():
            arguments = sum(utf8_bytes(call.arguments) + MESSAGE_OVERHEAD_BYTES for call in message.tool_calls)
            return utf8_bytes(message.text or "") + arguments + MESSAGE_OVERHEAD_BYTES
        case ToolMessage(_, output):
            return utf8_bytes(output) + MESSAGE_OVERHEAD_BYTES


def size_tokens(message: ChatMessage) -> int:
    """A message's tokens: four characters of text are one."""
    match message:
        case SystemMessage(text):
            return text_tokens(text)
        case UserMessage(parts):
            return sum(_part_tokens(part) for part in parts)
        case AssistantMessage():
            calls = sum(text_tokens(call.name + call.arguments) for call in message.tool_calls)
            return text_tokens(message.text or "") + calls + audio_tokens(message)
        case ToolMessage(_, output):
            return text_tokens(output)


def audio_tokens(message: ChatMessage) -> int:
    """Those of its tokens that are sound."""
    match message:
        case UserMessage(parts):
            return sum(_part_tokens(part) for part in parts if isinstance(part, UserAudio))
        case AssistantMessage() if message.audio_id is not None:
            return -(-message.audio_ms // REPLY_AUDIO_MS_PER_TOKEN)
        case _:
            return 0


def utf8_bytes(text: str) -> int:
    """At most so many bytes in UTF-8: exact for what is short or ASCII, for the rest is not encoded to be counted."""
    if text.isascii():
        return len(text)
    return len(text.encode()) if len(text) <= ENCODED_TO_COUNT else 4 * len(text)


def text_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _part_bytes(part: UserText | UserAudio | UserImage) -> int:
    match part:
        case UserText(text):
            return utf8_bytes(text)
        case UserImage(url):
            return len(url)
        case UserAudio(audio, fmt):
            return (WAV_HEADER_BYTES + 2 * fmt.samples_of(len(audio)) + 2) // 3 * 4


def _part_tokens(part: UserText | UserAudio | UserImage) -> int:
    match part:
        case UserText(text):
            return text_tokens(text)
        case UserImage(_, detail):
            return COARSE_IMAGE_TOKENS if detail == "low" else IMAGE_TOKENS
        case UserAudio(audio, fmt):
            return -(-fmt.ms_of(fmt.samples_of(len(audio))) // USER_AUDIO_MS_PER_TOKEN)
