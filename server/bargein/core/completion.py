"""What the model is asked, and the pieces in which it answers: Chat Completions without its JSON.

The core builds a :class:`CompletionRequest`; ``bargein.upstream`` writes it as JSON and turns the server-sent events
into :data:`StreamPiece`. Both sides stay free of each other's shapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from bargein.core.audio import AudioFormat

YOUR_TURN: Final = "(It is your turn.)"
"""Stands for a turn of the caller's where there is none and a server wants one."""


SPEAK: Final = "Your answer came as text, without sound, and the caller can only hear you. Give it again, spoken aloud."
"""What a model is told that has answered in text although it was asked to speak."""


GO_ON: Final = (
    "A noise has interrupted you, nobody has spoken. Go on with what you were saying, exactly where it stops: repeat "
    "nothing, and do not mention the interruption."
)
"""What a model is told whose reply was cut for nothing, before all of it was there."""


@dataclass(frozen=True, slots=True)
class UserText:
    text: str


@dataclass(frozen=True, slots=True)
class UserAudio:
    """Speech of the caller: raw samples, no header."""

    audio: bytes
    format: AudioFormat


@dataclass(frozen=True, slots=True)
class UserImage:
    """A picture of the caller's."""

    url: str
    """``data:image/…;base64,…``."""
    detail: str | None = None
    """``low``, ``high`` or ``auto``, as the caller has said."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    call_id: str
    name: str
    arguments: str
    """JSON text, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class SystemMessage:
    text: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    parts: tuple[UserText | UserAudio | UserImage, ...]


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """What the model said: by reference to its audio, by text, or calls of tools."""

    text: str | None
    audio_id: str | None = None
    """Names the whole, unheard rest included: only for replies that were played to their end."""
    tool_calls: tuple[ToolCall, ...] = ()
    audio_ms: int = 0
    """How long the sound is that ``audio_id`` names."""


@dataclass(frozen=True, slots=True)
class ToolMessage:
    call_id: str
    output: str


ChatMessage = SystemMessage | UserMessage | AssistantMessage | ToolMessage


@dataclass(frozen=True, slots=True)
class ForcedFunction:
    """The one function that the model must call."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | ForcedFunction


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One request to the model."""

    messages: tuple[ChatMessage, ...]
    audio: bool
    """Whether speech is wanted beside the text."""
    voice: str | None
    """``None``: the caller has chosen none."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Function tools in the Realtime protocol's flat shape: ``type``, ``name``, ``description``, ``parameters``."""
    tool_choice: ToolChoice = "auto"
    max_output_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    model: str | None = None
    """Who is asked, where it is not the one who answers callers."""

    def asking_for_sound(self) -> CompletionRequest:
        """The same once more, for a model that has answered in text although it was asked to speak."""
        return replace(self, messages=(*self.messages, SystemMessage(SPEAK)))

    def going_on_after(self, text: str) -> CompletionRequest:
        """The same once more, for a reply that was cut for nothing.

        :param text: what will have been said of it beside what the conversation holds.
        """
        said = (AssistantMessage(text),) if text else ()
        return replace(self, messages=(*self.messages, *said, SystemMessage(GO_ON)))

    @property
    def awaits_reply(self) -> bool:
        """Whether the caller or a tool has the last word, so that there is something to answer."""
        spoken = [message for message in self.messages if not isinstance(message, SystemMessage)]
        return bool(spoken) and isinstance(spoken[-1], UserMessage | ToolMessage)

    def with_a_turn(self) -> CompletionRequest:
        """The same, but that it ends with the caller's turn where it does not: for servers whose models, or chat
        templates, only answer somebody.
        """
        if self.awaits_reply:
            return self
        return replace(self, messages=(*self.messages, UserMessage((UserText(YOUR_TURN),))))

    def without_audio_references(self) -> CompletionRequest:
        """The same request with every ``audio_id`` replaced by its text, for an upstream that has forgotten it."""
        messages = tuple(
            AssistantMessage(message.text, None, message.tool_calls)
            if isinstance(message, AssistantMessage)
            else message
            for message in self.messages
        )
        return replace(self, messages=messages)


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """Reply audio, PCM16 mono 24 kHz: base64 text passed through as it came, or bytes where it had to be decoded."""

    audio: str | bytes
    sample_count: int


@dataclass(frozen=True, slots=True)
class TranscriptPiece:
    """Words of the reply's audio; they run ahead of the sound."""

    text: str


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Text of a reply without sound."""

    text: str


LONGEST_READ: Final = 65_536
"""Characters of a call's arguments; of longer ones it is not looked whether they are whole."""


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A fragment of a tool call. The first of an ``index`` carries ``call_id`` and ``name``."""

    index: int
    call_id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class AudioReference:
    """The name under which the upstream remembers this reply's audio."""

    audio_id: str
    expires_at: int | None
    """Unix seconds; ``None`` while unknown."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one response, in the Realtime protocol's terms."""

    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    cached_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    estimated: bool = False
    """True where the upstream reported nothing, as after a cancelled stream."""
    output_audio_ms: int = field(default=0, compare=False)
    """How long the sound is that was made: some are paid by the second."""

    def __add__(self, other: Usage) -> Usage:
        """Of two requests for one response."""
        return Usage(
            self.input_text_tokens + other.input_text_tokens,
            self.input_audio_tokens + other.input_audio_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_text_tokens + other.output_text_tokens,
            self.output_audio_tokens + other.output_audio_tokens,
            self.estimated or other.estimated,
            self.output_audio_ms + other.output_audio_ms,
        )

    @property
    def input_tokens(self) -> int:
        return self.input_text_tokens + self.input_audio_tokens

    @property
    def output_tokens(self) -> int:
        return self.output_text_tokens + self.output_audio_tokens

    def by_kind(self) -> dict[str, int]:
        """Its counts by name, as the log has them: what a bill is made of. ``cached`` is part of the input."""
        return {
            "input_text": self.input_text_tokens,
            "input_audio": self.input_audio_tokens,
            "cached": self.cached_tokens,
            "output_text": self.output_text_tokens,
            "output_audio": self.output_audio_tokens,
        }


FinishReason = Literal["stop", "tool_calls", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Finished:
    """The stream came to its end. Nothing follows."""

    reason: FinishReason


StreamPiece = AudioPiece | TranscriptPiece | TextPiece | ToolCallPiece | AudioReference | Usage | Finished


def is_whole(arguments: str) -> bool:
    """Whether the arguments of a call are the object that a function takes: the model may have been cut off while it
    wrote them.
    """
    if len(arguments) > LONGEST_READ:
        return False
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False
