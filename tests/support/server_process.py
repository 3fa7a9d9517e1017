"""The real ``bargein serve``, as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

STARTED_WITHIN_S = 60.0
ENDED_WITHIN_S = 30.0
_SOCKET = re.compile(r"socket\s+ws://(?P<address>[^/\s]+)/")
_OTHERS_SETTINGS = ("BARGEIN_", "OPENAI_", "AZURE_")


@dataclass
class ServerProcess:
    """A server that accepts connections."""

    process: subprocess.Popen[str]
    address: str = ""
    """``host:port``"""
    lines: list[str] = field(default_factory=list)
    """What it printed and logged so far."""
    announced: threading.Event = field(default_factory=threading.Event)
    _said: threading.Condition = field(default_factory=threading.Condition)

    @property
    def http_url(self) -> str:
        return f"http://{self.address}"

    @property
    def realtime_url(self) -> str:
        return f"ws://{self.address}/v1/realtime"

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def wait_for_line(self, text: str) -> None:
        """Return when it has printed or logged a line that holds ``text``."""
        with self._said:
            found = self._said.wait_for(lambda: any(text in line for line in self.lines), STARTED_WITHIN_S)
        assert found, f"the server never said {text!r}:\n{self.log}"

    def end(self) -> int:
        """Send SIGTERM, wait until it has ended, and return its exit code. May be called twice."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(ENDED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end {ENDED_WITHIN_S} s after SIGTERM:\n{self.log}") from None

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()
            if found := _SOCKET.search(line):
                self.address = found["address"]
                self.announced.set()
        self.announced.set()


def without_settings() -> dict[str, str]:
    """The environment without the settings and keys of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS_SETTINGS)}


@contextmanager
def serve(
    *arguments: str, settings: Mapping[str, str] | None = None, descriptors: tuple[int, int] | None = None
) -> Iterator[ServerProcess]:
    """Run ``bargein serve --port 0`` with these arguments until the block ends.

    It runs in an empty directory and without the settings and keys of whoever runs the tests.

    :param settings: environment variables for it.
    :param descriptors: the soft and the hard limit of what it may have open.
    """
    limited: list[str] = []
    if descriptors is not None:
        soft, hard = descriptors
        limited = ["sh", "-c", f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$@"', "sh"]
    with tempfile.TemporaryDirectory() as directory:
        environment = without_settings()
        process = subprocess.Popen(
            [*limited, sys.executable, "-m", "bargein", "serve", "--port", "0", *arguments],
            cwd=directory,
            env=environment | {"PYTHONUNBUFFERED": "1"} | dict(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        server = ServerProcess(process)
        reader = threading.Thread(target=server.read, daemon=True, name="server's output")
        reader.start()
        try:
            server.announced.wait(STARTED_WITHIN_S)
            assert server.address, f"bargein serve did not start:\n{server.log}"
            yield server
        finally:
            server.end()
            reader.join()
            assert process.stdout is not None
            process.stdout.close()
