"""How many callers one core carries: this server, a bare relay below it, and a straightforward server beside it.

Finds the largest number of callers at which a core still meets the limits, for each server in turn: the server alone on
one core, the callers and the model on the other. 20 ms frames, every caller sending all the time, half of them being
spoken to, interruptions every few seconds.

Run: ``python -m benchmarks.capacity`` (25 minutes, or twice that on a slow machine); ``--help`` for parts of it.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import crowd, processes
from benchmarks.core_speed import SLOW_SHARE, CoreSpeed
from benchmarks.crowd import LISTENING, SCENARIO, Seen
from benchmarks.processes import LOAD_CPU, SERVER_CPU, Process

REACTION_LIMIT_MS: Final = 150.0
DELTA_LIMIT_MS: Final = 20.0
SPEAK_S: Final = 5.0
COMMON_S: Final = 20.0
"""How long the runs for the comparison of costs are at least: callers begin by speaking, and are spoken to later."""
STEP: Final = 1.25
GRAIN: Final = 25
FINENESS: Final = 0.05
"""The search ends when it knows the number to within so much, or :data:`GRAIN` callers."""
TRIES: Final = 2
"""A number is too large when it misses the limits so often: one stall of the machine says nothing of the server."""
TRIES_IN_ALL: Final = 3
"""Those included during which the core was not at its speed."""
WAIT_S: Final = 20.0
"""How long is waited, before each run, for a core that is not at its speed."""
SPEED: Final = CoreSpeed(SERVER_CPU)
CONSOLE: Final = Console(highlight=False, width=None if sys.stdout.isatty() else 150)


@dataclass(frozen=True, slots=True)
class Stack:
    """One server under test."""

    name: str
    kind: str
    """``relay``, ``straightforward`` or ``bargein``."""
    transport: str
    guess: int
    binary: bool = False
    compiled: bool = True

    @property
    def reacts(self) -> bool:
        return self.kind != "relay"


STACKS: Final = (
    # Those that are compared in callers stand together: the machine changes within minutes.
    Stack("straightforward", "straightforward", "websockets", 180),
    Stack("bargein, picows", "bargein", "picows", 600),
    Stack("bargein, websockets", "bargein", "websockets", 450),
    Stack("bargein, picows, interpreted", "bargein", "picows", 400, compiled=False),
    Stack("bargein, picows, binary", "bargein", "picows", 600, binary=True),
    Stack("relay, websockets", "relay", "websockets", 950),
    Stack("relay, picows", "relay", "picows", 1300),
)


@contextmanager
def serving(stack: Stack) -> Iterator[Process]:
    """The server of a stack on its core, with a model on the other."""
    with ExitStack() as running:
        if stack.kind == "relay":
            command = ["-m", "benchmarks.relay", stack.transport, "0"]
            yield running.enter_context(processes.running(command, {SERVER_CPU}))
            return
        model = running.enter_context(processes.model(SPEAK_S, {LOAD_CPU}))
        if stack.kind == "straightforward":
            command = ["-m", "benchmarks.straightforward", "0", model.url]
            yield running.enter_context(processes.running(command, {SERVER_CPU}))
        else:
            yield running.enter_context(
                processes.bargein(model.url, stack.transport, {SERVER_CPU}, compiled=stack.compiled)
            )


def measure(stack: Stack, callers: int, seconds: float, *, probes: bool = True) -> Seen:
    """One run against a fresh server.

    :param probes: let some callers notice the hold, where there is one. They interrupt far more often than the others.
    """
    SPEED.wait(WAIT_S)
    with serving(stack) as server, SPEED.watched() as times:
        seen = uvloop.run(
            crowd.see(
                server,
                callers,
                seconds,
                binary=stack.binary,
                probes=probes and stack.kind == "bargein",
                scenario=SCENARIO if stack.reacts else LISTENING,
            )
        )
    seen.core_sum_ms = SPEED.average_ms([time for time in times if seen.full_from_s <= time[0] <= seen.full_to_s])
    return seen


def core_speed(seen: Seen) -> float:
    """Of the server's core during a run, by what is known of it now."""
    return SPEED.share(seen.core_sum_ms)


