"""The audio half of a session: formats, transcription, turn detection, voice.

See :mod:`bargein.wire.session_models` for how these models are used.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from bargein.wire.format_names import FORMAT_NAMES, format_of_name
from bargein.wire.validation import no_larger_than, only_one_unknown, refuse

JsonValue = Any
NonEmpty = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Word = Annotated[str, StringConstraints(max_length=512)]
Words = Annotated[list[Word], Field(max_length=256, fail_fast=True)]
FreeForm = Annotated[JsonValue, no_larger_than(16_384)]


class Fields(BaseModel):
    """What all groups of fields share: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    _NULL_IS_ABSENT: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _drop_meaningless_nulls(cls, value: JsonValue) -> JsonValue:
        if not isinstance(value, dict):
            return value
        value = only_one_unknown(value, cls.model_fields)
        return {key: inner for key, inner in value.items() if inner is not None or key not in cls._NULL_IS_ABSENT}


def _whole(value: JsonValue) -> JsonValue:
    """Some languages write every number with a decimal point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class PcmFormat(Fields):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Annotated[Literal[8000, 16000, 24000, 32000, 48000], BeforeValidator(_whole)] = 24000

    _NULL_IS_ABSENT = frozenset({"rate"})


class PcmuFormat(Fields):
    """``rate`` may be said, and is not echoed: the protocol has none."""

    type: Literal["audio/pcmu"] = "audio/pcmu"
    rate: Annotated[Literal[8000], BeforeValidator(_whole), Field(exclude=True)] = 8000

    _NULL_IS_ABSENT = frozenset({"rate"})


class PcmaFormat(Fields):
    """As of µ-law."""

    type: Literal["audio/pcma"] = "audio/pcma"
    rate: Annotated[Literal[8000], BeforeValidator(_whole), Field(exclude=True)] = 8000

    _NULL_IS_ABSENT = frozenset({"rate"})


_TYPES: Final = ("audio/pcm", "audio/pcmu", "audio/pcma")


def _format_object(value: JsonValue) -> JsonValue:
    """A format without a type is PCM16; in one word, as the beta has it, or as its type alone, it is as clear."""
    if isinstance(value, dict):
        return {**value, "type": "audio/pcm"} if value.get("type") is None else value
    if not isinstance(value, str):
        return value
    if value in _TYPES:
        return {"type": value}
    found = format_of_name(value)
    if found is None:
        objects = ", ".join(f'{{"type": "{one}"}}' for one in _TYPES)
        names = ", ".join(f"'{name}'" for name in FORMAT_NAMES)
        refuse(f"Invalid value: '{value[:100]}'. Supported values are: {objects}, or {names}.", "invalid_value")
    return found


Format = Annotated[PcmFormat | PcmuFormat | PcmaFormat, Field(discriminator="type"), BeforeValidator(_format_object)]


class Transcription(Fields):
    model: NonEmpty = "gpt-transcribe"
    language: Word | None = None
    prompt: Annotated[str, StringConstraints(max_length=16_384)] | None = None
    languages: Words | None = None
    keywords: Words | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None

    _NULL_IS_ABSENT = frozenset({"model"})


class NoiseReduction(Fields):
    type: Literal["near_field", "far_field"]
    strength: float | None = None


class ServerVad(Fields):
    type: Literal["server_vad"] = "server_vad"
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0)] = 500
    idle_timeout_ms: Annotated[int, Field(ge=5000, le=30000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True

    _NULL_IS_ABSENT = frozenset(
        {"threshold", "prefix_padding_ms", "silence_duration_ms", "create_response", "interrupt_response"}
    )


class SemanticVad(Fields):
    """``model_version`` is sent by SDKs and not echoed."""

    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True
    model_version: Annotated[FreeForm, Field(exclude=True)] = None

    _NULL_IS_ABSENT = frozenset({"eagerness", "create_response", "interrupt_response"})


def _with_type(value: JsonValue) -> JsonValue:
    """Without a type it is the one that the protocol has as its default, but for what only the other one has."""
    if isinstance(value, dict) and value.get("type") is None:
        return {**value, "type": "semantic_vad" if "eagerness" in value else "server_vad"}
    return value


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type"), BeforeValidator(_with_type)]


class AudioInput(Fields):
    format: Format = PcmFormat()
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = ServerVad()
    echo_cancellation: bool | None = None
    """Our own: whether the caller's loudspeaker is heard by its microphone; ``None``: to be found out."""

    _NULL_IS_ABSENT = frozenset({"format"})


REALTIME_VOICES: Final = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"}
)
"""The voices that the protocol names; callers may choose others all the same."""


def _voice_name(value: JsonValue) -> JsonValue:
    """A custom voice comes as ``{"id": ...}`` and is kept by its id: clients want a string echoed."""
    return value["id"] if isinstance(value, dict) and value.keys() == {"id"} else value


Voice = Annotated[NonEmpty, BeforeValidator(_voice_name)]


class AudioOutput(Fields):
    format: Format = PcmFormat()
    voice: Voice | None = None
    """``None``: not chosen, the server's default is shown."""
    speed: Annotated[float, Field(ge=0.25, le=1.5)] = 1.0

    _NULL_IS_ABSENT = frozenset({"format", "voice", "speed"})


class Audio(Fields):
    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()

    _NULL_IS_ABSENT = frozenset({"input", "output"})
