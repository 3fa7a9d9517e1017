"""``make load``: two minutes of fake callers against a server of their own, and their report.

Starts the demo model and the server, lets a mixed crowd call, and fails where a caller would have noticed a fault.

Run: ``python -m benchmarks.load``; arguments go on to ``bargein load``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from benchmarks import processes
from benchmarks.processes import ROOT

REPORT: Final = ROOT / ".build" / "load"
SCRIPTED: Final = "[[scripted: seconds=8 pace=2]]"
"""The demo model then speaks what was encoded beforehand, and costs next to nothing."""
MUST_BE_ZERO: Final = ("failed_connects", "dropped_calls", "missing_replies", "stale_samples_heard")


def main(arguments: list[str]) -> int:
    cpus = set(range(os.cpu_count() or 1))
    demo = processes.running(["-m", "bargein", "demo-model", "--port", "0"], cpus, scheme="http")
    with demo as model, processes.bargein(model.url, "websockets", cpus) as server:
        options = ["--url", server.url, "--callers", "60", "--ramp", "10", "--duration", "110", "--scenario", "mixed"]
        options += ["--instructions", SCRIPTED, "--demo-log", model.url, "--report", str(REPORT)]
        for name in MUST_BE_ZERO:
            options += ["--fail-if", f"{name}>0"]
        return subprocess.run([sys.executable, "-m", "bargein", "load", *options, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
