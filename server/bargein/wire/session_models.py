"""The fields of a session and of ``response.create``, with their ranges and defaults.

Each model is at once the rule for what a caller may send and, with its defaults filled in, the state that is kept. A
field that may be null although null means nothing (SDKs send such nulls for "not given") is listed in
``_NULL_IS_ABSENT``. What each field does: ``data/fields.toml``. Source: reference, section "Session object";
``openai.types.realtime``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag

from bargein.wire.audio_models import Audio, Fields, Format, FreeForm, NonEmpty, Voice, Word
from bargein.wire.validation import at_most, no_larger_than, refuse, shown_json

Json = dict[str, Any]
JsonValue = Any


# Tools.

_NO_MCP: Final = (
    "MCP tools are not supported by this server. Use tools of type 'function' and call the MCP server from your client."
)


MAX_TOOLS: Final = 128
MAX_SCHEMA_BYTES: Final = 131_072
MAX_TOOLS_BYTES: Final = 262_144
"""Of all tools together, as JSON: they are told to the model with every turn, and shown with every update."""
MAX_INSTRUCTIONS: Final = 500_000
MAX_INPUT_ITEMS: Final = 1000


class FunctionTool(Fields):
    type: Literal["function"] = "function"
    name: NonEmpty
    description: str | None = None
    parameters: Annotated[Json | None, no_larger_than(MAX_SCHEMA_BYTES)] = None

    _NULL_IS_ABSENT = frozenset({"description", "parameters"})


def _no_mcp(value: JsonValue) -> JsonValue:
    if isinstance(value, dict) and value.get("type") == "mcp":
        refuse(_NO_MCP, "unsupported_value")
    return value


Tool = Annotated[FunctionTool, BeforeValidator(_no_mcp)]
Tools = Annotated[list[Tool], Field(max_length=MAX_TOOLS, fail_fast=True)]
Instructions = Annotated[str, StringConstraints(max_length=MAX_INSTRUCTIONS)]


class ForcedFunction(Fields):
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
            f"Invalid modalities: {shown_json(value)}. Supported combinations are: ['text'] and ['audio']. "
            "Audio always comes with its transcript.",
            "invalid_value",
        )
    return value


Modality = Literal["text", "audio"]
OutputModalities = Annotated[list[Modality], Field(fail_fast=True), BeforeValidator(_one_modality)]

MaxOutputTokens = Annotated[
    Annotated[Literal["inf"], Tag("word")] | Annotated[int, Field(ge=1, le=4096), Tag("object")],
    Discriminator(_word_or_object),
]


class TokenLimits(Fields):
    post_instructions: Annotated[int, Field(ge=0)] | None = None


class RetentionRatio(Fields):
    type: Literal["retention_ratio"] = "retention_ratio"
    retention_ratio: Annotated[float, Field(ge=0.0, le=1.0)]
    token_limits: TokenLimits | None = None


Truncation = Annotated[
    Annotated[Literal["auto", "disabled"], Tag("word")] | Annotated[RetentionRatio, Tag("object")],
    Discriminator(_word_or_object),
]


class TracingSettings(Fields):
    workflow_name: Word | None = None
    group_id: Word | None = None
    metadata: FreeForm = None


Tracing = Annotated[
    Annotated[Literal["auto"], Tag("word")] | Annotated[TracingSettings, Tag("object")],
    Discriminator(_word_or_object),
]


class Prompt(Fields):
    id: NonEmpty
    version: Word | None = None
    variables: Annotated[Json | None, no_larger_than(MAX_SCHEMA_BYTES)] = None


class Reasoning(Fields):
    effort: Word | None = None


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


def _audio_only() -> list[Modality]:
    return ["audio"]


Include = Annotated[list[Literal["item.input_audio_transcription.logprobs"]], Field(max_length=16, fail_fast=True)]


class SessionFields(Fields):
    """Everything that a caller may configure.

    ``id``, ``object``, ``model`` and ``expires_at`` may be sent, as SDKs do, and change nothing.
    """

    type: SessionType = "realtime"
    id: Annotated[FreeForm, Field(exclude=True)] = None
    object: Annotated[FreeForm, Field(exclude=True)] = None
    expires_at: Annotated[FreeForm, Field(exclude=True)] = None
    model: Annotated[Word | None, Field(exclude=True)] = None

    output_modalities: OutputModalities = Field(default_factory=_audio_only)
    instructions: Instructions = ""
    tools: Tools = Field(default_factory=list)
    tool_choice: ToolChoice = "auto"
    max_output_tokens: MaxOutputTokens = "inf"
    tracing: Tracing | None = None
    truncation: Truncation = "auto"
    prompt: Prompt | None = None
    audio: Audio = Audio()
    include: Include | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None

    _NULL_IS_ABSENT = frozenset(
        {
            "type",
            "output_modalities",
            "instructions",
            "tools",
            "tool_choice",
            "max_output_tokens",
            "truncation",
            "audio",
        }
    )


class ResponseAudioOutput(Fields):
    format: Format | None = None
    voice: Voice | None = None


class ResponseAudio(Fields):
    output: ResponseAudioOutput = ResponseAudioOutput()

    _NULL_IS_ABSENT = frozenset({"output"})


Metadata = Annotated[
    dict[Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=512)]],
    at_most(16),
]


class ResponseFields(Fields):
    """What ``response.create`` may override; ``None`` everywhere means the session's own."""

    conversation: Literal["auto", "none"] = "auto"
    input: Annotated[list[Json], Field(max_length=MAX_INPUT_ITEMS, fail_fast=True)] | None = None
    instructions: Instructions | None = None
    output_modalities: OutputModalities | None = None
    audio: ResponseAudio = ResponseAudio()
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    max_output_tokens: MaxOutputTokens | None = None
    max_response_output_tokens: MaxOutputTokens | None = None
    metadata: Metadata | None = None
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None

    _NULL_IS_ABSENT = frozenset({"conversation", "audio"})
