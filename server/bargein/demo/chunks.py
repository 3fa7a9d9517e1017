"""The chunks of a streamed completion: exact shapes of the Chat Completions API with audio."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
import pybase64

DONE = b"data: [DONE]\n\n"


def new_id(prefix: str) -> str:
    """An id such as the API makes them."""
    return f"{prefix}{secrets.token_hex(12)}"


def event(chunk: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


@dataclass(frozen=True, slots=True)
class Chunks:
    """Makes the chunks of one reply."""

    model: str
    id: str = field(default_factory=lambda: new_id("chatcmpl-"))
    created: int = field(default_factory=lambda: int(time.time()))
    usage_asked: bool = False

    def _chunk(self, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        base = {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
        return base | fields | ({"usage": None} if self.usage_asked and "usage" not in fields else {})

    def delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        """A chunk with one choice."""
        return self._chunk(choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])

    def role(self) -> dict[str, Any]:
        return self.delta({"role": "assistant", "refusal": None})

    def first_transcript(self, audio_id: str, transcript: str) -> dict[str, Any]:
        return self.delta({"content": None, "audio": {"id": audio_id, "transcript": transcript}})

    def transcript(self, transcript: str) -> dict[str, Any]:
        return self.delta({"audio": {"transcript": transcript}})

    def audio(self, data: bytes) -> dict[str, Any]:
        return self.delta({"audio": {"data": pybase64.b64encode(data).decode("ascii")}})

    def content(self, text: str) -> dict[str, Any]:
        return self.delta({"content": text})

    def audio_as_content(self, data: bytes, rate_hz: int) -> dict[str, Any]:
        """Audio as vLLM-Omni sends it: in ``delta.content``, marked by a modality."""
        metadata = {"format": "pcm16", "sample_rate_hz": rate_hz, "frame_count": len(data) // 2, "channels": 1}
        chunk = self.content(pybase64.b64encode(data).decode("ascii"))
        chunk["choices"][0]["audio_metadata"] = metadata
        return chunk | {"modality": "audio"}

    def heartbeat(self) -> dict[str, Any]:
        """A chunk without any choices, as servers were seen to send them: the SDKs' own loops fail on it."""
        return self._chunk()

    def call_begins(self, call_id: str, name: str) -> dict[str, Any]:
        call = {"index": 0, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        return self.delta({"role": "assistant", "content": None, "tool_calls": [call]})

    def call_arguments(self, fragment: str) -> dict[str, Any]:
        return self.delta({"tool_calls": [{"index": 0, "function": {"arguments": fragment}}]})

    def usage(self, usage: dict[str, Any]) -> dict[str, Any]:
        return self._chunk(choices=[], usage=usage)

    def expires(self, expires_unix_s: int, finish_reason: str | None) -> dict[str, Any]:
        return self.delta({"audio": {"expires_at": expires_unix_s}}, finish_reason)

    def whole(self, message: dict[str, Any], finish_reason: str, usage: dict[str, Any]) -> dict[str, Any]:
        """The answer that is not streamed."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "refusal": None} | message,
            "finish_reason": finish_reason,
        }
        base = {"id": self.id, "object": "chat.completion", "created": self.created, "model": self.model}
        return base | {"choices": [choice | {"logprobs": None}], "usage": usage}
