"""How late the event loop is: what every caller feels at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PROBE_INTERVAL_S: Final = 0.1


class LoopLagProbe:
    """Asks to be called at a time, again and again, and reports how much later that was.

    :param observe: takes each lateness, in seconds.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, observe: Callable[[float], None]) -> None:
        self._loop = loop
        self._observe = observe
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        due_s = self._loop.time() + PROBE_INTERVAL_S
        self._handle = self._loop.call_at(due_s, self._measure, due_s)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _measure(self, due_s: float) -> None:
        self._observe(max(0.0, self._loop.time() - due_s))
        self.start()
