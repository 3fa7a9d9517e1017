"""Which items can be told at all: a conversation is longer than a context, and all of it need not be read each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bargein.core.history import Heard
from bargein.core.items import (
    InputAudio,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)
from bargein.core.sizes import CHARACTERS_PER_TOKEN, USER_AUDIO_MS_PER_TOKEN


def recent_items(items: Sequence[Item], heard: Mapping[str, Heard], max_tokens: int) -> Sequence[Item]:
    """The newest of ``items`` that ``max_tokens`` may have room for, and one more where there are older ones; and what
    belongs to the calls among them, however old it is.

    What is counted is the least that an item can be told in, and no text is looked at to know it.
    """
    tokens = 0
    for position in range(len(items) - 1, 0, -1):
        item = items[position]
        if isinstance(item, Message):
            tokens += _least_tokens(item, heard.get(item.id))
        if tokens > max_tokens:
            older, recent = items[:position], items[position:]
            calls = {item.call_id for item in recent if not isinstance(item, Message)}
            return [*(item for item in older if not isinstance(item, Message) and item.call_id in calls), *recent]
    return items


def _least_tokens(message: Message, heard: Heard | None) -> int:
    tokens = 0
    for part in message.parts:
        match part:
            case InputText(text) | OutputText(text):
                tokens += len(text) // CHARACTERS_PER_TOKEN
            case InputAudio(audio, fmt, transcript):
                told_ms = 0 if transcript else fmt.ms_of(fmt.samples_of(len(audio)))
                tokens += told_ms // USER_AUDIO_MS_PER_TOKEN
            case OutputAudio():
                characters = part.timeline.length if heard is None else len(heard.text)
                tokens += characters // CHARACTERS_PER_TOKEN
            case _:
                pass
    return tokens
