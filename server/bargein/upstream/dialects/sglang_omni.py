"""sglang-omni (April 2026): the caller's speech travels in a list beside the messages, in their order."""

from __future__ import annotations

from typing import Any

from bargein.core.completion import CompletionRequest
from bargein.upstream.dialects.openai import OpenAICompatible

_SPEECH = "audio_url"


class SGLangOmni(OpenAICompatible):
    """An sglang-omni server. Its list takes paths and URLs; speech is sent as a data URL."""

    @property
    def keeps_audio(self) -> bool:
        return False

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request.without_audio_references().with_a_turn()

    def audio_part(self, base64: str, audio_format: str) -> dict[str, Any]:
        return {"type": _SPEECH, _SPEECH: f"data:audio/{audio_format};base64,{base64}"}

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        audios: list[str] = []
        for message in body["messages"]:
            if isinstance(parts := message.get("content"), list):
                audios += [part[_SPEECH] for part in parts if part["type"] == _SPEECH]
                message["content"] = "\n".join(part["text"] for part in parts if part["type"] == "text")
        if audios:
            body["audios"] = audios
