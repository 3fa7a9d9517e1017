"""Conversation items as JSON, both ways (reference, section "Items").

What is written: echoes never hold sound or images, and a user's ``input_audio`` part always has its ``transcript`` key,
null until it is known. Only :func:`item_with_audio_json` holds them.
"""

from __future__ import annotations

from typing import Any

import pybase64

from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
    Part,
)

Json = dict[str, Any]


def item_json(item: Item) -> Json:
    """``item`` as ``conversation.item.*`` and ``response.output_item.done`` echo it."""
    match item:
        case Message():
            return _message_json(item, [_part_json(part) for part in item.parts])
        case FunctionCall():
            return _call_json(item, item.arguments)
        case FunctionCallOutput():
            return {
                "id": item.id,
                "type": "function_call_output",
                "status": item.status,
                "call_id": item.call_id,
                "output": item.output,
            }


def begun_item_json(item: Message | FunctionCall) -> Json:
    """``item`` as ``response.output_item.added`` shows it: without content, without arguments."""
    match item:
        case Message():
            return _message_json(item, [])
        case FunctionCall():
            return _call_json(item, "")


def item_with_audio_json(item: Item) -> Json:
    """``item`` as ``conversation.item.retrieved`` shows it: with each part's audio as base64, in its own format."""
    if not isinstance(item, Message):
        return item_json(item)
    content = []
    for part in item.parts:
        shown = _part_json(part)
        match part:
            case InputAudio():
                shown["audio"] = _base64(part.audio)
            case InputImage():
                shown["image_url"] = part.url
            case OutputAudio():
                shown["audio"] = _base64(b"".join(map(_raw, part.pieces)))
        content.append(shown)
    return _message_json(item, content)


def content_part_json(part: OutputText | OutputAudio) -> Json:
    """``part`` as ``response.content_part.*`` shows it: of type ``audio`` or ``text``, unlike in items."""
    match part:
        case OutputText():
            return {"type": "text", "text": part.text}
        case OutputAudio():
            return {"type": "audio", "transcript": part.transcript}


def _part_json(part: Part) -> Json:
    match part:
        case InputText():
            return {"type": "input_text", "text": part.text}
        case InputAudio():
            return {"type": "input_audio", "transcript": part.transcript if part.told else None}
        case InputImage():
            return {"type": "input_image"} if part.detail is None else {"type": "input_image", "detail": part.detail}
        case OutputText():
            return {"type": "output_text", "text": part.text}
        case OutputAudio():
            return {"type": "output_audio", "transcript": part.transcript}


def _message_json(item: Message, content: list[Json]) -> Json:
    return {"id": item.id, "type": "message", "status": item.status, "role": item.role, "content": content}


def _call_json(item: FunctionCall, arguments: str) -> Json:
    return {
        "id": item.id,
        "type": "function_call",
        "status": item.status,
        "name": item.name,
        "call_id": item.call_id,
        "arguments": arguments,
    }


def _base64(samples: bytes) -> str:
    return pybase64.b64encode_as_string(samples)


def _raw(piece: str | bytes) -> bytes:
    return piece if isinstance(piece, bytes) else pybase64.b64decode(piece)
