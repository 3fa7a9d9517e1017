"""Turns as the model is told them: pieces of one turn (:mod:`bargein.core.healing`) as one item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bargein.core.audio import AudioFormat
from bargein.core.history import GoesOn
from bargein.core.items import InputAudio, InputText, Item, Message, Part


def whole_turns(items: Iterable[Item], goes_on: Mapping[str, GoesOn], limit_ms: int) -> Sequence[Item]:
    """The items, pieces of one turn as one, with nothing of the reply between them. Where the pieces are no neighbours
    any more, for the caller has changed the conversation, they stay apart.

    :param limit_ms: no more sound than this becomes one.
    """
    told: list[Item] = []
    for item in items:
        link = goes_on.get(item.id) if goes_on else None
        before = None if link is None else _before(told, link)
        whole = None if before is None else _joined(told[before], item, limit_ms)
        if whole is None:
            told.append(item)
        else:
            told[before:] = [whole]
    return told


def _before(told: Sequence[Item], link: GoesOn) -> int | None:
    """Where the first piece is, if nothing but the reply lies behind it. It may have been joined itself."""
    position = len(told) - 1
    while position >= 0 and told[position].id in link.unheard:
        position -= 1
    return position if position >= 0 and told[position].id == link.before_id else None


def _joined(before: Item, after: Item, limit_ms: int) -> Message | None:
    """Both pieces as one; ``None``: together they are too long for one, or in two formats."""
    # Deleted, and another put in its place under the same name, it is none that was heard.
    if not isinstance(before, Message) or not isinstance(after, Message) or before.role != "user" or not before.parts:
        return None
    parts = _joined_parts(before.parts, after.parts, limit_ms)
    return None if parts is None else Message(after.id, "user", parts)


def _joined_parts(before: Sequence[Part], after: Sequence[Part], limit_ms: int) -> list[Part] | None:
    *older, last = before
    (first,) = after
    if not isinstance(last, InputAudio) or not isinstance(first, InputAudio):
        return None
    if not last.audio:
        # It is not kept any more: its words stand for it.
        return [*older, InputText(last.transcript or ""), first]
    if not first.audio:
        return [*older, last, first]
    if last.format != first.format:
        return None
    if _ms(last.audio, last.format) + _ms(first.audio, first.format) > limit_ms:
        return None
    words = f"{last.transcript} {first.transcript}" if last.transcript and first.transcript else None
    return [*older, InputAudio(last.audio + first.audio, last.format, words)]


def _ms(audio: bytes, fmt: AudioFormat) -> int:
    return fmt.ms_of(fmt.samples_of(len(audio)))
