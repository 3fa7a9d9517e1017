"""Work that is too long for one pass of the event loop, in pieces: one caller's work never holds up another's sound.

Whoever has such work cuts it into steps of at most a few milliseconds. In each pass of the loop some time is spent on
them, in turn for everybody who has some.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final
from weakref import WeakKeyDictionary, ref

Step = Callable[[], bool]
"""Does a piece of the work. Returns whether there is more."""

PASS_S: Final = 0.004
"""Of each pass of the event loop. A step that has begun is finished."""


class Chores:
    """What there is to do on one event loop, see :func:`chores_of`. For its thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)
        self._steps: deque[Step] = deque()
        self._is_due = False

    def add(self, step: Step) -> None:
        """Call ``step`` in passes to come, until it returns false. What it raises goes to the loop's exception handler,
        and it is not called again.
        """
        self._steps.append(step)
        self._wake()

    def _wake(self) -> None:
        loop = self._loop()
        if not self._is_due and loop is not None:
            self._is_due = True
            loop.call_soon(self._run)

    def _run(self) -> None:
        self._is_due = False
        end = perf_counter() + PASS_S
        steps = self._steps
        while steps:
            step = steps.popleft()
            if self._call(step):
                steps.append(step)
            if perf_counter() >= end:
                break
        if steps:
            self._wake()

    def _call(self, step: Step) -> bool:
        try:
            return step()
        except Exception as error:
            loop = self._loop()
            if loop is not None:
                loop.call_exception_handler({"message": "a piece of work failed", "exception": error})
            return False


def chores_of(loop: asyncio.AbstractEventLoop) -> Chores:
    """The ones of ``loop``."""
    chores = _of.get(loop)
    if chores is None:
        chores = _of[loop] = Chores(loop)
    return chores


_of: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Chores]] = WeakKeyDictionary()
