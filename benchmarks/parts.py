"""What one caller costs, part by part: CPU milliseconds a caller-second, measured in the running server.

The same crowd as in ``capacity.py``, with the server under a profiler that counts CPU time.

Run: ``python -m benchmarks.parts [--callers 200]``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import crowd, processes
from benchmarks.processes import LOAD_CPU, SERVER_CPU

CALLERS: Final = 200
KINDS: Final = (("websockets", False), ("picows", False), ("picows", True))


def measure(transport: str, binary: bool, callers: int, seconds: float) -> list[dict[str, float]]:
    """CPU milliseconds a caller-second, by part and by function."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile.json"
        with processes.model(5, {LOAD_CPU}) as model:
            command = ["-m", "benchmarks.profiled_server", "serve", "--port", "0", "--upstream", model.url]
            environment = processes.SERVING | {"PROFILE": str(path)}
            server = processes.running([*command, "--transport", transport], {SERVER_CPU}, environment)
            with server as process:
                seen = uvloop.run(crowd.see(process, callers, seconds, binary=binary, probes=True))
        found: dict[str, dict[str, int]] = json.loads(path.read_text(encoding="utf-8"))
    whole = seen.cpu_ms_per_caller_second
    each = whole / sum(found["parts"].values())
    return [{name: each * count for name, count in found[kind].items()} for kind in ("parts", "functions")]


def table(callers: int, seconds: float) -> tuple[Table, dict[str, float]]:
    """The parts, a column for each kind of server, and the functions of the last one."""
    table = Table(
        title=f"CPU ms a caller-second by part, interpreted, {callers} callers, half of them spoken to",
        title_justify="left",
    )
    table.add_column("")
    names: list[str] = []
    columns = []
    functions: dict[str, float] = {}
    for transport, binary in KINDS:
        parts, functions = measure(transport, binary, callers, seconds)
        columns.append({"whole": sum(parts.values())} | parts)
        names += [name for name in sorted(parts, key=lambda name: -parts[name]) if name not in names]
        table.add_column(f"{transport}{', binary' if binary else ''}", justify="right")
    for name in [*names, "whole"]:
        table.add_row(name, *(f"{column.get(name, 0):.3f}" for column in columns))
    return table, functions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=CALLERS)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--functions", type=int, default=0, help="also list so many functions, of the last column")
    options = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CPU})
    by_part, functions = table(options.callers, options.seconds)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    console.print(by_part)
    for name, cost in list(functions.items())[: options.functions]:
        console.print(f"{cost:8.3f}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
