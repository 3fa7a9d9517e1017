"""Items whose JSON is too long to be written in one go: piece by piece, each of a millisecond or so.

What is written is what :mod:`bargein.wire.items` writes, as it is when it begins: an item may change meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
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
)
from bargein.errors import CallerError
from bargein.wire.items import item_json

Json = dict[str, Any]

LONG: Final = 131_072
"""Characters, or bytes: from here on an item is long."""
TEXT_PIECE: Final = 65_536
"""Characters written in one go. A newline takes thirty times as long as a letter."""
SOUND_PIECE: Final = 3 * 65_536
"""Bytes; of three, which are four characters of base64."""
GAP_BYTE: Final = b"\0"
"""Nothing else in JSON is written so: in strings it is escaped."""
GAP: Final = orjson.Fragment(b'"' + GAP_BYTE + b'"')


MAX_RETRIEVED: Final = 20 * 1024 * 1024
"""Characters of base64 in one event: some five minutes of PCM16."""


def check_retrievable(item: Item) -> None:
    """Refuse to show more in one event than any client takes.

    :raises CallerError: it holds more.
    """
    size = sum(_size(part, True) * 4 // 3 for part in item.parts) if isinstance(item, Message) else 0
    if size > MAX_RETRIEVED:
        raise CallerError(
            f"Error retrieving item: it would take an event of {size} characters, and {MAX_RETRIEVED} is the most that "
            "is sent in one. Keep the sound as it comes, in 'response.output_audio.delta'.",
            code="item_retrieve_above_max_length",
            param="item_id",
        )


def is_long(item: Item, *, with_audio: bool) -> bool:
    """Whether to write the item as a :class:`LongItem`."""
    match item:
        case FunctionCall(arguments=text) | FunctionCallOutput(output=text):
            return len(text) > LONG
        case Message():
            return sum(_size(part, with_audio) for part in item.parts) > LONG


class LongItem:
    """An item that is being written.

    :ivar shown: its JSON, with :data:`GAP` in the place of each long member. Events are made of it as of any item's.
    :param with_audio: as ``conversation.item.retrieved`` shows it.
    """

    def __init__(self, item: Item, *, with_audio: bool) -> None:
        light, held = _lightened(item)
        self.shown = item_json(light)
        self._members: list[Iterator[bytes]] = []
        self._written: list[list[bytes]] = []
        places: list[Json] = self.shown.get("content", [self.shown])
        for place, part in zip(places, held, strict=True):
            for name, pieces in _members(part, with_audio).items():
                place[name] = GAP
                self._members.append(pieces)

    def write(self) -> Iterator[None]:
        """Write what is long, a piece at each step."""
        for pieces in self._members:
            written: list[bytes] = []
            self._written.append(written)
            for piece in pieces:
                written.append(piece)
                yield

    def fill(self, json: bytes) -> list[bytes]:
        """The JSON of something that holds :attr:`shown`, in pieces, its gaps filled. Call when all is written."""
        before, *behind = json.split(GAP_BYTE)
        pieces = [before]
        for written, rest in zip(self._written, behind, strict=True):
            pieces += written
            pieces.append(rest)
        return pieces


_Held = InputText | InputAudio | InputImage | OutputText | OutputAudio | FunctionCall | FunctionCallOutput


def _lightened(item: Item) -> tuple[Item, Sequence[_Held]]:
    """The item without what may be long, and what that was in: as it is now."""
    match item:
        case FunctionCall():
            return replace(item, arguments=""), [replace(item)]
        case FunctionCallOutput():
            return replace(item, output=""), [replace(item)]
        case Message(parts=parts):
            light = [replace(part, text="") if isinstance(part, InputText | OutputText) else part for part in parts]
            held = [
                replace(part, pieces=list(part.pieces)) if isinstance(part, OutputAudio) else replace(part)
                for part in parts
            ]
            return replace(item, parts=light), held


def _members(held: _Held, with_audio: bool) -> dict[str, Iterator[bytes]]:
    """The members of a part that may be long, by name."""
    match held:
        case FunctionCall(arguments=text):
            return {"arguments": _text(text)}
        case FunctionCallOutput(output=text):
            return {"output": _text(text)}
        case InputText(text) | OutputText(text):
            return {"text": _text(text)}
        case InputAudio(audio) if with_audio:
            return {"audio": _sound([audio])}
        case OutputAudio(pieces=pieces) if with_audio:
            return {"audio": _sound(pieces)}
        case InputImage(url) if with_audio:
            return {"image_url": _text(url)}
        case _:
            return {}


def _text(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), TEXT_PIECE):
        yield orjson.dumps(text[start : start + TEXT_PIECE])[1:-1]


def _sound(pieces: Sequence[str | bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece if isinstance(piece, bytes) else pybase64.b64decode(piece)
        while len(waiting) >= SOUND_PIECE:
            yield pybase64.b64encode(waiting[:SOUND_PIECE])
            del waiting[:SOUND_PIECE]
    yield pybase64.b64encode(waiting)


def _size(part: InputText | InputAudio | InputImage | OutputText | OutputAudio, with_audio: bool) -> int:
    match part:
        case InputText(text) | OutputText(text):
            return len(text)
        case InputAudio(audio):
            return len(audio) if with_audio else 0
        case InputImage(url):
            return len(url) if with_audio else 0
        case OutputAudio():
            return 2 * part.sample_count if with_audio else 0
