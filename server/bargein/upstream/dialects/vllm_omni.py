"""vLLM-Omni: the voice stands beside ``audio``, not in it, and replies cannot be referred to by their audio's id."""

from __future__ import annotations

from typing import Any

from bargein.core.completion import CompletionRequest
from bargein.upstream.dialects.openai import OpenAICompatible


class VLLMOmni(OpenAICompatible):
    """A vLLM-Omni server (0.30)."""

    @property
    def keeps_audio(self) -> bool:
        return False

    @property
    def sees_images(self) -> bool:
        return True

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request.without_audio_references().with_a_turn()

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        if request.audio:
            body["audio"] = {"format": "pcm16"}
            if request.voice is not None:
                body["voice"] = request.voice