def cpu_ms_at_speed(seen: Seen) -> float:
    """CPU a caller-second, had the core been at its full speed."""
    return seen.cpu_ms_per_caller_second * core_speed(seen)


def shortfall(stack: Stack, seen: Seen) -> str | None:
    """Which limit was not met; ``None``: all were."""
    if seen.lost:
        return f"{seen.lost} calls or replies lost"
    if seen.delta_p99 > DELTA_LIMIT_MS:
        return f"delta p99 {seen.delta_p99:.0f} ms"
    if stack.reacts and (seen.reaction_p99 is None or seen.reaction_p99 > REACTION_LIMIT_MS):
        return f"reaction p99 {seen.reaction_p99 or float('inf'):.0f} ms"
    return None


def largest(stack: Stack, seconds: float) -> Seen | None:
    """The run with the most callers that met the limits: by growing steps, then by halving.

    It begins at a guess for this kind of machine, the less so the slower the core is just now.
    """
    best: Seen | None = None
    failed: int | None = None
    speed = SPEED.wait(WAIT_S)
    callers = stack.guess if math.isnan(speed) else int(stack.guess * speed)
    while failed is None or best is None or failed - best.callers > max(GRAIN, FINENESS * failed):
        seen = _meets(stack, callers, seconds)
        if seen is not None:
            best = seen
        else:
            failed = callers
        if failed is not None and failed <= GRAIN:
            return best
        if failed is None:
            callers = int(callers * STEP)
        elif best is None:
            callers = max(GRAIN, int(callers / STEP))
        else:
            callers = (best.callers + failed) // 2
    return best


def _meets(stack: Stack, callers: int, seconds: float) -> Seen | None:
    """The first run with so many callers that met the limits."""
    misses = misses_at_speed = 0
    while misses_at_speed < TRIES and misses < TRIES_IN_ALL:
        seen = measure(stack, callers, seconds)
        short = shortfall(stack, seen)
        CONSOLE.print(f"  {stack.name}: {_line(seen)}: {short or 'ok'}", soft_wrap=True)
        if short is None:
            return seen
        misses += 1
        misses_at_speed += core_speed(seen) >= SLOW_SHARE
    return None


def _line(seen: Seen) -> str:
    reaction = f", reaction p99 {seen.reaction_p99:.0f} ms" if seen.reaction_p99 is not None else ""
    return (
        f"{seen.callers} callers, {seen.cpu_percent:.0f} % of the core at {100 * core_speed(seen):.0f} % of its speed, "
        f"{cpu_ms_at_speed(seen):.2f} ms a caller-second at full speed, spoken to {100 * seen.spoken_to:.0f} %, "
        f"delta p50 {seen.delta_p50:.1f} p99 {seen.delta_p99:.1f} ms{reaction}, "
        f"generator p99 {seen.generator_p99:.1f} ms"
    )


def at_common_load(callers: int, seconds: float, stacks: list[Stack]) -> dict[str, Seen]:
    """Every server with the same callers: what a caller costs on each."""
    found = {}
    for stack in stacks:
        found[stack.name] = measure(stack, callers, max(seconds, COMMON_S), probes=False)
        CONSOLE.print(f"  {stack.name}: {_line(found[stack.name])}", soft_wrap=True)
    return found


def at_seventy(best: dict[str, Seen], stacks: list[Stack], seconds: float) -> dict[str, Seen]:
    """Runs with 70 % of the callers that each of our stacks carries: what they wait for."""
    found = {}
    for stack in stacks:
        if stack.kind == "bargein" and stack.name in best:
            found[stack.name] = measure(stack, int(0.7 * best[stack.name].callers), seconds)
            CONSOLE.print(f"  {stack.name}: {_line(found[stack.name])}", soft_wrap=True)
    return found


