"""Tasks that belong to somebody, and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """The tasks of one owner. The event loop itself holds on to a task only weakly: here it is kept until it ends.

    Unlike :class:`asyncio.TaskGroup` nobody waits for them meanwhile, and none that fails ends the others: each deals
    with its own errors.
    """

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many have not ended."""
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None], name: str | None = None) -> asyncio.Task[None]:
        """Do ``work`` beside what goes on."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def cancel(self) -> None:
        """End all of them; :meth:`wait` returns when they have."""
        for task in self._running:
            task.cancel()

    async def wait(self) -> None:
        """Return when none is left. Cancelled, it leaves them alone."""
        if self._running:
            await asyncio.wait(self._running)
