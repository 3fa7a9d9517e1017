"""One timer for many sleepers."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Final

TICK_S: Final = 0.02


class AlarmClock:
    """Wakes every sleeper that is due, all together once per tick: far cheaper than a timer for each.

    The tick runs only while somebody sleeps. Sleepers wake up to one tick late, never early.
    """

    def __init__(self, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    async def until(self, due_s: float) -> None:
        """Sleep until a time of the monotonic clock."""
        if due_s <= time.monotonic():
            return
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (due_s, next(self._numbers), sleeper))
        if self._timer is None:
            self._timer = loop.call_later(self._tick_s, self._tick, loop)
        await sleeper

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        while self._sleepers and self._sleepers[0][0] <= now:
            sleeper = heapq.heappop(self._sleepers)[2]
            if not sleeper.done():
                sleeper.set_result(None)
        self._timer = loop.call_later(self._tick_s, self._tick, loop) if self._sleepers else None
