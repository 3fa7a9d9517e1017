"""sglang-omni (April 2026): the caller's speech and pictures travel in lists beside the messages, in their order."""

from __future__ import annotations

from typing import Any

from bargein.core.completion import CompletionRequest
from bargein.upstream.dialects.openai import OpenAICompatible

_SPEECH = "audio_url"
_IMAGE = "image_url"


class SGLangOmni(OpenAICompatible):
    """An sglang-omni server. Its lists take paths and URLs; speech and pictures are sent as data URLs."""

    @property
    def keeps_audio(self) -> bool:
        return False

    @property
    def sees_images(self) -> bool:
        return True

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request.without_audio_references().with_a_turn()

    def audio_part(self, base64: str, audio_format: str) -> dict[str, Any]:
        return {"type": _SPEECH, _SPEECH: f"data:audio/{audio_format};base64,{base64}"}

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        body.pop("reasoning_effort", None)
        body.pop("parallel_tool_calls", None)
        audios: list[str] = []
        images: list[str] = []
        for message in body["messages"]:
            if isinstance(parts := message.get("content"), list):
                audios += [part[_SPEECH] for part in parts if part["type"] == _SPEECH]
                images += [part[_IMAGE]["url"] for part in parts if part["type"] == _IMAGE]
                message["content"] = "\n".join(part["text"] for part in parts if part["type"] == "text")
        if audios:
            body["audios"] = audios
        if images:
            body["images"] = images
