"""A Chat Completions request, checked as the API checks it and in its words (reference, section 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bargein.errors import CallerError
from bargein.wire.chat.messages import check_order
from bargein.wire.chat.models import BODY
from bargein.wire.validation import MAX_DEPTH, invalid_type, is_deeper_than, missing, validate

Json = Mapping[str, Any]

MAX_NODES: Final = 20_000
"""Values, objects and arrays of a body: what reading and checking it costs hangs on their number, not on its bytes."""
STREAMED_FORMAT: Final = "pcm16"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that the API would take.

    :ivar body: all of it, as it came.
    :ivar model: the one that it names, if any.
    :ivar voice: a name, or the id of a custom voice; ``None`` where no sound is asked for.
    :ivar audio_format: of the sound that is asked for, else ``None``.
    :ivar max_tokens: by either of its two names.
    :ivar functions: the ``function`` objects of its tools.
    """

    body: Json
    model: str | None
    messages: tuple[Json, ...]
    voice: str | None
    audio_format: str | None
    stream: bool
    include_usage: bool
    max_tokens: int | None
    functions: tuple[Json, ...]
    tool_choice: str | Json

    @property
    def audio(self) -> bool:
        """Whether sound is asked for."""
        return self.audio_format is not None


def parse_json(body: bytes | bytearray) -> dict[str, Any]:
    """The object that a body is.

    :raises CallerError: it is none, or one of so many values that reading it would take long.
    """
    # Counted with what strings hold, which is some commas: nothing is as fast.
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_NODES:
        raise CallerError(f"The request holds more than {MAX_NODES} values: send less at once.", code="invalid_value")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise CallerError(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The API expects a JSON payload, but what was sent was not valid JSON.)",
            code="invalid_json",
        ) from None
    if not isinstance(value, dict):
        raise invalid_type("body", "an object", value)
    if is_deeper_than(value, MAX_DEPTH):
        raise CallerError(
            f"The request is nested too deeply: objects and arrays may be at most {MAX_DEPTH} levels inside each "
            "other.",
            code="invalid_value",
        )
    return value


def parse_chat(body: Json) -> ChatRequest:
    """Check a request.

    :raises CallerError: what is wrong first, with the path of its field.
    """
    tools = body.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and tool.get("type") in (None, "function") and tool.get("function") is None:
            # What the Realtime and Responses APIs want is flat; the field that is missing says more than those that
            # are too many.
            raise missing(f"tools[{index}].function")
    checked = validate(BODY, body)
    messages: Sequence[Json] = body["messages"]
    check_order(messages)
    _check_tools(body)
    _check_counts(body)
    stream = checked.stream is True
    if checked.stream_options is not None and not stream:
        raise CallerError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            code="invalid_value",
            param="stream_options",
        )
    voice, audio_format = _sound(body, stream=stream)
    if audio_format is not None and (checked.n or 1) > 1:
        raise CallerError("Audio output is only supported with 'n' of 1.", code="invalid_value", param="n")
    return ChatRequest(
        body=body,
        model=checked.model,
        messages=tuple(messages),
        voice=voice,
        audio_format=audio_format,
        stream=stream,
        include_usage=checked.stream_options is not None and checked.stream_options.include_usage is True,
        max_tokens=checked.max_completion_tokens or checked.max_tokens,
        functions=tuple(tool["function"] for tool in body.get("tools") or ()),
        tool_choice=body.get("tool_choice") or "auto",
    )


def _sound(body: Json, *, stream: bool) -> tuple[str | None, str | None]:
    """Voice and format of the sound that is asked for, ``None`` twice where it is text alone."""
    modalities = body.get("modalities")
    if modalities is not None and "text" not in modalities:
        raise CallerError(
            f"Invalid modalities: {modalities}. Supported combinations are: ['text'] and ['text', 'audio'].",
            code="invalid_value",
            param="modalities",
        )
    if modalities is None or "audio" not in modalities:
        return None, None
    audio = body.get("audio")
    if audio is None:
        raise missing("audio")
    if stream and audio["format"] != STREAMED_FORMAT:
        raise CallerError(
            f"Unsupported value: 'audio.format' does not support '{audio['format']}' when stream=true. "
            f"Supported values are: '{STREAMED_FORMAT}'.",
            code="unsupported_value",
            param="audio.format",
        )
    voice = audio["voice"]
    return voice["id"] if isinstance(voice, dict) else voice, audio["format"]


def _check_tools(body: Json) -> None:
    """What is said of tools goes with tools, and the one that must be called is there."""
    tools = body.get("tools")
    choice = body.get("tool_choice")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            if body.get(name) is not None and body[name] != "none":
                raise CallerError(
                    f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.",
                    code="invalid_value",
                    param=name,
                )
        return
    for index, tool in enumerate(tools):
        schema = tool["function"].get("parameters")
        if schema and schema.get("type", "object") != "object":
            raise CallerError(
                f"Invalid schema for function '{tool['function']['name']}': schema must be a JSON Schema of "
                f"'type: \"object\"', got 'type: \"{str(schema['type'])[:40]}\"'.",
                code="invalid_function_parameters",
                param=f"tools[{index}].function.parameters",
            )
    if isinstance(choice, dict) and all(tool["function"]["name"] != choice["function"]["name"] for tool in tools):
        raise CallerError(
            "Tool choice 'function' not found in 'tools' parameter.", code="invalid_value", param="tool_choice"
        )


def _check_counts(body: Json) -> None:
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise CallerError(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            code="invalid_parameter_combination",
            param="max_tokens",
        )
    if body.get("top_logprobs") is not None and body.get("logprobs") is not True:
        raise CallerError(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
            code="invalid_value",
            param="top_logprobs",
        )
    if body.get("metadata") is not None and body.get("store") is not True:
        raise CallerError(
            "The 'metadata' parameter is only allowed when 'store' is enabled.", code="invalid_value", param="metadata"
        )
