"""How late the event loop is: what every caller feels at once, and what is nobody's fault.

A machine is paused, a neighbour takes the processor, one callback holds up all others: time passes in which nothing is
read, and what should have been read meanwhile waits in the kernel. A deadline or an allowance that counted such time
would punish whoever it is about for what the process did. So all of them ask here how much of it there was.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary, ref

PROBE_INTERVAL_S: Final = 0.1
FORGIVEN_FROM_S: Final = 0.1
"""Less lateness than this is the usual bustle: it moves no deadline."""


class Lateness:
    """Asks an event loop to be called at a time, again and again, and counts how much later that was.

    There is one for each loop, see :func:`lateness_of`. It runs until the loop is closed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)
        """Not held on to: the loop's timer holds on to us."""
        self._lost_s = 0.0
        self._observe: Callable[[float], None] = _nothing
        self._due_s = -math.inf
        self._beat()

    def report_to(self, observe: Callable[[float], None]) -> None:
        """Let ``observe`` take each lateness from now on, in seconds: the small ones too."""
        self._observe = observe

    @property
    def known_lost_s(self) -> float:
        """:meth:`lost_s` as it was last counted: cheap, and for the beginning of a wait good enough."""
        return self._lost_s

    def lost_s(self) -> float:
        """How long the loop has stood still since it began, in all. Counts a stall that is just over, even if nobody
        has noticed it before.
        """
        if self._now() - self._due_s > FORGIVEN_FROM_S:
            self._count()
        return self._lost_s

    def _now(self) -> float:
        loop = self._loop()
        return 0.0 if loop is None else loop.time()

    def _count(self) -> None:
        now = self._now()
        late_s = max(0.0, now - self._due_s)
        self._due_s = now + PROBE_INTERVAL_S
        self._observe(late_s)
        if late_s > FORGIVEN_FROM_S:
            self._lost_s += late_s

    def _beat(self) -> None:
        if self._due_s == -math.inf:
            self._due_s = self._now() + PROBE_INTERVAL_S
        elif self._now() >= self._due_s:
            self._count()
        loop = self._loop()
        if loop is not None:
            loop.call_at(self._due_s, self._beat)


def lateness_of(loop: asyncio.AbstractEventLoop) -> Lateness:
    """The one of ``loop``, which is running or about to."""
    lateness = _of.get(loop)
    if lateness is None:
        lateness = _of[loop] = Lateness(loop)
    return lateness


_of: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Lateness]] = WeakKeyDictionary()


def _nothing(_: float) -> None:
    pass
