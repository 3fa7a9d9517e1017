"""The fields of a Chat Completions request, with their types and ranges (``openai.types.chat``, openai-python 3.52).

Nothing is converted, and nothing is read from the models: what has passed them is used as it came.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, TypeAdapter

from bargein.wire.chat.fields import Fields
from bargein.wire.chat.messages import MessageModel
from bargein.wire.validation import refuse

MAX_MESSAGES: Final = 2048
MAX_TOOLS: Final = 128
MAX_MODEL_CHARACTERS: Final = 256

ShortText = Annotated[str, StringConstraints(max_length=512)]
FunctionName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]+$", min_length=1, max_length=64)]
JsonObject = dict[str, Any]
"""Free-form; its depth and size are bounded for all of a body together."""


def _between(name: str, least: float, most: float) -> AfterValidator:
    """A decimal's range, in the words of this API."""

    def check(value: float | None) -> float | None:
        if value is None or least <= value <= most:
            return value
        side, extreme, sign, bound = ("above", "max", "<=", most) if value > most else ("below", "min", ">=", least)
        return refuse(
            f"Invalid '{name}': decimal {side} {extreme}imum value. Expected a value {sign} {bound:g}, but got "
            f"{value:g} instead.",
            f"decimal_{side}_{extreme}_value",
        )

    return AfterValidator(check)


def _word_or_object(value: object) -> str:
    return "object" if isinstance(value, dict) else "word"


class _CustomVoice(Fields):
    id: ShortText


class _Audio(Fields):
    voice: Annotated[
        Annotated[ShortText, Tag("word")] | Annotated[_CustomVoice, Tag("object")], Discriminator(_word_or_object)
    ]
    format: Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"]


class _StreamOptions(Fields):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class _Function(Fields):
    name: FunctionName
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class _Tool(Fields):
    type: Literal["function"]
    function: _Function


class _Named(Fields):
    name: ShortText


class _ForcedFunction(Fields):
    type: Literal["function"]
    function: _Named


_ToolChoice = Annotated[
    Annotated[Literal["auto", "none", "required"], Tag("word")] | Annotated[_ForcedFunction, Tag("object")],
    Discriminator(_word_or_object),
]
_FunctionChoice = Annotated[
    Annotated[Literal["auto", "none"], Tag("word")] | Annotated[_Named, Tag("object")], Discriminator(_word_or_object)
]


def _text_or_list(value: object) -> str:
    return "list" if isinstance(value, list) else "text"


_Stop = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[str], Field(max_length=4), Tag("list")], Discriminator(_text_or_list)
]


class _ResponseFormat(Fields):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonObject | None = None


class Body(Fields):
    """The whole request."""

    messages: Annotated[list[MessageModel], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: Annotated[str, StringConstraints(max_length=MAX_MODEL_CHARACTERS)] | None = None
    audio: _Audio | None = None
    modalities: Annotated[list[Literal["text", "audio"]], Field(max_length=2)] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    temperature: Annotated[float | None, _between("temperature", 0, 2)] = None
    top_p: Annotated[float | None, _between("top_p", 0, 1)] = None
    presence_penalty: Annotated[float | None, _between("presence_penalty", -2, 2)] = None
    frequency_penalty: Annotated[float | None, _between("frequency_penalty", -2, 2)] = None
    seed: int | None = None
    stop: _Stop | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=1024)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: Annotated[list[_Tool], Field(min_length=1, max_length=MAX_TOOLS)] | None = None
    tool_choice: _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[_Function], Field(min_length=1, max_length=MAX_TOOLS)] | None = None
    function_call: _FunctionChoice | None = None
    response_format: _ResponseFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    user: ShortText | None = None
    safety_identifier: ShortText | None = None
    prompt_cache_key: ShortText | None = None
    prompt_cache_retention: Literal["in-memory", "in_memory", "24h"] | None = None
    prompt_cache_options: JsonObject | None = None
    service_tier: ShortText | None = None
    store: bool | None = None
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    prediction: JsonObject | None = None
    moderation: JsonObject | None = None
    web_search_options: JsonObject | None = None


BODY: Final = TypeAdapter(Body)
