"""Items that callers send, read and checked (reference, section "Items").

What was said but has no sound any more (a client writes back a history that it was told) is kept as text: an
``input_audio`` part without ``audio``, and an assistant's ``output_audio``, stand for their transcripts.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from bargein.core.audio import AudioFormat
from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    ItemReference,
    Message,
    OutputText,
    Part,
    Status,
)
from bargein.errors import CallerError
from bargein.wire.images import NO_IMAGES, check_image
from bargein.wire.input_audio import decode_item_audio
from bargein.wire.validation import invalid_choice, invalid_type, missing, only_one_unknown, validate

Json = dict[str, Any]
JsonValue = Any

MAX_PARTS: Final = 128
"""Of one message."""

_PART_MEMBERS: Final = frozenset({"text", "audio", "transcript", "image_url", "detail"})

ItemId = Annotated[str, Field(max_length=512)]
CallName = Annotated[str, Field(min_length=1, max_length=512)]
"""Of a call, and of its function: a server refuses a conversation with an empty one, every turn."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _few_unknown_fields(cls, value: JsonValue) -> JsonValue:
        return only_one_unknown(value, cls.model_fields)


class _ItemModel(_Model):
    id: ItemId | None = None
    object: Literal["realtime.item"] | None = None
    status: Status | None = None


class _PartModel(_Model):
    @model_validator(mode="before")
    @classmethod
    def _nulls_of_other_kinds(cls, value: JsonValue) -> JsonValue:
        """Clients write parts of all kinds with the same members: what a kind does not have is null then."""
        if not isinstance(value, dict):
            return value
        foreign = [name for name in _PART_MEMBERS - cls.model_fields.keys() if name in value and value[name] is None]
        return {name: value[name] for name in value if name not in foreign} if foreign else value


class _InputText(_PartModel):
    type: Literal["input_text"]
    text: str


class _InputAudio(_PartModel):
    type: Literal["input_audio"]
    audio: str | None = None
    transcript: str | None = None


class _OutputText(_PartModel):
    type: Literal["output_text"]
    text: str


class _OutputAudio(_PartModel):
    type: Literal["output_audio"]
    transcript: str | None = None
    audio: JsonValue = None


class _InputImage(_PartModel):
    type: Literal["input_image"]
    image_url: str
    detail: Literal["auto", "low", "high"] | None = None


_UserPart = Annotated[_InputText | _InputAudio | _InputImage, Field(discriminator="type")]
_AssistantPart = Annotated[_OutputText | _OutputAudio, Field(discriminator="type")]


class _SystemMessage(_ItemModel):
    type: Literal["message"]
    role: Literal["system"]
    content: Annotated[list[_InputText], Field(max_length=MAX_PARTS, fail_fast=True)]


class _UserMessage(_ItemModel):
    type: Literal["message"]
    role: Literal["user"]
    content: Annotated[list[_UserPart], Field(max_length=MAX_PARTS, fail_fast=True)]


class _AssistantMessage(_ItemModel):
    type: Literal["message"]
    role: Literal["assistant"]
    content: Annotated[list[_AssistantPart], Field(max_length=MAX_PARTS, fail_fast=True)]


class _FunctionCall(_ItemModel):
    type: Literal["function_call"]
    call_id: CallName
    name: CallName
    arguments: str


class _FunctionCallOutput(_ItemModel):
    type: Literal["function_call_output"]
    call_id: CallName
    output: str


class _Reference(_Model):
    type: Literal["item_reference"]
    id: Annotated[str, Field(min_length=1, max_length=512)]


_MESSAGES: Final[dict[str, TypeAdapter[Any]]] = {
    "system": TypeAdapter(_SystemMessage),
    "user": TypeAdapter(_UserMessage),
    "assistant": TypeAdapter(_AssistantMessage),
}
_FUNCTION_CALL: Final = TypeAdapter(_FunctionCall)
_FUNCTION_CALL_OUTPUT: Final = TypeAdapter(_FunctionCallOutput)
_REFERENCE: Final = TypeAdapter(_Reference)
_ITEM_TYPES: Final = ("message", "function_call", "function_call_output")


def parse_item(item: JsonValue, path: str, input_format: AudioFormat, *, images: bool = False) -> Item:
    """An item of the core. Its ``id`` is empty where the caller gave none.

    :param path: where it stands in the client event, such as ``item``.
    :param input_format: of the sound in ``input_audio`` parts.
    :param images: the model takes images.
    :raises CallerError: something in it is wrong.
    """
    if not isinstance(item, dict):
        raise invalid_type(path, "an object", item)
    match item.get("type"):
        case None:
            raise missing(f"{path}.type")
        case "message":
            return _message(item, path, input_format, images)
        case "function_call":
            call = validate(_FUNCTION_CALL, item, path)
            return FunctionCall(call.id or "", call.call_id, call.name, call.arguments, _status(call))
        case "function_call_output":
            output = validate(_FUNCTION_CALL_OUTPUT, item, path)
            return FunctionCallOutput(output.id or "", output.call_id, output.output, _status(output))
        case str(kind) if kind.startswith("mcp_"):
            raise CallerError(
                f"Items of type '{kind}' are not supported by this server: it has no MCP tools. Use function tools.",
                code="unsupported_value",
                param=f"{path}.type",
            )
        case kind:
            raise invalid_choice(f"{path}.type", kind, _ITEM_TYPES)


def parse_input_item(
    item: JsonValue, path: str, input_format: AudioFormat, *, images: bool = False
) -> Item | ItemReference:
    """An element of ``response.input``: an item, or a reference to one of the conversation."""
    if isinstance(item, dict) and item.get("type") == "item_reference":
        return ItemReference(validate(_REFERENCE, item, path).id)
    return parse_item(item, path, input_format, images=images)


def _message(item: Json, path: str, input_format: AudioFormat, images: bool) -> Message:
    role = item.get("role")
    if role is None:
        raise missing(f"{path}.role")
    adapter = _MESSAGES.get(role) if isinstance(role, str) else None
    if adapter is None:
        raise invalid_choice(f"{path}.role", role, tuple(_MESSAGES))
    message = validate(adapter, item, path)
    parts: list[Part] = [
        _part(part, f"{path}.content[{place}]", input_format, images) for place, part in enumerate(message.content)
    ]
    return Message(message.id or "", message.role, parts, _status(message))


def _part(
    part: _InputText | _InputAudio | _InputImage | _OutputText | _OutputAudio,
    path: str,
    input_format: AudioFormat,
    images: bool,
) -> Part:
    match part:
        case _InputText():
            return InputText(part.text)
        case _OutputText():
            return OutputText(part.text)
        case _InputAudio(audio=None, transcript=str(transcript)):
            return InputText(transcript)
        case _InputAudio(audio=None):
            raise missing(f"{path}.audio")
        case _InputAudio(audio=str(audio)):
            return InputAudio(decode_item_audio(audio, input_format, f"{path}.audio"), input_format, part.transcript)
        case _InputImage():
            if not images:
                raise CallerError(NO_IMAGES, code="unsupported_content_type", param=path)
            check_image(part.image_url, f"{path}.image_url")
            return InputImage(part.image_url, part.detail)
        case _OutputAudio(transcript=str(transcript)):
            return OutputText(transcript)
        case _:
            raise CallerError(
                "Assistant audio cannot be put into a conversation. Give its words, as an 'output_text' part.",
                code="unsupported_content_type",
                param=path,
            )


def _status(item: _ItemModel) -> Status:
    """A client's item is whole when it comes, unless it says that it is the beginning of something."""
    return "incomplete" if item.status == "incomplete" else "completed"
