"""The conversation's items, in order, and how much of each reply was heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(slots=True)
class Heard:
    """What the caller heard of an item that was cut."""

    samples: int
    text: str


class History:
    """Items by position and by id. A cut reply stays whole here; :attr:`heard` says what of it counts."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._given: dict[str, int] = {}
        """Characters of each item that the caller added."""
        self._given_characters = 0
        self.heard: dict[str, Heard] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last_id(self) -> str | None:
        return self._items[-1].id if self._items else None

    def get(self, item_id: str) -> Item | None:
        return next((item for item in reversed(self._items) if item.id == item_id), None)

    def append(self, item: Item) -> str | None:
        """Add ``item`` at the end. Returns the id of the item before it."""
        previous = self.last_id
        self._items.append(item)
        return previous

    def insert(self, item: Item, previous_item_id: str | None, *, limit_characters: int) -> str | None:
        """Add an item of the caller's.

        :param previous_item_id: ``None`` or ``""`` appends, ``"root"`` inserts at the front.
        :param limit_characters: how much text all items that were added so may hold.
        :returns: the id of the item before it, ``None`` at the front.
        :raises CallerError: the id is taken, the previous item is unknown, or there is too much text.
        """
        if self.get(item.id) is not None:
            raise CallerError(
                f"Error adding item: an item with id '{item.id}' already exists.",
                code="item_create_duplicate_item_id",
                param="item.id",
            )
        size = _characters(item)
        if self._given_characters + size > limit_characters:
            raise CallerError(
                f"Error adding item: the items of this conversation would hold more than {limit_characters} "
                "characters, which no model could be told. Delete some first.",
                code="string_above_max_length",
                param="item",
            )
        at, previous = self._place(previous_item_id)
        self._items.insert(at, item)
        self._given[item.id] = size
        self._given_characters += size
        return previous

    def _place(self, previous_item_id: str | None) -> tuple[int, str | None]:
        """Where an item goes, and the id of the item before it."""
        if not previous_item_id:
            return len(self._items), self.last_id
        if previous_item_id == "root":
            return 0, None
        index = self._index(previous_item_id)
        if index is None:
            raise CallerError(
                f"Error adding item: the previous item with id '{previous_item_id}' does not exist.",
                code="invalid_value",
                param="previous_item_id",
            )
        return index + 1, previous_item_id

    def delete(self, item_id: str) -> None:
        """:raises CallerError: there is no such item."""
        index = self._index(item_id)
        if index is None:
            raise CallerError(
                f"Error deleting item: the item with id '{item_id}' does not exist.",
                code="item_delete_invalid_item_id",
                param="item_id",
            )
        del self._items[index]
        self.heard.pop(item_id, None)
        self._given_characters -= self._given.pop(item_id, 0)

    def retrieve(self, item_id: str) -> Item:
        """:raises CallerError: there is no such item."""
        item = self.get(item_id)
        if item is None:
            raise CallerError(
                f"Error retrieving item: the item with id '{item_id}' does not exist.",
                code="item_retrieve_invalid_item_id",
                param="item_id",
            )
        return item

    def spoken(self, item_id: str) -> tuple[Message, OutputAudio]:
        """The assistant's message and its sound, for truncation.

        :raises CallerError: there is no such item, or it holds no model output audio.
        """
        item = self.get(item_id)
        if item is None:
            raise CallerError(
                f"Error truncating item: the item with id '{item_id}' does not exist.",
                code="item_truncate_invalid_item_id",
                param="item_id",
            )
        if isinstance(item, Message) and item.role == "assistant":
            for part in item.parts:
                if isinstance(part, OutputAudio):
                    return item, part
        raise CallerError("Only model output audio messages can be truncated", param="item_id")

    def cut(self, item_id: str, samples: int, text: str) -> None:
        """Only ``samples`` of the item, saying ``text``, were heard."""
        self.heard[item_id] = Heard(samples, text)

    def forget_sound(self, limit_bytes: int) -> None:
        """Forget the oldest sound and images until ``limit_bytes`` are kept: replies first, then callers whose words
        are known, then the rest; the newest item never.
        """
        kept = sum(_sound_bytes(item) for item in self._items)
        for forget in (_forget_reply, _forget_written, _forget_caller):
            for item in self._items[:-1]:
                if kept <= limit_bytes:
                    return
                before = _sound_bytes(item)
                if isinstance(item, Message) and item.status != "in_progress":
                    forget(item)
                kept -= before - _sound_bytes(item)

    def call(self, call_id: str) -> FunctionCall | None:
        """The newest call of that id."""
        calls = (item for item in reversed(self._items) if isinstance(item, FunctionCall))
        return next((call for call in calls if call.call_id == call_id), None)

    def _index(self, item_id: str) -> int | None:
        return next((index for index, item in enumerate(self._items) if item.id == item_id), None)


def _characters(item: Item) -> int:
    match item:
        case FunctionCall(arguments=text) | FunctionCallOutput(output=text):
            return len(text)
        case Message(parts=parts):
            return sum(len(part.text) for part in parts if isinstance(part, InputText | OutputText))


def _sound_bytes(item: Item) -> int:
    if not isinstance(item, Message):
        return 0
    size = 0
    for part in item.parts:
        if isinstance(part, OutputAudio):
            size += sum(len(piece) for piece in part.pieces)
        elif isinstance(part, InputAudio):
            size += len(part.audio)
        elif isinstance(part, InputImage):
            size += len(part.url)
    return size


def _forget_reply(message: Message) -> None:
    for part in message.parts:
        if isinstance(part, OutputAudio):
            part.pieces = []
            part.timeline = part.timeline.upto(part.transcript)


def _forget_written(message: Message) -> None:
    for part in message.parts:
        if isinstance(part, InputAudio) and part.transcript:
            part.audio = b""


def _forget_caller(message: Message) -> None:
    for part in message.parts:
        if isinstance(part, InputAudio):
            part.audio = b""
        elif isinstance(part, InputImage):
            part.url = ""