def waiting_table(seventy: dict[str, Seen]) -> Table:
    """Percentiles of the server's own are upper bounds of their histograms' buckets."""
    table = Table(title="At 70 % of that, in ms (p50 / p99)", title_justify="left")
    table.add_column("server", no_wrap=True)
    for name in (
        "callers",
        "CPU %",
        "piece of sound, model to caller",
        "first piece, inside",
        "decision to closed socket",
    ):
        table.add_column(name, justify="right")
    for name, seen in seventy.items():
        inside, cancel = (
            f"{seen.figures.get(f'server_{kind}_p50', float('nan')):g} / "
            f"{seen.figures.get(f'server_{kind}_p99', float('nan')):g}"
            for kind in ("first_delta_delay", "cancel")
        )
        delta = f"{seen.delta_p50:.1f} / {seen.delta_p99:.1f}"
        table.add_row(name, str(seen.callers), f"{seen.cpu_percent:.0f}", delta, inside, cancel)
    return table


def closing_table(best: dict[str, Seen], common: dict[str, Seen]) -> Table:
    table = Table(title="Callers per core, and what a caller costs", title_justify="left")
    table.add_column("server", no_wrap=True)
    for name in (
        "callers",
        "CPU %",
        "core's speed %",
        "delta p99 ms",
        "reaction p99 ms",
        "MB in all",
        "ms CPU a caller-second, at full speed",
        "x relay",
    ):
        table.add_column(name, justify="right")
    for name, seen in best.items():
        cost = common.get(name)
        transport = "picows" if "picows" in name else "websockets"
        relay = common.get(f"relay, {transport}")
        table.add_row(
            name,
            str(seen.callers),
            f"{seen.cpu_percent:.0f}",
            f"{100 * core_speed(seen):.0f}",
            f"{seen.delta_p99:.1f}",
            f"{seen.reaction_p99:.0f}" if seen.reaction_p99 is not None else "",
            f"{seen.memory_mb:.0f}",
            f"{cpu_ms_at_speed(cost):.2f}" if cost else "",
            f"{cpu_ms_at_speed(cost) / cpu_ms_at_speed(relay):.1f}" if cost and relay else "",
        )
    return table


def times_straightforward(best: dict[str, Seen]) -> str:
    """How many times the callers of the straightforward server each of ours carries."""
    plain = best.get("straightforward")
    ours = [name for name in best if name.startswith("bargein")]
    if plain is None or not ours:
        return ""
    ratios = [f"{name} {best[name].callers / plain.callers:.1f}" for name in ours]
    return "Times the callers of the straightforward server: " + "; ".join(ratios)


def versions() -> str:
    names = ("websockets", "picows", "uvloop", "pydantic", "httpx", "webrtcvad-wheels", "soxr", "orjson", "numpy")
    built = "compiled" if processes.compiled_is_there() else "interpreted (`make wheel` compiles it)"
    return f"Bargein {built}, Python {platform.python_version()}, " + ", ".join(
        f"{name} {metadata.version(name)}" for name in names
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="such as 'bargein, picows'; repeatable")
    parser.add_argument("--seconds", type=float, default=10, help="length of one run at full load (10)")
    parser.add_argument("--common", type=int, default=80, help="callers for the cost comparison (80)")
    parser.add_argument("--out", type=Path, help="write all figures there as JSON")
    options = parser.parse_args()
    stacks = [stack for stack in STACKS if options.only is None or stack.name in options.only]
    if not stacks:
        parser.error("no such server; there are: " + "; ".join(stack.name for stack in STACKS))
    crowd.pin(LOAD_CPU)
    CONSOLE.print(versions())
    CONSOLE.print(f"The same {options.common} callers for every server:")
    common = at_common_load(options.common, options.seconds, stacks)
    CONSOLE.print("The largest number that meets the limits:")
    best = {stack.name: seen for stack in stacks if (seen := largest(stack, options.seconds)) is not None}
    CONSOLE.print("With 70 % of that number:")
    seventy = at_seventy(best, stacks, options.seconds)
    CONSOLE.print(closing_table(best, common))
    if ratios := times_straightforward(best):
        CONSOLE.print(ratios)
    if seventy:
        CONSOLE.print(waiting_table(seventy))
    if options.out:
        figures = {"versions": versions(), "common": common, "best": best, "seventy": seventy}
        options.out.write_text(json.dumps(figures, default=asdict, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
