"""How fast a core really was while something was measured on it.

A core of a rented machine is often half of a physical one, and the other half belongs to somebody else. While that half
works, this one computes at some 60 % of its speed, for seconds or hours, and nothing that the kernel counts shows it:
the CPU time of a process just grows. So a small sum is timed on the same core ten times a second, by its own CPU time:
0.3 % of it.

Run: ``python -m benchmarks.core_speed CPU SECONDS`` for a look at the machine.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.processes import ROOT

EVERY_S: Final = 0.1
LOOPS: Final = 6_000
USUAL_SHARE: Final = 0.95
"""Of the sums count for the average: a stall of the whole machine may fall into one of them."""
FEWEST: Final = 5
"""Sums that say something of a stretch."""
LOOK_S: Final = 1.5
"""How long :meth:`CoreSpeed.wait` looks at once."""
SLOW_SHARE: Final = 0.9
"""Below this share of its best a core was not the core that other figures are of."""

Times = list[tuple[float, float]]
"""When the sum was made, on ``time.monotonic``, and its CPU time in ms."""


class CoreSpeed:
    """What one core can do, and did."""

    def __init__(self, cpu: int) -> None:
        self.cpu = cpu
        self._best_ms: float | None = None
        """The quickest tenth of any stretch: what the core can do when it is alone."""

    @contextmanager
    def watched(self) -> Iterator[Times]:
        """While the block runs the list is empty; then it holds what was seen."""
        seen: Times = []
        watcher = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.core_speed", str(self.cpu)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        try:
            yield seen
        finally:
            watcher.terminate()
            said, _ = watcher.communicate()
            # The last line may have been cut off.
            pairs = [line.split() for line in said.splitlines()[:-1]]
            seen += [(float(at_s), float(sum_ms)) for at_s, sum_ms in pairs]

    def average_ms(self, times: Times) -> float:
        """What the sum took on average; NaN for too few to say. Also learns what the core can do."""
        if len(times) < FEWEST:
            return math.nan
        sums_ms = sorted(sum_ms for _, sum_ms in times)
        quick_ms = statistics.quantiles(sums_ms, n=10)[0]
        self._best_ms = min(quick_ms, self._best_ms or quick_ms)
        return statistics.fmean(sums_ms[: math.ceil(USUAL_SHARE * len(sums_ms))])

    def share(self, average_ms: float) -> float:
        """That as a speed: a share of the best that was seen until now. It falls when the core shows that it can do
        more.
        """
        return math.nan if self._best_ms is None else min(1.0, self._best_ms / average_ms)

    def wait(self, at_most_s: float) -> float:
        """Return when the core has its speed, or after so long; returns the speed, NaN where nothing could be seen."""
        until_s = time.monotonic() + at_most_s
        while True:
            with self.watched() as times:
                time.sleep(LOOK_S)
            share = self.share(self.average_ms(times))
            if share >= SLOW_SHARE or time.monotonic() > until_s:
                return share


def sum_ms() -> float:
    """CPU time of one small sum."""
    began_ns = time.thread_time_ns()
    total = 0
    for number in range(LOOPS):
        total += number * number
    return (time.thread_time_ns() - began_ns) / 1e6


def main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    until_s = time.monotonic() + float(sys.argv[2]) if len(sys.argv) > 2 else float("inf")
    while time.monotonic() < until_s:
        print(f"{time.monotonic():.3f} {sum_ms():.3f}", flush=True)
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
