"""The timers of all sessions in one heap: no task and no event-loop timer per session or per frame.

A sleeping task for each of 500 sessions costs 22 % of a core, one shared tick 1.6 % (measured on asyncio). Times are
given on a clock that counts seconds; due callbacks run on the event loop's thread, up to :data:`TICK_S` late.

A process that was held up reads before it judges: timers that come much too late let the event loop look at its sockets
first, and :meth:`Timers.wait` counts no time in which the loop stood still.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable, Hashable
from typing import Final, Protocol

from bargein.loop.lateness import Lateness, lateness_of

TICK_S: Final = 0.005
"""Callbacks are bundled on a grid of this many seconds."""
READ_FIRST_S: Final = 0.1
"""Timers that are later than this wait until what has come meanwhile was read."""


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """Seconds since any fixed moment; never goes back."""
        ...


class LoopClock:
    """The event loop's own monotonic clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now: Final = loop.time


COUNTS_ALL: Final = -1.0


class _Entry:
    """One key's callback, and where its live heap entry stands."""

    __slots__ = ("callback", "heap_when_s", "key", "lost_s", "when_s")

    def __init__(self, key: Hashable, when_s: float, callback: Callable[[], None]) -> None:
        self.key: Hashable = key
        self.when_s = when_s
        self.heap_when_s = when_s
        self.lost_s = COUNTS_ALL
        """For :meth:`Timers.wait`: how long the loop had stood still when the wait began, or was last moved."""
        self.callback: Callable[[], None] | None = callback


class Timers:
    """Calls back at given times; each key has at most one time.

    Moving a key's time later is a plain assignment: the heap finds out when the old time comes. So a session may call
    :meth:`schedule` after every event.

    :param clock: the time that ``when_s`` is on.
    :param loop: wakes the timers by itself where given, and must share ``clock``'s time; without it somebody calls
        :meth:`run_due`.
    """

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop | None = None, *, tick_s: float = TICK_S) -> None:
        self.clock: Final = clock
        self._loop = loop
        self._tick_s = tick_s
        self._entries: dict[Hashable, _Entry] = {}
        self._heap: list[tuple[float, int, _Entry]] = []
        self._numbers = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._armed_s = math.inf
        self._lateness: Lateness | None = None if loop is None else lateness_of(loop)
        self._earliest_s = -math.inf
        """While callbacks run, nothing can be scheduled for this run any more."""

    @property
    def pending(self) -> int:
        """How many keys have a time."""
        return len(self._entries)

    def schedule(self, key: Hashable, when_s: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` once at ``when_s``; what was scheduled under ``key`` before is forgotten."""
        when_s = max(when_s, self._earliest_s)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(key, when_s, callback)
        else:
            entry.callback = callback
            entry.when_s = when_s
            entry.lost_s = COUNTS_ALL
            if when_s >= entry.heap_when_s:
                return
            entry.heap_when_s = when_s
        heapq.heappush(self._heap, (when_s, next(self._numbers), entry))
        if len(self._heap) > 64 + 4 * len(self._entries):
            self._compact()
        if when_s < self._armed_s:
            self._arm()

    def wait(self, key: Hashable, delay_s: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when ``delay_s`` have passed in which the loop ran: for whoever would be blamed."""
        self.schedule(key, self.clock.now() + delay_s, callback)
        if self._lateness is not None:
            self._entries[key].lost_s = self._lateness.known_lost_s

    @property
    def lost_s(self) -> float:
        """How long the loop has stood still since it began; 0 for a clock that somebody moves by hand."""
        return 0.0 if self._lateness is None else self._lateness.lost_s()

    def cancel(self, key: Hashable) -> None:
        """Forget what is scheduled under ``key``, if anything is."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            # The entry stays in the heap until its time, which may be an hour away: it must hold on to nobody.
            entry.callback = entry.key = None

    def next_due(self) -> float | None:
        """When :meth:`run_due` should be called next, in seconds on the clock; it may find nothing to do."""
        return self._heap[0][0] if self._heap else None

    def run_due(self) -> None:
        """Call every callback whose time has come, in the order of the times.

        What a callback schedules for now waits for the next run. An exception of one callback goes to the event loop's
        exception handler and holds up nobody else's; without a loop it is raised.
        """
        now_s = self.clock.now()
        lost_s = self.lost_s
        self._earliest_s = math.nextafter(now_s, math.inf)
        try:
            while self._heap and self._heap[0][0] <= now_s:
                heap_when_s, _, entry = heapq.heappop(self._heap)
                if entry.callback is None or heap_when_s != entry.heap_when_s:
                    continue
                if COUNTS_ALL < entry.lost_s < lost_s:
                    entry.when_s += lost_s - entry.lost_s
                    entry.lost_s = lost_s
                if entry.when_s > heap_when_s:  # It was moved: others may come before it now.
                    entry.heap_when_s = entry.when_s
                    heapq.heappush(self._heap, (entry.when_s, next(self._numbers), entry))
                    continue
                del self._entries[entry.key]
                self._call(entry)
        finally:
            self._earliest_s = -math.inf

    def _call(self, entry: _Entry) -> None:
        callback, entry.callback = entry.callback, None
        try:
            if callback is not None:
                callback()
        except Exception as error:
            if self._loop is None:
                raise
            self._loop.call_exception_handler({"message": "a timer's callback failed", "exception": error})

    def _compact(self) -> None:
        """Drop the heap's dead entries, which otherwise stay until their time."""
        self._heap = [(entry.when_s, next(self._numbers), entry) for entry in self._entries.values()]
        for when_s, _, entry in self._heap:
            entry.heap_when_s = when_s
        heapq.heapify(self._heap)

    def close(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._armed_s = math.inf

    def _arm(self) -> None:
        if self._loop is None or not self._heap:
            return
        when_s = math.ceil(self._heap[0][0] / self._tick_s) * self._tick_s
        if when_s >= self._armed_s:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._armed_s = when_s
        self._handle = self._loop.call_at(when_s, self._tick)

    def _tick(self) -> None:
        self._handle = None
        if self._loop is not None and self.clock.now() - self._armed_s > READ_FIRST_S:
            # Nobody arms it meanwhile. What is called soon runs before the sockets are looked at again; what that
            # calls soon, after.
            self._armed_s = -math.inf
            self._loop.call_soon(self._loop.call_soon, self._run)
        else:
            self._run()

    def _run(self) -> None:
        self._armed_s = math.inf
        self.run_due()
        self._arm()
