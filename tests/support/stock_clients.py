"""Runs other people's clients as programs of an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = REPOSITORY / "tests" / "stock_clients" / "programs"
DEADLINE_S = 90.0

Findings = dict[str, dict[str, Any]]
"""What each scenario of a program found; ``failed`` in it says why it did not end."""


class RunClient(Protocol):
    """Runs one of the ``programs`` against the server, and returns what its scenarios found."""

    def __call__(self, interpreter: Path | str, program: str, *arguments: str) -> Findings: ...


def made(target: str, path: Path) -> Path:
    """``path``, which ``make target`` makes if it is not there yet."""
    if not path.exists():
        subprocess.run(["make", target], cwd=REPOSITORY, check=True)
    return path


def environment() -> dict[str, str]:
    """The machine's, without the keys and settings of whoever runs the tests: they decide nothing here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}


def run_program(interpreter: Path | str, program: str, given: dict[str, Any], *arguments: str) -> Findings:
    """Run a program and return what it printed.

    :raises AssertionError: it failed as a whole.
    """
    done = subprocess.run(
        [str(interpreter), str(PROGRAMS / program), json.dumps({"deadline_s": DEADLINE_S, **given}), *arguments],
        check=False,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_S,
    )
    assert done.returncode == 0, f"{program} failed:\n{done.stdout}{done.stderr}"
    findings: Findings = json.loads(done.stdout.splitlines()[-1])
    return findings
