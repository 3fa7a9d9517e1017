"""OpenAI, Azure OpenAI, and whatever says that it is compatible."""

from __future__ import annotations

from typing import Any, Final

from bargein.core.completion import CompletionRequest, UserImage

_ENCODED: Final = frozenset({"mp3", "flac", "opus", "aac"})


class OpenAICompatible:
    """The plain dialect, for servers that may refuse options that they do not know."""

    @property
    def keeps_audio(self) -> bool:
        return True

    @property
    def encodes(self) -> frozenset[str]:
        return frozenset()

    @property
    def sees_images(self) -> bool:
        return False

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request

    def image_part(self, image: UserImage) -> dict[str, Any]:
        detail = {} if image.detail is None else {"detail": image.detail}
        return {"type": "image_url", "image_url": {"url": image.url, **detail}}

    def audio_part(self, base64: str, audio_format: str) -> dict[str, Any]:
        return {"type": "input_audio", "input_audio": {"data": base64, "format": audio_format}}

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        pass


class Azure(OpenAICompatible):
    """Azure OpenAI."""

    @property
    def encodes(self) -> frozenset[str]:
        return _ENCODED

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        _name_custom_voice(body)


class Generic(OpenAICompatible):
    """A server of which nothing is known: its chat template may want the last word to be the caller's or a tool's."""

    def fit(self, request: CompletionRequest) -> CompletionRequest:
        return request.with_a_turn()


class OpenAI(OpenAICompatible):
    """``api.openai.com``."""

    @property
    def encodes(self) -> frozenset[str]:
        return _ENCODED

    def finish(self, body: dict[str, Any], request: CompletionRequest) -> None:
        # Padding that hides the lengths of words from who watches the line: bytes that nobody here reads.
        body["stream_options"]["include_obfuscation"] = False
        _name_custom_voice(body)


def _name_custom_voice(body: dict[str, Any]) -> None:
    """A voice of the operator's own is named by an object."""
    voice = body.get("audio", {}).get("voice")
    if isinstance(voice, str) and voice.startswith("voice_"):
        body["audio"]["voice"] = {"id": voice}
