"""One tick for all callers: no task and no timer per caller or per frame."""

from __future__ import annotations

import asyncio
import time
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Protocol

SLOT_MS: Final = 2
"""Callers are spread over slots of this length within a frame: people do not speak in step."""
LATE_S: Final = 0.01
"""What is measured while the generator itself was later than this says nothing about the server."""

MAKING_UP_S: Final = 0.005
"""How long after a late period the frames that were due in it may still be going out, one right after the other."""


class Ticked(Protocol):
    def tick(self, now_s: float) -> None:
        """Called once in each frame."""
        ...


@dataclass(frozen=True, slots=True)
class LatePeriod:
    """The generator should have run at ``from_s``, and ran at ``to_s``, on its own clock."""

    from_s: float
    to_s: float


class Ticker:
    """Calls every member once in each frame of ``frame_ms``, and notes how late it is itself."""

    def __init__(self, frame_ms: int) -> None:
        self._slots: list[list[Ticked]] = [[] for _ in range(max(1, frame_ms // SLOT_MS))]
        self._slot_s = frame_ms / 1000 / len(self._slots)
        self.lateness_s = array("f")
        """Of every slot."""
        self.late_periods: list[LatePeriod] = []

    def add(self, member: Ticked) -> None:
        min(self._slots, key=len).append(member)

    def remove(self, member: Ticked) -> None:
        for slot in self._slots:
            if member in slot:
                slot.remove(member)

    async def run(self) -> None:
        """Tick until cancelled. Slots that are overdue are made up for, so that no frame is ever lost."""
        began_s = time.monotonic()
        number = 0
        while True:
            due_s = began_s + number * self._slot_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            now_s = time.monotonic()
            late_s = now_s - due_s
            self.lateness_s.append(late_s)
            if late_s > LATE_S:
                self._note_late(due_s, now_s)
            for member in self._slots[number % len(self._slots)]:
                member.tick(now_s)
            number += 1

    def was_late(self, at_s: float) -> bool:
        """Whether what was done or noticed at this moment may have been so late, or made up for lateness."""
        place = bisect_right(self.late_periods, at_s, key=lambda period: period.from_s)
        return place > 0 and at_s <= self.late_periods[place - 1].to_s + MAKING_UP_S

    def _note_late(self, due_s: float, now_s: float) -> None:
        last = self.late_periods[-1] if self.late_periods else None
        if last is not None and due_s <= last.to_s:
            self.late_periods[-1] = LatePeriod(last.from_s, now_s)
        else:
            self.late_periods.append(LatePeriod(due_s, now_s))
