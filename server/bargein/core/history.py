"""The conversation's items, in order, and how much of each reply was heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)
from bargein.core.kept_sound import KeptSound
from bargein.errors import CallerError


@dataclass(slots=True)
class Heard:
    """What the caller heard of an item."""

    samples: int
    text: str


@dataclass(frozen=True, slots=True)
class GoesOn:
    """A turn goes on with one that was ended too early (:mod:`bargein.core.healing`)."""

    before_id: str
    unheard: tuple[str, ...]
    """Items of the reply between them: the model is not told of it."""


def as_heard(message: Message, heard: Heard) -> Message:
    """A message that holds no more than was heard, for showing it."""
    parts = [
        replace(
            part,
            timeline=part.timeline.upto(heard.text),
            pieces=part.stretch(0, heard.samples),
            sample_count=heard.samples,
        )
        if isinstance(part, OutputAudio)
        else part
        for part in message.parts
    ]
    return replace(message, parts=parts)


class History:
    """Items by position and by id. A cut reply stays whole here; :attr:`heard` says what of it counts.

    :param limit_items: how many there may be. A caller who adds more is refused; what is said, and what the server adds
        by itself, makes the oldest go.
    """

    def __init__(self, limit_items: int = 2000) -> None:
        self._limit_items = limit_items
        self._items: dict[str, Item] = {}
        self._calls: dict[str, FunctionCall] = {}
        """The newest call of each call id."""
        self._given: dict[str, int] = {}
        """Characters of each item that the caller added."""
        self._given_characters = 0
        self._sound = KeptSound()
        self.heard: dict[str, Heard] = {}
        self.untold: set[str] = set()
        """Turns in which nothing was said: the model is not told of them."""
        self.in_words: set[str] = set()
        """Turns that the model is told by their words from now on (:mod:`bargein.core.in_words`)."""
        self.goes_on: dict[str, GoesOn] = {}
        """By the second piece of each turn that was healed."""

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last_id(self) -> str | None:
        return next(reversed(self._items), None)

    def get(self, item_id: str) -> Item | None:
        return self._items.get(item_id)

    def append(self, item: Item) -> str | None:
        """Add ``item`` at the end. Returns the id of the item before it."""
        if len(self._items) >= self._limit_items:
            self._remove(next(iter(self._items)))
        previous = self.last_id
        self._add(item)
        return previous

    def enter(self, item: Item, behind_id: str | None) -> str | None:
        """Add what the agent says, behind the item to which it belongs; at the end, if that is there no more.

        :param behind_id: ``None`` adds it at the front.
        :returns: the id of the item before it.
        """
        last_id = self.last_id
        if behind_id == last_id or (behind_id is not None and behind_id not in self._items):
            return self.append(item)
        behind = self._behind(behind_id)
        self.append(item)
        if behind_id is not None and behind_id not in self._items:
            return last_id  # There was no room for both.
        self._move_to_end(behind)
        return behind_id

    def insert(
        self, item: Item, previous_item_id: str | None, *, limit_characters: int, makes_room: bool = False
    ) -> str | None:
        """Add an item that nobody has said.

        :param previous_item_id: ``None`` or ``""`` appends, ``"root"`` inserts at the front.
        :param limit_characters: how much text all items that were added so may hold.
        :param makes_room: the oldest go where there is no room. Else it is refused then.
        :returns: the id of the item before it, ``None`` at the front.
        :raises CallerError: the id is taken, the previous item is unknown, there are too many items, or too much text.
        """
        if item.id in self._items:
            raise id_taken(item.id)
        size = _characters(item)
        if makes_room:
            self._make_room(size, limit_characters)
        if len(self._items) >= self._limit_items:
            raise CallerError(
                f"Error adding item: this conversation holds {self._limit_items} items, and may not hold more. Delete "
                "some first, with 'conversation.item.delete'.",
                code="conversation_above_max_items",
                param="item",
            )
        if self._given_characters + size > limit_characters:
            raise CallerError(
                f"Error adding item: the items of this conversation would hold more than {limit_characters} "
                "characters, which no model could be told. Delete some first.",
                code="string_above_max_length",
                param="item",
            )
        previous = self._previous(previous_item_id)
        behind = [] if previous == self.last_id else self._behind(previous)
        self._add(item)
        self._move_to_end(behind)
        self._given[item.id] = size
        self._given_characters += size
        return previous

    def _make_room(self, size: int, limit_characters: int) -> None:
        """Let the oldest items go, until one more with ``size`` characters fits; none where that cannot be."""
        if size > limit_characters:
            return
        while len(self._items) >= self._limit_items:
            self._remove(next(iter(self._items)))
        while self._given_characters + size > limit_characters:
            self._remove(next(iter(self._given)))

    def _previous(self, previous_item_id: str | None) -> str | None:
        """The id of the item behind which one goes."""
        if not previous_item_id:
            return self.last_id
        if previous_item_id == "root":
            return None
        if previous_item_id not in self._items:
            raise CallerError(
                f"Error adding item: the previous item with id '{previous_item_id}' does not exist.",
                code="invalid_value",
                param="previous_item_id",
            )
        return previous_item_id

    def _behind(self, item_id: str | None) -> list[str]:
        ids = list(self._items)
        return ids if item_id is None else ids[ids.index(item_id) + 1 :]

    def _move_to_end(self, item_ids: list[str]) -> None:
        for item_id in item_ids:
            if item_id in self._items:
                self._items[item_id] = self._items.pop(item_id)

    def delete(self, item_id: str) -> None:
        """:raises CallerError: there is no such item."""
        if item_id not in self._items:
            raise CallerError(
                f"Error deleting item: the item with id '{item_id}' does not exist.",
                code="item_delete_invalid_item_id",
                param="item_id",
            )
        self._remove(item_id)

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

    def spoken(self, item_id: str, content_index: int) -> tuple[Message, OutputAudio]:
        """The assistant's message and its sound, for truncation.

        :raises CallerError: there is no such item, or it holds no model output audio, or not there.
        """
        item = self.get(item_id)
        if item is None:
            raise CallerError(
                f"Error truncating item: the item with id '{item_id}' does not exist.",
                code="item_truncate_invalid_item_id",
                param="item_id",
            )
        if isinstance(item, Message) and item.role == "assistant":
            for index, part in enumerate(item.parts):
                if not isinstance(part, OutputAudio):
                    continue
                if content_index != index:
                    raise CallerError(
                        f"Invalid 'content_index': the audio of item '{item_id}' is content part {index}, "
                        f"not {content_index}.",
                        code="invalid_value",
                        param="content_index",
                    )
                return item, part
        raise CallerError("Only model output audio messages can be truncated", param="item_id")

    def cut(self, item_id: str, samples: int, text: str) -> None:
        """Only ``samples`` of the item, saying ``text``, were heard."""
        self.heard[item_id] = Heard(samples, text)

    def forget_sound(self, limit_bytes: int) -> None:
        """Forget the oldest sound and images until ``limit_bytes`` are kept: replies first, then callers whose words
        are known, then the rest; the newest item never.
        """
        self._sound.forget(limit_bytes, newest_id=self.last_id)

    def call(self, call_id: str) -> FunctionCall | None:
        """The newest call of that id."""
        return self._calls.get(call_id)

    @property
    def waits_for_output(self) -> bool:
        """Whether a call that was made since the caller's last message has no output yet."""
        answered: set[str] = set()
        for item in reversed(self._items.values()):
            if isinstance(item, FunctionCallOutput):
                answered.add(item.call_id)
            elif isinstance(item, FunctionCall):
                if item.status == "completed" and item.call_id not in answered and not item.lost_output:
                    return True
            elif item.role == "user":
                break
        return False

    def _add(self, item: Item) -> None:
        if item.id in self._items:
            self._remove(item.id)
        self.heard.pop(item.id, None)  # Of a deleted reply of that name, which was still being spoken.
        self._items[item.id] = item
        if isinstance(item, FunctionCall):
            self._calls[item.call_id] = item
        elif isinstance(item, Message):
            self._sound.add(item)

    def _remove(self, item_id: str) -> None:
        item = self._items.pop(item_id)
        self.heard.pop(item_id, None)
        self.untold.discard(item_id)
        self.in_words.discard(item_id)
        self.goes_on.pop(item_id, None)
        self._given_characters -= self._given.pop(item_id, 0)
        self._sound.remove(item_id)
        if isinstance(item, FunctionCallOutput) and (call := self._calls.get(item.call_id)) is not None:
            call.lost_output = True
        if isinstance(item, FunctionCall) and self._calls.get(item.call_id) is item:
            del self._calls[item.call_id]
            for other in self._items.values():
                if isinstance(other, FunctionCall) and other.call_id == item.call_id:
                    self._calls[item.call_id] = other


def _characters(item: Item) -> int:
    match item:
        case FunctionCall(arguments=text) | FunctionCallOutput(output=text):
            return len(text)
        case Message(parts=parts):
            return sum(len(part.text) for part in parts if isinstance(part, InputText | OutputText))


def id_taken(item_id: str) -> CallerError:
    """The caller gives an item an id that another has, or will have."""
    return CallerError(
        f"Error adding item: an item with id '{item_id}' already exists.",
        code="item_create_duplicate_item_id",
        param="item.id",
    )
