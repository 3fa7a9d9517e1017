"""Two builds of the server, in turn on one machine: the CPU that a caller costs, and their ratio.

A build is an entry of PYTHONPATH: a checkout's ``server``, or what ``scripts/compile`` has made of one. The first is
what the others are compared with. Whoever comes first in one round comes last in the next, and what is compared are
the medians, of the time in which nothing is warming up any more: machines drift, and builds do not. Each run is also
held against how fast the server's core was meanwhile (:mod:`benchmarks.core_speed`): what is compared is the CPU that
it would have taken at the core's full speed.

Run: ``python -m benchmarks.in_turn before=DIRECTORY after=DIRECTORY [--callers 150] [--rounds 3]``.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import crowd, processes
from benchmarks.core_speed import CoreSpeed
from benchmarks.processes import LOAD_CPU, SERVER_CPU, Process

WARM_AFTER_S: Final = 12.0
TRANSPORTS: Final = ("picows", "websockets")
COLUMNS: Final = (
    "transport",
    "build",
    "CPU ms a caller-second, at speed",
    "of all runs",
    "as measured",
    "spoken to",
    "MB",
    "lost",
    "callers a core",
)
SPEED: Final = CoreSpeed(SERVER_CPU)
SPEECH_S: Final = 5.0
"""How long the model's replies are."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run showed of a caller."""

    ms_per_caller_second: float
    """CPU, once warm."""
    spoken_to: float
    """Sound that arrived, as a share of all the time of all callers: what is compared must be the same work."""
    memory_mb: float
    lost: int
    core_sum_ms: float
    """What a small sum took on the server's core meanwhile."""

    @property
    def at_speed(self) -> float:
        """:attr:`ms_per_caller_second`, had the core been at its full speed, by what is known of that now."""
        return self.ms_per_caller_second * SPEED.share(self.core_sum_ms)


async def _run(server: Process, callers: int, seconds: float) -> Cost:
    crowd_seen = asyncio.create_task(crowd.see(server, callers, seconds, binary=False, probes=False))
    await asyncio.sleep(WARM_AFTER_S)
    loop = asyncio.get_running_loop()
    began_s, before_s = loop.time(), server.cpu_s()
    await asyncio.sleep(seconds - WARM_AFTER_S - 1)
    cpu_s, lasted_s = server.cpu_s() - before_s, loop.time() - began_s
    seen = await crowd_seen
    return Cost(1000 * cpu_s / lasted_s / callers, seen.spoken_to, seen.memory_mb, seen.lost, math.nan)


def measure(build: Path, transport: str, callers: int, seconds: float) -> Cost:
    """One run of one build."""
    with processes.model(SPEECH_S, {LOAD_CPU}) as model:
        command = ["-m", "bargein", "serve", "--port", "0", "--upstream", model.url, "--transport", transport]
        # Python looks into its working directory before PYTHONPATH.
        environment = processes.SERVING | {"PYTHONPATH": str(build.resolve()), "PYTHONSAFEPATH": "1"}
        with processes.running(command, {SERVER_CPU}, environment) as server, SPEED.watched() as times:
            began_s = time.monotonic()
            cost = uvloop.run(_run(server, callers, seconds))
        warm = [at for at in times if at[0] >= began_s + WARM_AFTER_S]
        return replace(cost, core_sum_ms=SPEED.average_ms(warm))


def table(found: dict[tuple[str, str], list[Cost]], builds: list[str]) -> Table:
    """Medians; a line for each transport and build."""
    table = Table(title="CPU of a caller, builds in turn", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for transport in TRANSPORTS:
        first = None
        for build in builds:
            costs = found.get((transport, build))
            if costs is None:
                continue
            each = sorted(cost.at_speed for cost in costs)
            median = statistics.median(each)
            first = first or median
            table.add_row(
                transport,
                build,
                f"{median:.2f}",
                f"{each[0]:.2f} to {each[-1]:.2f}",
                f"{statistics.median(cost.ms_per_caller_second for cost in costs):.2f}",
                f"{statistics.median(cost.spoken_to for cost in costs):.0%}",
                f"{statistics.median(cost.memory_mb for cost in costs):.0f}",
                str(sum(cost.lost for cost in costs)),
                f"x {first / median:.2f}",
            )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", nargs="+", metavar="NAME=DIRECTORY")
    parser.add_argument("--callers", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=36)
    parser.add_argument("--transport", choices=TRANSPORTS, action="append", help="only this one")
    options = parser.parse_args()
    named = dict(build.partition("=")[::2] for build in options.builds)
    builds = {name: Path(directory) for name, directory in named.items()}
    for name, directory in builds.items():
        if not (directory / "bargein").is_dir():
            parser.error(f"{name}: there is no package 'bargein' in {directory}")
    os.sched_setaffinity(0, {LOAD_CPU})
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    found: dict[tuple[str, str], list[Cost]] = {}
    for number in range(options.rounds):
        for transport in options.transport or TRANSPORTS:
            for name in list(builds)[:: 1 if number % 2 == 0 else -1]:
                cost = measure(builds[name], transport, options.callers, options.seconds)
                found.setdefault((transport, name), []).append(cost)
                console.print(
                    f"{number + 1} {transport} {name}: {cost.ms_per_caller_second:.2f} ms a caller-second, the core at "
                    f"{SPEED.share(cost.core_sum_ms):.0%} of its speed"
                )
    console.print(table(found, list(builds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
