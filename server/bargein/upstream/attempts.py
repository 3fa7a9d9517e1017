"""What is posted, and what is posted instead where the model's server has something against it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final, Protocol

import orjson
import structlog

from bargein.core.completion import AssistantMessage, CompletionRequest, UserAudio, UserMessage
from bargein.errors import AudioGone, UpstreamRefused
from bargein.upstream.config import UpstreamConfig
from bargein.upstream.dialects import dialect_of
from bargein.upstream.request import request_body
from bargein.upstream.voices import Voices

_OPTIONS: Final = {
    "reasoning_effort": re.compile(r"reasoning[_.]effort", re.IGNORECASE),
    "enable_thinking": re.compile(r"enable_thinking", re.IGNORECASE),
    "parallel_tool_calls": re.compile(r"parallel_tool_calls", re.IGNORECASE),
    "voice": re.compile(r"\b(?:voice|speaker)\b", re.IGNORECASE),
}
"""What a reply can do without, and how a refusal names it. Callers set these without knowing the model."""
_NEEDS_VOICE: Final = frozenset({"openai", "azure", "dashscope"})
_REMEMBERED_LIMIT: Final = 64
_LONG_BYTES: Final = 2 * 1024 * 1024
"""Of sound: as base64 and as JSON, sixteen megabytes of it take 25 ms."""

_log: Final = structlog.get_logger(__name__)


class Attempts(Protocol):
    """One request, as often as it has to be put."""

    @property
    def is_long(self) -> bool:
        """To write a body takes so long that it should be done beside the event loop."""
        ...

    def first(self) -> bytes:
        """The body to post."""
        ...

    def after(self, refused: UpstreamRefused) -> bytes | None:
        """The body to post instead; ``None`` where nothing else can be tried."""
        ...

    def answered(self) -> None:
        """Nothing is put again: let go of the body, which may hold the sound of a whole conversation."""
        ...


class Once:
    """An :class:`Attempts` of a single one."""

    is_long = False

    def __init__(self, body: bytes) -> None:
        self._body = body

    def first(self) -> bytes:
        return self._body

    def after(self, refused: UpstreamRefused) -> bytes | None:
        return None

    def answered(self) -> None:
        self._body = b""


class Asking:
    """How one model is asked. It remembers what its server refuses, so that it is refused once and not every turn."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._model = config.model
        self._dialect = dialect_of(config.server)
        self._voices = Voices(config)
        self._options = [name for name in _OPTIONS if name != "voice" or config.server not in _NEEDS_VOICE]
        self._refused: set[tuple[str, object]] = set()

    def attempts(self, request: CompletionRequest) -> Attempts:
        return _Adapting(self, replace(request, voice=self._voices.of(request.voice)))

    def body(self, request: CompletionRequest) -> dict[str, Any]:
        """The body without what the server is known to refuse."""
        body = request_body(request, self._model, self._dialect)
        for name, value in tuple(self._refused):
            if _option(body, name) == value:
                _leave_out(body, name)
        return body

    def learn(self, body: dict[str, Any], refused: UpstreamRefused) -> bool:
        """Whether the server has refused an option that can be left out, as it will be from now on."""
        if refused.http_status not in {400, 422} or len(self._refused) >= _REMEMBERED_LIMIT:
            return False
        for name in self._options:
            value = _option(body, name)
            if value is not None and _OPTIONS[name].search(f"{refused.param} {refused.message}"):
                if (name, value) not in self._refused:
                    said = refused.message
                    _log.warning("the model's server refuses an option", option=name, value=value, said=said)
                self._refused.add((name, value))
                return True
        return False


class _Adapting:
    """An :class:`Attempts` that leaves out what the server cannot take."""

    def __init__(self, asking: Asking, request: CompletionRequest) -> None:
        self._asking = asking
        self._request = request
        self._body: dict[str, Any] = {}

    @property
    def is_long(self) -> bool:
        sound_bytes = 0
        for message in self._request.messages:
            if isinstance(message, UserMessage):
                sound_bytes += sum([len(part.audio) for part in message.parts if isinstance(part, UserAudio)])
        return sound_bytes > _LONG_BYTES

    def first(self) -> bytes:
        self._body = self._asking.body(self._request)
        return orjson.dumps(self._body)

    def after(self, refused: UpstreamRefused) -> bytes | None:
        if isinstance(refused, AudioGone):
            if not any(
                isinstance(message, AssistantMessage) and message.audio_id for message in self._request.messages
            ):
                return None
            self._request = self._request.without_audio_references()
            return self.first()
        return self.first() if self._asking.learn(self._body, refused) else None

    def answered(self) -> None:
        self._body = {}


def _option(body: dict[str, Any], name: str) -> object:
    if name == "voice" and "voice" not in body:
        return body.get("audio", {}).get("voice")
    return body.get(name)


def _leave_out(body: dict[str, Any], name: str) -> None:
    body.pop(name, None)
    if name == "voice":
        body.get("audio", {}).pop("voice", None)
