"""The messages of a request: their roles, their parts, and that every call of a tool has its output right behind it.

What an SDK's answer holds beside what a request needs (``audio.data``, ``annotations``) is let through: people append
an answer's message to their list as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from bargein.errors import CallerError
from bargein.wire.chat.fields import Fields

Json = Mapping[str, Any]
Name = Annotated[str, StringConstraints(max_length=64)]
CallId = Annotated[str, StringConstraints(max_length=512)]
MAX_PARTS: Final = 256
MAX_CALLS: Final = 128


class _Text(Fields):
    type: Literal["text"]
    text: str


class _Refusal(Fields):
    type: Literal["refusal"]
    refusal: str


class _InputAudioData(Fields):
    data: str
    format: Literal["wav", "mp3"]


class _InputAudio(Fields):
    type: Literal["input_audio"]
    input_audio: _InputAudioData


class _ImageUrlData(Fields):
    url: str
    detail: Literal["auto", "low", "high"] | None = None


class _ImageUrl(Fields):
    type: Literal["image_url"]
    image_url: _ImageUrlData


class _FileData(Fields):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _File(Fields):
    type: Literal["file"]
    file: _FileData


def _text_or_parts(value: object) -> str:
    return "parts" if isinstance(value, list) else "text"


_WholeText = Annotated[str, Tag("text")]
_Parts = Field(min_length=1, max_length=MAX_PARTS)
_TextContent = Annotated[
    _WholeText | Annotated[list[Annotated[_Text, Field()]], _Parts, Tag("parts")], Discriminator(_text_or_parts)
]
_UserPart = Annotated[_Text | _InputAudio | _ImageUrl | _File, Field(discriminator="type")]
_UserContent = Annotated[_WholeText | Annotated[list[_UserPart], _Parts, Tag("parts")], Discriminator(_text_or_parts)]
_AssistantPart = Annotated[_Text | _Refusal, Field(discriminator="type")]
_AssistantContent = Annotated[
    _WholeText | Annotated[list[_AssistantPart], _Parts, Tag("parts")], Discriminator(_text_or_parts)
]


class _System(Fields):
    role: Literal["system", "developer"]
    content: _TextContent
    name: Name | None = None


class _User(Fields):
    role: Literal["user"]
    content: _UserContent
    name: Name | None = None


class _AudioReference(Fields):
    id: CallId
    data: str | None = None
    expires_at: int | None = None
    transcript: str | None = None


class _CalledFunction(Fields):
    name: Annotated[str, StringConstraints(max_length=256)]
    arguments: str
    parsed_arguments: Any = None


class _Call(Fields):
    id: CallId
    type: Literal["function"]
    function: _CalledFunction
    index: int | None = None


class _Assistant(Fields):
    role: Literal["assistant"]
    content: _AssistantContent | None = None
    refusal: str | None = None
    name: Name | None = None
    audio: _AudioReference | None = None
    tool_calls: Annotated[list[_Call], Field(min_length=1, max_length=MAX_CALLS)] | None = None
    function_call: _CalledFunction | None = None
    annotations: list[Any] | None = None
    parsed: Any = None


class _Tool(Fields):
    role: Literal["tool"]
    content: _TextContent
    tool_call_id: CallId


class _FunctionOutput(Fields):
    role: Literal["function"]
    name: Name
    content: str | None


MessageModel = Annotated[_System | _User | _Assistant | _Tool | _FunctionOutput, Field(discriminator="role")]


def check_order(messages: Sequence[Json]) -> None:
    """Every call has its output right behind it, every output its call, and every message of the assistant says
    something.

    :raises CallerError: in the API's own words.
    """
    unanswered: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            call_id = message["tool_call_id"]
            if call_id not in unanswered:
                raise CallerError(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    param=f"messages.[{index}].role",
                )
            unanswered.remove(call_id)
            continue
        if unanswered:
            break
        if message["role"] != "assistant":
            continue
        unanswered = [call["id"] for call in message.get("tool_calls") or ()]
        if not unanswered and not any(
            message.get(name) is not None for name in ("content", "audio", "refusal", "function_call")
        ):
            raise CallerError(
                f"Invalid value for 'messages[{index}].content': expected a string, got null.",
                code="invalid_value",
                param=f"messages[{index}].content",
            )
    if unanswered:
        raise CallerError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(unanswered)}",
            param="messages",
        )
