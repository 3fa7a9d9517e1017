"""Puts the faults of ``mutants.toml`` into the server, one at a time, and sees whether the tests notice.

``make mutants``, or ``python scripts/mutants.py [WORD…]`` for those whose names hold one of the words. Fails when one
survives or does not apply. The tree is left alone: faults are put into a copy, which the tests import.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LIST: Final = ROOT / "scripts" / "mutants.toml"
PYTEST: Final = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout", "120")
ALL_PASSED: Final = 0
SOME_FAILED: Final = 1


@dataclass(frozen=True)
class Mutant:
    """One fault.

    :ivar file: below ``server/bargein``.
    :ivar before: stands there once.
    :ivar tests: of which at least one must fail.
    """

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


def read_list(path: Path = LIST) -> list[Mutant]:
    """Every mutant of a list."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**(mutant | {"tests": tuple(mutant["tests"])})) for mutant in listed]


def mutated(mutant: Mutant, text: str) -> str | None:
    """``text`` with the fault in it; ``None`` where it does not apply."""
    if text.count(mutant.before) != 1 or mutant.before == mutant.after:
        return None
    return text.replace(mutant.before, mutant.after)


def main(words: Sequence[str]) -> int:
    """Try them; returns the exit code."""
    mutants = [mutant for mutant in read_list() if not words or any(word in mutant.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="bargein-mutants-") as folder:
        package = Path(folder) / "bargein"
        shutil.copytree(ROOT / "server" / "bargein", package, ignore=shutil.ignore_patterns("__pycache__"))
        (Path(folder) / "client_web").symlink_to(ROOT / "client_web")
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        if _run(tests, folder) != ALL_PASSED:
            print("The tests fail without any fault: nothing can be said.")
            return 1
        failures = [f"{mutant.name}: {verdict}" for mutant in mutants if (verdict := _try(mutant, package, folder))]
    print("\n".join([*failures, f"{len(mutants) - len(failures)} of {len(mutants)} were noticed"]))
    return 1 if failures else 0


def _try(mutant: Mutant, package: Path, folder: str) -> str:
    """What is wrong, empty if nothing is."""
    file = package / mutant.file
    right = file.read_text(encoding="utf-8")
    wrong = mutated(mutant, right)
    if wrong is None:
        return f"does not apply: in {mutant.file} its text does not stand once"
    began_s = monotonic()
    file.write_text(wrong, encoding="utf-8")
    try:
        code = _run(mutant.tests, folder)
    finally:
        file.write_text(right, encoding="utf-8")
    verdict = {SOME_FAILED: "", ALL_PASSED: "survived"}.get(code, f"the tests could not run (pytest said {code})")
    print(f"{verdict or 'noticed':10} {monotonic() - began_s:5.1f} s  {mutant.name}", flush=True)
    return verdict


def _run(tests: Sequence[str], folder: str) -> int:
    # Compiled files are kept by time and size, which a fault may leave as they were.
    environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *PYTEST, *tests], check=False, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
