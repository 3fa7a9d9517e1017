"""A server with the demo model, started for the time of a test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bargein.load.errors import ConnectError

ENDED_WITHIN_S: Final = 20.0
_SOCKET: Final = re.compile(r"\b(ws://\S+)")
_SETTINGS: Final = ("BARGEIN_", "OPENAI_", "AZURE_")

_PATIENT: Final = {"BARGEIN_UPSTREAM_FIRST_BYTE_TIMEOUT_S": "60", "BARGEIN_UPSTREAM_CHUNK_TIMEOUT_S": "30"}
"""The demo model shares this machine with its callers: how soon it must answer is for the scenarios to say."""


@contextmanager
def own_server(agents: Sequence[str] = ()) -> Iterator[str]:
    """Run ``bargein serve`` on a free port, without settings and keys of this environment; yields its address.

    :param agents: as ``bargein serve --agent`` takes them; paths are those of the working directory.
    :raises ConnectError: it did not start; the message has its own words.
    """
    # It runs in another folder.
    options = [word for agent in agents for word in ("--agent", _from_anywhere(agent))]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(  # noqa: S603  # the options are of whoever runs the command
            [sys.executable, "-m", "bargein", "serve", "--port", "0", "--upstream", "demo", *options],
            cwd=empty, env=environment | _PATIENT | {"PYTHONUNBUFFERED": "1"}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
            # Of a group of its own: Ctrl-C ends the test, which ends the server.
            start_new_session=True,
        )  # fmt: skip
        try:
            address = _address(process)
            if address is None:
                said.seek(0)
                raise ConnectError(f"bargein serve did not start: {said.read().strip() or 'it said nothing'}")
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ENDED_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _from_anywhere(agent: str) -> str:
    path = Path(agent)
    return str(path.resolve()) if path.exists() else agent


def _address(process: subprocess.Popen[str]) -> str | None:
    """As the server's banner says it."""
    assert process.stdout is not None
    return next((found[1] for line in process.stdout if (found := _SOCKET.search(line))), None)
