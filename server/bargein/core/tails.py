"""What was sent of replies that are over, while the caller still hears it: usually one, without pacing several."""

from __future__ import annotations

from collections.abc import Iterator

from bargein.core.playback import Playback
from bargein.core.reply import Reply
from bargein.core.tail import Tail


class Tails:
    """Tails in the order in which they are heard. Times are in seconds."""

    def __init__(self) -> None:
        self._tails: list[Tail] = []

    def __bool__(self) -> bool:
        return bool(self._tails)

    def __repr__(self) -> str:
        return repr(self._tails)

    @property
    def replies(self) -> Iterator[Reply]:
        for tail in self._tails:
            yield tail.reply

    @property
    def newest(self) -> Reply | None:
        return self._tails[-1].reply if self._tails else None

    def add(self, reply: Reply, playback: Playback, now: float) -> None:
        """The response of ``reply`` is done."""
        self._tails.append(Tail(reply, playback, now))

    def of(self, item_id: str) -> Tail | None:
        return next((tail for tail in self._tails if tail.reply.speaks_in(item_id)), None)

    def remove(self, tail: Tail) -> None:
        self._tails.remove(tail)

    def clear(self) -> None:
        self._tails.clear()

    @property
    def can_pause(self) -> bool:
        """A hold stops the one that is heard."""
        return bool(self._tails) and self._tails[0].can_pause

    def take_heard_out(self, now: float) -> Playback | None:
        """Let go of the first, if it was heard out."""
        return self._tails.pop(0).playback if self._tails and self._tails[0].is_over(now) else None

    def first_over_at(self, now: float) -> float:
        """The earliest time at which the one that is heard can be over. There must be one."""
        return self._tails[0].over_at(now)

    def last_over_at(self, now: float) -> float:
        """The earliest time at which another reply may sound. There must be one."""
        return self._tails[-1].over_at(now)

    def wait_anew(self, now: float) -> None:
        """See :meth:`Tail.wait_anew`."""
        for tail in self._tails:
            tail.wait_anew(now)

    def forgive(self, lost_s: float) -> None:
        """See :meth:`Conversation.forgive`."""
        for tail in self._tails:
            tail.forgive(lost_s)
