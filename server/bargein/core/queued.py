"""The response that begins when the active one is done: one at most, for each is asked with the whole conversation."""

from __future__ import annotations

from dataclasses import dataclass

from bargein.core.events import ResponseRequested
from bargein.core.rulings import Asker


@dataclass(slots=True)
class _Queued:
    wanted: ResponseRequested
    answers: tuple[str, ...]
    """The items of the turns that it answers by itself; empty where the caller has asked for it."""


class ResponseQueue:
    """Answers that turn detection wants, and responses that the caller has asked for, until they can begin."""

    def __init__(self) -> None:
        self._queued: _Queued | None = None

    def add_answer(self, wanted: ResponseRequested, item_id: str) -> None:
        """Turn ``item_id`` is to be answered. Whatever is queued already will be told of it too."""
        if self._queued is None:
            self._queued = _Queued(wanted, (item_id,))
        elif self._queued.answers:
            self._queued.answers = (*self._queued.answers, item_id)

    def add(self, wanted: ResponseRequested) -> bool:
        """The caller has asked for a response. Returns whether there is room for it."""
        self.replace_answer(wanted)
        if self._queued is not None:
            return False
        self._queued = _Queued(wanted, ())
        return True

    def replace_answer(self, wanted: ResponseRequested) -> None:
        """What the caller asks for, about the whole conversation, stands in for an answer that is queued."""
        if self._queued is not None and self._queued.answers and wanted.input is None:
            self._queued = None

    def withdraw(self, item_id: str) -> None:
        """An item is deleted: no answer to it is wanted any more."""
        if self._queued is not None and item_id in self._queued.answers:
            self._queued.answers = tuple(answered for answered in self._queued.answers if answered != item_id)
            if not self._queued.answers:
                self._queued = None

    @property
    def asker(self) -> Asker | None:
        """Who has asked for what is queued; ``None`` if nothing is."""
        if self._queued is None:
            return None
        return Asker.TURN if self._queued.answers else Asker.CALLER

    def take(self) -> ResponseRequested | None:
        """What is queued begins."""
        queued, self._queued = self._queued, None
        return None if queued is None else queued.wanted

    def drop(self) -> ResponseRequested | None:
        """Nothing begins any more. Returns what the caller had asked for, and waits for."""
        queued, self._queued = self._queued, None
        return None if queued is None or queued.answers else queued.wanted
