"""``bargein serve`` that notes for how long its event loop was held up by any one pass.

A callback runs in every pass of the loop and looks at the CPU time of the thread: what other processes take from it
does not count. A line on standard input begins a new measurement, and is answered with the longest pass of the last
one, in milliseconds, on standard output.

Run: ``python -m benchmarks.watched_server serve …``.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bargein.cli import main
from bargein.gateway import process
from bargein.loop.lateness import Lateness, lateness_of


class Watch:
    """The longest pass so far."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._last_s = time.thread_time()
        self._longest_s = 0.0
        loop.add_reader(sys.stdin.fileno(), self._answer)
        self._look()

    def _look(self) -> None:
        now_s = time.thread_time()
        self._longest_s = max(self._longest_s, now_s - self._last_s)
        self._last_s = now_s
        self._loop.call_soon(self._look)

    def _answer(self) -> None:
        if sys.stdin.readline():
            print(f"longest {1000 * self._longest_s:.3f}", flush=True)
        self._last_s = time.thread_time()
        self._longest_s = 0.0


def watched(loop: asyncio.AbstractEventLoop) -> Lateness:
    """What the server asks of its loop when it listens."""
    Watch(loop)
    return lateness_of(loop)


if __name__ == "__main__":
    vars(process)["lateness_of"] = watched
    main()
