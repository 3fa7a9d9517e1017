"""Whether what the server sends is what the model said: all of it, once, in order."""

from __future__ import annotations

from dataclasses import dataclass

from bargein.bench.reply import Spoke
from bargein.bench.waves import Sound, pcm16


@dataclass(slots=True)
class _Item:
    """How far an item has come, and what of the reply that was."""

    offset: int = 0
    """What to add to a sample's place in the item for its place in the reply."""
    taken_up: bool = False


class ReplyCheck:
    """Follows the items of one call. Each begins at the reply's first sample, but those that take up a reply which was
    interrupted for nothing: they begin anywhere, and once more where the model is asked to go on.
    """

    def __init__(self, reply: Spoke) -> None:
        self._sound = reply.sound
        self._raw = pcm16(reply.sound).astype("<i2").tobytes()
        self._items: dict[str, _Item] = {}

    def is_intact(self, item_id: str, start: int, raw: bytes) -> bool:
        """Whether the samples ``raw``, at ``start`` of an item, are what comes next."""
        item = self._items.setdefault(item_id, _Item())
        if self._matches(item, start, raw):
            return True
        if start and not item.taken_up:
            return False
        place = self._raw.find(raw)
        while place > 0 and place % 2:  # Within a sample: not there.
            place = self._raw.find(raw, place + 1)
        if place < 0:
            return False
        item.offset, item.taken_up = place // 2 - start, True
        return True

    def sound(self, item_id: str, start: int, count: int) -> Sound:
        """What samples of an item sound like."""
        place = start + self._items.setdefault(item_id, _Item()).offset
        return self._sound[place : place + count]

    def _matches(self, item: _Item, start: int, raw: bytes) -> bool:
        first = 2 * (start + item.offset)
        return first >= 0 and self._raw[first : first + len(raw)] == raw
