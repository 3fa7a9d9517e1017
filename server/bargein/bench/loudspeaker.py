"""The caller's player: what of the reply is heard when, as a stock client and as one of ``bargein.v1`` play it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from bargein.bench.waves import RATE_HZ


@dataclass(slots=True)
class Piece:
    """Sound that came and was not played yet: samples of an item's audio."""

    response_id: str
    item_id: str
    start: int
    count: int


@dataclass(slots=True)
class Played:
    """A stretch of sound without a gap in it.

    :ivar at: when it began, in samples of the call.
    """

    at: int
    response_id: str
    item_id: str
    start: int
    count: int
    quiet: bool = False
    """It was ducked."""

    @property
    def stop_s(self) -> float:
        return (self.at + self.count) / RATE_HZ


class Loudspeaker:
    """Plays what comes, one piece behind the other, on the call's clock."""

    def __init__(self) -> None:
        self.log: list[Played] = []
        self.paused = False
        self.ducked = False
        self.lost_samples = 0
        self.repeated_samples = 0
        self._queue: deque[Piece] = deque()
        self._now = 0
        self._came: dict[str, int] = {}
        self._dropped: set[str] = set()

    @property
    def playing(self) -> bool:
        return bool(self._queue) and not self.paused

    @property
    def current(self) -> tuple[str, str, int] | None:
        """Response, item, and the first of its samples that was not played: of what plays, or played last."""
        if self._queue:
            piece = self._queue[0]
            return piece.response_id, piece.item_id, piece.start
        if self.log:
            last = self.log[-1]
            return last.response_id, last.item_id, last.start + last.count
        return None

    def came(self, piece: Piece) -> None:
        """Sound has come."""
        expected = self._came.get(piece.item_id, 0)
        self.lost_samples += max(0, piece.start - expected)
        self.repeated_samples += max(0, expected - piece.start)
        self._came[piece.item_id] = piece.start + piece.count
        if piece.item_id not in self._dropped:
            self._queue.append(piece)

    def advance(self, now_s: float) -> list[Played]:
        """Play until then; returns what was played."""
        until = round(now_s * RATE_HZ)
        fresh: list[Played] = []
        while self._queue and not self.paused and self._now < until:
            piece = self._queue[0]
            count = min(piece.count, until - self._now)
            fresh.append(Played(self._now, piece.response_id, piece.item_id, piece.start, count, self.ducked))
            self._note(fresh[-1])
            piece.start += count
            piece.count -= count
            self._now += count
            if not piece.count:
                self._queue.popleft()
        self._now = max(self._now, until)
        return fresh

    def drop(self, item_id: str | None = None) -> int:
        """Let go of what is queued, of one item or of all; returns the position of it that was reached."""
        current = self.current
        position = 0 if current is None else current[2]
        for piece in self._queue:
            if item_id in {None, piece.item_id}:
                self._dropped.add(piece.item_id)
        if item_id is not None:
            self._dropped.add(item_id)
        self._queue = deque(piece for piece in self._queue if item_id is not None and piece.item_id != item_id)
        self.paused = self.ducked = False
        return position if current is not None and item_id in {None, current[1]} else self._came.get(item_id or "", 0)

    def silence_s(self, from_s: float, until_s: float) -> float:
        """For how long nothing was heard."""
        heard = 0.0
        for played in self.log:
            heard += max(0.0, min(until_s, played.stop_s) - max(from_s, played.at / RATE_HZ))
        return max(0.0, until_s - from_s - heard)

    def quiet_s(self, from_s: float, until_s: float) -> float:
        """For how long it was ducked."""
        heard = (played for played in self.log if played.quiet)
        return sum(max(0.0, min(until_s, one.stop_s) - max(from_s, one.at / RATE_HZ)) for one in heard)

    def last_loud_s(self, response_id: str) -> float | None:
        """When a reply was heard last that was not ducked."""
        loud = (played for played in reversed(self.log) if played.response_id == response_id and not played.quiet)
        return next((played.stop_s for played in loud), None)

    def last_heard_s(self, response_id: str) -> float | None:
        """When a reply was heard last."""
        return next((played.stop_s for played in reversed(self.log) if played.response_id == response_id), None)

    def heard_s(self, from_s: float, until_s: float) -> float:
        return until_s - from_s - self.silence_s(from_s, until_s)

    def _note(self, played: Played) -> None:
        last = self.log[-1] if self.log else None
        follows = (
            last is not None
            and last.item_id == played.item_id
            and last.at + last.count == played.at
            and last.start + last.count == played.start
            and last.quiet == played.quiet
        )
        if follows and last is not None:
            last.count += played.count
        else:
            self.log.append(replace(played))
