"""Alibaba DashScope's Qwen-Omni models.

Audio in a message needs the beginning of a data URL, audio out is asked for as WAV and comes as PCM16 without a header
all the same, and what the assistant said before is told as text only. Beside text a message may hold sound or pictures,
not both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bargein.core.completion import ChatMessage, CompletionRequest, UserAudio, UserImage, UserMessage, UserText
from bargein.upstream.dialects.openai import OpenAICompatible


def _of_one_kind(message: ChatMessage) -> Iterator[ChatMessage]:
    """``message``, or several in its place: at each change between sound and pictures another begins."""
    if not isinstance(message, UserMessage):
        yield message
        return
    parts: list[UserText | UserAudio | UserImage] = []
    for part in message.parts:
        other = {UserAudio: UserImage, UserImage: UserAudio}.get(type(part))
        if other is not None and any(isinstance(before, other) for before in parts):
            yield UserMessage(tuple(parts))
            parts = []
        parts.append(part)
    yield UserMessage(tuple(parts))


class DashScope(OpenAICompatible):
    """``dashscope.aliyuncs.com`` and its other regions."""

    @property
    def keeps_audio(self) -> bool:
        return False

    @property
    def sees_images(self) -> bool:
        return True

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        fitted = request.without_audio_references().with_a_turn()
        return replace(fitted, messages=tuple(one for message in fitted.messages for one in _of_one_kind(message)))

    def audio_part(self, base64: str, audio_format: str) -> dict[str, Any]:
        return {"type": "input_audio", "input_audio": {"data": f"data:;base64,{base64}", "format": audio_format}}

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        if "audio" in body:
            body["audio"]["format"] = "wav"
        if "max_completion_tokens" in body:
            body["max_tokens"] = body.pop("max_completion_tokens")
        effort = body.pop("reasoning_effort", None)
        if effort is not None and not request.audio:
            # Replies with sound are made without thinking.
            body["enable_thinking"] = effort not in {"none", "minimal"}
