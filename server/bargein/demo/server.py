"""Running the demo model: uvicorn, one line that says where, and an end with the parent process."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys

import orjson
import uvicorn

from bargein.demo.app import DemoModel
from bargein.demo.parent import ParentWatch
from bargein.demo.settings import BACKLOG, DemoSettings
from bargein.descriptors import raise_descriptor_limit
from bargein.errors import SettingsError
from bargein.standard_error import never_wait_for_standard_error

STOP_TIMEOUT_S = 1


class _AnnouncingServer(uvicorn.Server):
    """Prints its address when it is ready."""

    def __init__(self, config: uvicorn.Config, parent: ParentWatch | None) -> None:
        super().__init__(config)
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._parent is not None:
            self._parent.then(self._end)
        assert sockets is not None
        host, port, *_ = sockets[0].getsockname()
        line = {"base_url": f"http://{_url_host(host)}:{port}/v1", "port": port, "pid": os.getpid()}
        # Not by way of a buffer: it would be flushed again at the end, when perhaps nobody reads it any more.
        with contextlib.suppress(BrokenPipeError):
            os.write(sys.stdout.fileno(), orjson.dumps(line) + b"\n")

    def _end(self) -> None:
        self.should_exit = True


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def run(settings: DemoSettings, parent: ParentWatch | None = None) -> None:
    """Serve until SIGINT, SIGTERM or the end of the parent.

    :raises SettingsError: the address cannot be bound, or the log file cannot be written.
    """
    listening = _listening(settings)
    never_wait_for_standard_error()
    raise_descriptor_limit()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings, listening, parent))


def _listening(settings: DemoSettings) -> socket.socket:
    if settings.listen_fd is not None:
        return socket.socket(fileno=settings.listen_fd)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno in {errno.EADDRNOTAVAIL, socket.EAI_NONAME}:
            raise SettingsError(f"cannot listen on {settings.host!r}: it is no address of this machine") from None
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}"
        ) from error


async def _serve(settings: DemoSettings, listening: socket.socket, parent: ParentWatch | None) -> None:
    try:
        model = DemoModel(settings)
    except OSError as error:
        raise SettingsError(f"cannot write the log file {settings.log}: {error.strerror}") from error
    # A fault that cuts a connection looks to uvicorn like a bug of the application: its own log stays silent.
    config = uvicorn.Config(
        model.app(), log_level="critical", access_log=False, server_header=False, timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_TIMEOUT_S, ws="none",
    )  # fmt: skip
    await _AnnouncingServer(config, parent).serve(sockets=[listening])
