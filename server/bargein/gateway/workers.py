"""Several processes on one port: started, watched, restarted and ended together.

Each worker binds the port itself with ``SO_REUSEPORT``, so the kernel spreads new connections over them, and a
connection stays with the worker that accepted it. Limits such as ``BARGEIN_MAX_SESSIONS`` are each worker's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Final

import structlog
from pydantic import SecretStr

from bargein.agents import Agents
from bargein.errors import SettingsError
from bargein.gateway.logs import configure_logs
from bargein.gateway.process import run_process
from bargein.gateway.server import bind
from bargein.gateway.worker_metrics import WorkerPlace
from bargein.settings import Settings

RESTART_DELAY_S: Final = 1.0
"""A worker that dies at once must not be restarted at once."""
_USAGE_ERROR: Final = 2
_SIGNALS_AT_ONCE: Final = 64

_log: Final = structlog.get_logger(__name__)
_context: Final = multiprocessing.get_context("spawn")


def event_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where it is installed: half the CPU of asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Supervisor:
    """Keeps ``settings.workers`` workers running until it is told to end.

    :param agents: the operator's. Every worker has these, whatever becomes of their files.
    :param demo_url: where the demo model answers, if it does.
    :param ready: called once, when every worker accepts connections.
    """

    def __init__(
        self,
        settings: Settings,
        sock: socket.socket,
        agents: Agents,
        *,
        demo_url: str | None,
        ready: Callable[[], None],
    ) -> None:
        secret = settings.token_secret or SecretStr(secrets.token_urlsafe(48))
        port = sock.getsockname()[1]
        self._settings = settings.model_copy(update={"port": port, "token_secret": secret})
        self._agents = agents
        self._demo_url = demo_url
        self._ready = ready
        self._directory = tempfile.TemporaryDirectory(prefix="bargein-", ignore_cleanup_errors=True)
        self._receiver, self._sender = _context.Pipe(duplex=False)
        self._workers: dict[int, SpawnProcess] = {}
        self._started_s: dict[int, float] = {}
        self._waiting_for = set(range(settings.workers))
        self._signals = 0

    def run(self) -> int:
        """Run the workers; return the exit code when none is left."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        with self._directory, _signals_to_wait_for() as signalled:
            for number in range(self._settings.workers):
                self._start(number)
            code = 0
            while self._workers:
                wait([self._receiver, signalled, *(worker.sentinel for worker in self._workers.values())])
                with contextlib.suppress(BlockingIOError):
                    signalled.recv(_SIGNALS_AT_ONCE)
                self._note_ready()
                code = max(code, self._reap())
            return code

    def _start(self, number: int) -> None:
        place = WorkerPlace(number, Path(self._directory.name))
        worker = _context.Process(
            target=_work,
            args=(self._settings, place, self._agents, self._demo_url, self._sender),
            name=f"worker-{number}",
        )
        worker.start()
        self._workers[number] = worker
        self._started_s[number] = time.monotonic()
        if self._signals:
            worker.terminate()

    def _note_ready(self) -> None:
        while self._receiver.poll():
            number = self._receiver.recv()
            if not self._waiting_for:
                _log.info("worker is there again", worker=number)
            elif number in self._waiting_for:
                self._waiting_for.discard(number)
                if not self._waiting_for:
                    self._ready()

    def _reap(self) -> int:
        """Restart the workers that have died; while ending, or where starting cannot work, let them go."""
        code = 0
        for number, worker in list(self._workers.items()):
            if worker.exitcode is None:
                continue
            worker.join()
            del self._workers[number]
            if worker.exitcode == _USAGE_ERROR:
                code = _USAGE_ERROR
                self._end()
            elif not self._signals:
                _log.warning("worker died: restarting it", worker=number, exit_code=worker.exitcode)
                time.sleep(max(0.0, RESTART_DELAY_S - (time.monotonic() - self._started_s[number])))
                self._start(number)
        return code

    def _end(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        self._signals += 1
        for worker in self._workers.values():
            worker.terminate()


@contextmanager
def _signals_to_wait_for() -> Iterator[socket.socket]:
    """What can be read when a signal has come.

    Python runs a handler between two of its own steps: a signal that comes after the last of them and before the wait
    for the workers would not be heeded until one of these dies.
    """
    signalled, written = socket.socketpair()
    with signalled, written:
        signalled.setblocking(False)
        written.setblocking(False)
        signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        try:
            yield signalled
        finally:
            signal.set_wakeup_fd(-1)


def _work(settings: Settings, place: WorkerPlace, agents: Agents, demo_url: str | None, ready: Connection) -> None:
    """A worker's whole life, in a process of its own."""
    secret_values = (*settings.secret_values, *agents.secret_values)
    configure_logs(settings.log_level, settings.log_format, secret_values, worker=place.number)
    try:
        sock = bind(settings.host, settings.port, shared=True)
        serving = run_process(
            settings, sock, agents, demo_url=demo_url, place=place, ready=lambda: ready.send(place.number)
        )
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(serving)
    except SettingsError as error:
        _log.error("cannot start", reason=str(error))
        raise SystemExit(_USAGE_ERROR) from None
