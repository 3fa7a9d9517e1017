"""OpenAI, Azure OpenAI, and whatever says that it is compatible."""

from __future__ import annotations

from typing import Any

from bargein.core.completion import CompletionRequest


class OpenAICompatible:
    """The plain dialect: Azure and unknown servers, which may refuse options that they do not know."""

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request

    def audio_part(self, wav_base64: str) -> dict[str, Any]:
        return {"type": "input_audio", "input_audio": {"data": wav_base64, "format": "wav"}}

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        pass


class OpenAI(OpenAICompatible):
    """``api.openai.com``."""

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        # Padding that hides the lengths of words from who watches the line: bytes that nobody here reads.
        body["stream_options"]["include_obfuscation"] = False
