"""What was said in a call, in the server's words (sans-IO): messages of the server in, both sides' words out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

_CALLER = "conversation.item.input_audio_transcription."
_WORDS_OF_AGENT = (
    "response.output_audio_transcript.delta", "response.output_text.delta",
    "response.output_audio_transcript.done", "response.output_text.done",
)  # fmt: skip


@dataclass(slots=True)
class CallerWords:
    """What the server understood in one item of the caller's speech."""

    text: str = ""
    done: bool = False
    """It will not change any more."""
    failed: str | None = None
    """Why there are no words, as the server gave it."""


@dataclass(slots=True)
class AgentWords:
    """What one response says.

    :ivar cut: the words that were heard and those that were not, where the server has told them.
    """

    parts: dict[tuple[str, int], str] = field(default_factory=dict)
    cut: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        return " ".join(part.strip() for part in self.parts.values() if part.strip())


@dataclass(slots=True)
class Transcript:
    """The words of a call so far: of the caller by item, of the agent by response."""

    caller: dict[str, CallerWords] = field(default_factory=dict)
    agent: dict[str, AgentWords] = field(default_factory=dict)

    def receive(self, message: bytes) -> bool:
        """One JSON event of the server; whether it told anything of words."""
        event: dict[str, Any] = orjson.loads(message)
        kind = str(event.get("type", ""))
        if kind.startswith(_CALLER):
            self._hear_caller(kind.removeprefix(_CALLER), event)
        elif kind in _WORDS_OF_AGENT:
            self._hear_agent(kind, event)
        elif kind == "bargein.cut":
            words = self.agent.setdefault(event["response_id"], AgentWords())
            words.cut = (event["heard_text"].strip(), event["unheard_text"].strip())
        else:
            return False
        return True

    def awaits(self, item_id: str) -> bool:
        """Whether the words of this item of the caller may still come."""
        words = self.caller.get(item_id)
        return words is None or not words.done

    def _hear_caller(self, kind: str, event: Mapping[str, Any]) -> None:
        words = self.caller.setdefault(event["item_id"], CallerWords())
        match kind:
            case "delta":
                words.text += event.get("delta") or ""
            case "completed":
                words.text, words.done = event.get("transcript") or "", True
            case "failed":
                words.failed, words.done = (event.get("error") or {}).get("message") or "no reason given", True

    def _hear_agent(self, kind: str, event: Mapping[str, Any]) -> None:
        parts = self.agent.setdefault(event["response_id"], AgentWords()).parts
        part = (event.get("item_id") or "", event.get("content_index") or 0)
        if kind.endswith(".done"):
            parts[part] = event.get("transcript") or event.get("text") or parts.get(part, "")
        else:
            parts[part] = parts.get(part, "") + event["delta"]
