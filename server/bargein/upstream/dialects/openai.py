"""OpenAI, Azure OpenAI, and whatever says that it is compatible."""

from __future__ import annotations

from typing import Any

from bargein.core.completion import CompletionRequest


class OpenAICompatible:
    """The plain dialect, of Azure too, which may refuse options that it does not know."""

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request

    def audio_part(self, wav_base64: str) -> dict[str, Any]:
        return {"type": "input_audio", "input_audio": {"data": wav_base64, "format": "wav"}}

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        pass


class Generic(OpenAICompatible):
    """A server of which nothing is known: its chat template may want the last word to be the caller's or a tool's."""

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request.with_a_turn()


class OpenAI(OpenAICompatible):
    """``api.openai.com``."""

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        # Padding that hides the lengths of words from who watches the line: bytes that nobody here reads.
        body["stream_options"]["include_obfuscation"] = False
