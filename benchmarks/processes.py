"""Servers under test: started on a core of their own, watched from outside."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
COMPILED: Final = ROOT / ".build" / "compiled"
SERVING: Final = {"OPENAI_API_KEY": "none", "BARGEIN_LOG_LEVEL": "warning", "BARGEIN_MAX_SESSIONS": "5000"}
"""The environment of a server under test."""
SERVER_CPU: Final = 0
LOAD_CPU: Final = 1
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_URL: Final = re.compile(r"(?:ws|http)://[^\s\"]+")


@dataclass(frozen=True, slots=True)
class Process:
    """A running server and where it listens."""

    popen: subprocess.Popen[str]
    url: str

    def ask(self, question: str, answer: str) -> str:
        """Write a line to its standard input, and return what follows ``answer`` in the next line that begins so."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(question + "\n")
        self.popen.stdin.flush()
        for line in self.popen.stdout:
            if line.startswith(answer):
                return line.removeprefix(answer).strip()
        raise RuntimeError("it has ended")

    def cpu_s(self) -> float:
        """CPU time of it and its children so far."""
        return sum(self.cpu_s_by_process())

    def cpu_s_by_process(self) -> list[float]:
        return [_cpu_s(pid) for pid in self._pids()]

    def memory_bytes(self) -> int:
        """Resident memory of it and its children."""
        return sum(int(_proc(pid, "statm").split()[1]) * _PAGE_BYTES for pid in self._pids())

    def _pids(self) -> list[int]:
        pids = [self.popen.pid]
        for pid in pids:
            pids += [int(child) for child in _proc(pid, f"task/{pid}/children").split()]
        return pids


def _proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8")


def _cpu_s(pid: int) -> float:
    # The second field, the name, may hold spaces; it ends at the last parenthesis.
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


@contextmanager
def running(
    command: Sequence[str],
    cpus: set[int],
    environment: dict[str, str] | None = None,
    scheme: str = "ws",
    *,
    asked: bool = False,
) -> Iterator[Process]:
    """Start a command pinned to ``cpus``; it is ready when it has printed an address. It ends with the block, which
    SIGTERM ends as Ctrl-C does: a server that was left over would take its share of the next measurement.

    :param asked: it will be asked something: see :meth:`Process.ask`.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        popen = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE if asked else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env=os.environ | (environment or {}),
        )
    finally:
        os.sched_setaffinity(0, own)
    try:
        yield Process(popen, _address(popen, scheme))
    finally:
        popen.terminate()
        try:
            popen.wait(15)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def _address(popen: subprocess.Popen[str], scheme: str) -> str:
    assert popen.stdout is not None
    said = []
    for line in popen.stdout:
        said.append(line)
        for url in _URL.findall(line):
            if url.startswith(scheme):
                return str(url)
    raise RuntimeError("it ended before it listened:\n" + "".join(said))


def compiled_is_there() -> bool:
    """Whether the compiled package is there, and no older than the sources."""
    package = ROOT / "server" / "bargein"
    sources = [*package.rglob("*.py"), *package.rglob("*.c")]
    pairs = [(path, COMPILED / path.relative_to(ROOT / "server")) for path in sources]
    return all(made.exists() and made.read_bytes() == path.read_bytes() for path, made in pairs)


@functools.cache
def _compiled_is_used() -> bool:
    """As :func:`compiled_is_there`, which is said once."""
    there = compiled_is_there()
    print("Bargein runs compiled." if there else "Bargein runs interpreted: `make wheel` compiles it.", file=sys.stderr)
    return there


def model(speak_s: float, cpus: set[int]) -> AbstractContextManager[Process]:
    """The stamped model of ``model.py``: a context manager of a :class:`Process`."""
    return running(["-m", "benchmarks.model", "0", str(speak_s)], cpus, scheme="http")


def bargein(
    model_url: str, transport: str, cpus: set[int], *, compiled: bool = True, **settings: str
) -> AbstractContextManager[Process]:
    """``bargein serve`` in front of a model, its logs reduced to warnings.

    :param compiled: run the compiled package where ``make wheel`` has made it of the sources as they are.
    """
    environment = SERVING | {f"BARGEIN_{name.upper()}": value for name, value in settings.items()}
    if compiled and _compiled_is_used():
        environment["PYTHONPATH"] = str(COMPILED)
    command = ["-m", "bargein", "serve", "--port", "0", "--upstream", model_url, "--transport", transport]
    return running(command, cpus, environment)
