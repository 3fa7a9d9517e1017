"""``bargein serve --workers 2``: that callers of one port spread over processes, and what each of them does.

The same crowd as in ``capacity.py``, once with one worker and once with two. The callers need a core as well, so on two
cores this shows the spreading and the cost of a caller, and not twice the capacity.

Run: ``python -m benchmarks.workers [--callers 100]``.
"""

from __future__ import annotations

import argparse
import os
import sys

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import crowd, processes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    cpus = set(range(os.cpu_count() or 1))
    table = Table(title=f"{options.callers} callers over worker processes", title_justify="left")
    for name in ("workers", "CPU s of each process", "ms/caller-s", "delta p99 ms", "hold p99 ms", "lost"):
        table.add_column(name, justify="right")
    for workers in (1, 2):
        with (
            processes.model(5, cpus) as model,
            processes.bargein(model.url, "websockets", cpus, workers=str(workers)) as server,
        ):
            seen = uvloop.run(crowd.see(server, options.callers, options.seconds, binary=True, probes=True))
            busy = sorted(server.cpu_s_by_process(), reverse=True)
        table.add_row(
            str(workers),
            ", ".join(f"{cpu_s:.1f}" for cpu_s in busy),
            f"{seen.cpu_ms_per_caller_second:.2f}",
            f"{seen.delta_p99:.1f}",
            f"{seen.reaction_p99:.0f}" if seen.reaction_p99 is not None else "",
            str(seen.lost),
        )
    Console(highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
