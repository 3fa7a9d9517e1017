"""The fields of a session and of ``response.create``, with their ranges and defaults.

Each model is at once the rule for what a caller may send and, with its defaults filled in, the state that is kept. A
field that may be null although null means nothing (SDKs send such nulls for "not given") is listed in
``_NULL_IS_ABSENT``. Source: reference, section "Session object"; ``openai.types.realtime``.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from bargein.wire.validation import refuse

Json = dict[str, Any]
JsonValue = Any


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    _NULL_IS_ABSENT: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _drop_meaningless_nulls(cls, value: JsonValue) -> JsonValue:
        if not isinstance(value, dict):
            return value
        return {key: inner for key, inner in value.items() if inner is not None or key not in cls._NULL_IS_ABSENT}


# Audio.


class PcmFormat(_Fields):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000

    _NULL_IS_ABSENT = frozenset({"rate"})


class PcmuFormat(_Fields):
    type: Literal["audio/pcmu"] = "audio/pcmu"


class PcmaFormat(_Fields):
    type: Literal["audio/pcma"] = "audio/pcma"


Format = Annotated[PcmFormat | PcmuFormat | PcmaFormat, Field(discriminator="type")]

NonEmpty = Annotated[str, StringConstraints(min_length=1)]


class Transcription(_Fields):
    """``languages``, ``keywords`` and ``delay`` are taken and not used: the recogniser has no such switch."""

    model: NonEmpty = "whisper-1"
    language: str | None = None
    prompt: str | None = None
    languages: list[str] | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None

    _NULL_IS_ABSENT = frozenset({"model"})


class NoiseReduction(_Fields):
    """Taken and echoed; there is nothing behind it."""

    type: Literal["near_field", "far_field"]
    strength: float | None = None


class ServerVad(_Fields):
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


class SemanticVad(_Fields):
    """``model_version`` is sent by SDKs, taken, and neither used nor echoed."""

    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True
    model_version: Annotated[JsonValue, Field(exclude=True)] = None

    _NULL_IS_ABSENT = frozenset({"eagerness", "create_response", "interrupt_response"})


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class AudioInput(_Fields):
    format: Format = PcmFormat()
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = ServerVad()

    _NULL_IS_ABSENT = frozenset({"format"})


def _voice_name(value: JsonValue) -> JsonValue:
    """A custom voice comes as ``{"id": ...}`` and is kept by its id: clients want a string echoed."""
    return value["id"] if isinstance(value, dict) and value.keys() == {"id"} else value


Voice = Annotated[NonEmpty, BeforeValidator(_voice_name)]


class AudioOutput(_Fields):
    format: Format = PcmFormat()
    voice: Voice = "alloy"
    speed: Annotated[float, Field(ge=0.25, le=1.5)] = 1.0

    _NULL_IS_ABSENT = frozenset({"format", "voice", "speed"})


class Audio(_Fields):
    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()

    _NULL_IS_ABSENT = frozenset({"input", "output"})


# Tools.

_NO_MCP: Final = (
    "MCP tools are not supported by this server. Use tools of type 'function' and call the MCP server from your client."
)


class FunctionTool(_Fields):
    type: Literal["function"] = "function"
    name: NonEmpty
    description: str | None = None
    parameters: Json | None = None

    _NULL_IS_ABSENT = frozenset({"description", "parameters"})


def _no_mcp(value: JsonValue) -> JsonValue:
    if isinstance(value, dict) and value.get("type") == "mcp":
        refuse(_NO_MCP, "unsupported_value")
    return value


Tool = Annotated[FunctionTool, BeforeValidator(_no_mcp)]


class ForcedFunction(_Fields):
    type: Literal["function"] = "function"
    name: NonEmpty


def _word_or_object(value: JsonValue) -> str:
    return "word" if isinstance(value, str) else "object"


ToolChoice = Annotated[
    Annotated[Literal["auto", "none", "required"], Tag("word")]
    | Annotated[ForcedFunction, BeforeValidator(_no_mcp), Tag("object")],
    Discriminator(_word_or_object),
]


# The rest.


def _one_modality(value: JsonValue) -> JsonValue:
    if isinstance(value, list) and len(value) != 1 and all(one in ("text", "audio") for one in value):
        refuse(
            f"Invalid modalities: {value}. Supported combinations are: ['text'] and ['audio']. "
            "Audio always comes with its transcript.",
            "invalid_value",
        )
    return value


OutputModalities = Annotated[list[Literal["text", "audio"]], BeforeValidator(_one_modality)]

MaxOutputTokens = Annotated[
    Annotated[Literal["inf"], Tag("word")] | Annotated[int, Field(ge=1, le=4096), Tag("object")],
    Discriminator(_word_or_object),
]


class TokenLimits(_Fields):
    post_instructions: Annotated[int, Field(ge=0)] | None = None


class RetentionRatio(_Fields):
    type: Literal["retention_ratio"]
    retention_ratio: Annotated[float, Field(ge=0.0, le=1.0)]
    token_limits: TokenLimits | None = None


Truncation = Annotated[
    Annotated[Literal["auto", "disabled"], Tag("word")] | Annotated[RetentionRatio, Tag("object")],
    Discriminator(_word_or_object),
]


class TracingSettings(_Fields):
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: JsonValue = None


Tracing = Annotated[
    Annotated[Literal["auto"], Tag("word")] | Annotated[TracingSettings, Tag("object")],
    Discriminator(_word_or_object),
]


class Prompt(_Fields):
    id: NonEmpty
    version: str | None = None
    variables: Json | None = None


class Reasoning(_Fields):
    effort: str | None = None


_NO_TRANSCRIPTION_SESSION: Final = (
    "Transcription sessions are not supported by this server. Use session.type 'realtime' and set "
    "session.audio.input.transcription to get transcripts of what the caller says; with "
    "turn_detection.create_response false, no responses are made."
)


def _only_realtime(value: JsonValue) -> JsonValue:
    if value == "transcription":
        refuse(_NO_TRANSCRIPTION_SESSION, "unsupported_value")
    return value


SessionType = Annotated[Literal["realtime"], BeforeValidator(_only_realtime)]


class SessionFields(_Fields):
    """Everything that a caller may configure.

    ``id``, ``object``, ``model`` and ``expires_at`` may be sent, as SDKs do, and change nothing.
    """

    type: SessionType
    id: Annotated[JsonValue, Field(exclude=True)] = None
    object: Annotated[JsonValue, Field(exclude=True)] = None
    expires_at: Annotated[JsonValue, Field(exclude=True)] = None
    model: Annotated[str | None, Field(exclude=True)] = None

    output_modalities: OutputModalities = ["audio"]
    instructions: str = ""
    tools: list[Tool] = []
    tool_choice: ToolChoice = "auto"
    max_output_tokens: MaxOutputTokens = "inf"
    tracing: Tracing | None = None
    truncation: Truncation = "auto"
    prompt: Prompt | None = None
    audio: Audio = Audio()
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None

    _NULL_IS_ABSENT = frozenset(
        {"output_modalities", "instructions", "tools", "tool_choice", "max_output_tokens", "truncation", "audio"}
    )


class ResponseAudioOutput(_Fields):
    format: Format | None = None
    voice: Voice | None = None


class ResponseAudio(_Fields):
    output: ResponseAudioOutput = ResponseAudioOutput()

    _NULL_IS_ABSENT = frozenset({"output"})


Metadata = Annotated[
    dict[Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=512)]],
    Field(max_length=16),
]


class ResponseFields(_Fields):
    """What ``response.create`` may override; ``None`` everywhere means the session's own.

    ``parallel_tool_calls``, ``prompt`` and ``reasoning`` are taken and not used.
    """

    conversation: Literal["auto", "none"] = "auto"
    input: list[Json] | None = None
    instructions: str | None = None
    output_modalities: OutputModalities | None = None
    audio: ResponseAudio = ResponseAudio()
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    max_output_tokens: MaxOutputTokens | None = None
    max_response_output_tokens: MaxOutputTokens | None = None
    metadata: Metadata | None = None
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None

    _NULL_IS_ABSENT = frozenset({"conversation", "audio"})
