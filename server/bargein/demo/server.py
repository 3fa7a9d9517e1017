"""Running the demo model: uvicorn, one line that says where, and an end with the parent process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys

import orjson
import uvicorn

from bargein.demo.app import DemoModel
from bargein.demo.settings import DemoSettings
from bargein.descriptors import raise_descriptor_limit
from bargein.errors import SettingsError
from bargein.standard_error import never_wait_for_standard_error

STOP_TIMEOUT_S = 1


class _AnnouncingServer(uvicorn.Server):
    """Prints its address when it is ready."""

    def __init__(self, config: uvicorn.Config, settings: DemoSettings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._settings.exit_with_stdin:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._stdin_ready)
        port = sockets[0].getsockname()[1] if sockets else self._settings.port
        line = {"base_url": f"http://{_url_host(self._settings.host)}:{port}/v1", "port": port, "pid": os.getpid()}
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
        sys.stdout.flush()

    def _stdin_ready(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.should_exit = True


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def run(settings: DemoSettings) -> None:
    """Serve until SIGINT, SIGTERM or, if told so, the end of standard input.

    :raises SettingsError: the address cannot be bound, or the log file cannot be written.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}"
        ) from error
    never_wait_for_standard_error()
    raise_descriptor_limit()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings, listening))


async def _serve(settings: DemoSettings, listening: socket.socket) -> None:
    try:
        model = DemoModel(settings)
    except OSError as error:
        raise SettingsError(f"cannot write the log file {settings.log}: {error.strerror}") from error
    # A fault that cuts a connection looks to uvicorn like a bug of the application: its own log stays silent.
    config = uvicorn.Config(
        model.app(), log_level="critical", access_log=False, server_header=False, timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_TIMEOUT_S, ws="none",
    )  # fmt: skip
    await _AnnouncingServer(config, settings).serve(sockets=[listening])
