"""Alibaba DashScope's Qwen-Omni models.

Audio in a message needs the beginning of a data URL, audio out is asked for as WAV and comes as PCM16 without a header
all the same, and what the assistant said before is told as text only. One kind of sound or picture a message is
allowed, beside text; callers send no pictures.
"""

from __future__ import annotations

from typing import Any

from bargein.core.completion import CompletionRequest
from bargein.upstream.dialects.openai import OpenAICompatible


class DashScope(OpenAICompatible):
    """``dashscope.aliyuncs.com`` and its other regions."""

    @property
    def keeps_audio(self) -> bool:
        return False

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request.without_audio_references().with_a_turn()

    def audio_part(self, base64: str, audio_format: str) -> dict[str, Any]:
        return {"type": "input_audio", "input_audio": {"data": f"data:;base64,{base64}", "format": audio_format}}

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        if "audio" in body:
            body["audio"]["format"] = "wav"
        if "max_completion_tokens" in body:
            body["max_tokens"] = body.pop("max_completion_tokens")
