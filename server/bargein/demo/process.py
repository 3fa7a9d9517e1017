"""The demo model as a child process, for ``bargein serve`` and for tests."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from types import TracebackType
from typing import Any, Final, Self

import httpx
import orjson

from bargein.errors import BargeinError

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 5.0


class DemoModelFailedError(BargeinError):
    """The demo model did not start, or a row of its log did not come in time."""


class DemoModelProcess:
    """Runs ``python -m bargein.demo`` on a free port, for the time of an ``async with``.

    The child lives no longer than this process: it ends when its standard input closes, which the operating system does
    however this process ends.

    :param arguments: further options, as on the command line.
    :param listening: a socket for it to listen on, instead of one of its own.
    :ivar base_url: for an OpenAI client, such as ``http://127.0.0.1:40123/v1``.
    """

    def __init__(self, *arguments: str, listening: socket.socket | None = None) -> None:
        self._arguments = ["--port", "0", *arguments]
        self._passed_on = [] if listening is None else [listening.fileno()]
        if listening is not None:
            self._arguments += ["--listen-fd", str(listening.fileno())]
        self._process: asyncio.subprocess.Process | None = None
        self.base_url = ""

    async def __aenter__(self) -> Self:
        """Start it, and wait until it listens.

        :raises DemoModelFailedError: it does not. Its own words are on standard error.
        """
        # A session of its own: Ctrl-C in a terminal must not end it under a server that lets its callers finish.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bargein.demo", "--exit-with-stdin", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
            pass_fds=self._passed_on,
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                line = await self._process.stdout.readline() if self._process.stdout else b""
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise DemoModelFailedError(f"the demo model did not start within {START_TIMEOUT_S:g} s") from error
            raise
        if not line:
            await self.stop()
            raise DemoModelFailedError(f"the demo model did not start, it ended with code {self._process.returncode}")
        self.base_url = orjson.loads(line)["base_url"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def wait(self) -> int:
        """Wait until it has ended, for whatever reason; return its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """End it, by force if it does not end by itself. Does nothing the second time."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        for force in (None, process.terminate, process.kill):
            if force is not None:
                with contextlib.suppress(ProcessLookupError):
                    force()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await process.wait()
                    return

    @property
    def url(self) -> str:
        """Without ``/v1``, for ``/log``, ``/faults`` and ``/healthz``."""
        return self.base_url.removesuffix("/v1")

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._process.pid if self._process is not None else None

    async def last_n(self) -> int:
        """The number of the latest request: what comes later is behind it."""
        return int((await self._get("/log", state="done", after=2**31))["last_n"])

    async def rows(self, *, after: int = 0) -> list[dict[str, Any]]:
        """The log's rows behind number ``after``."""
        rows: list[dict[str, Any]] = (await self._get("/log", after=after))["rows"]
        return rows

    async def wait_for(
        self, state: str, *, after: int = 0, count: int = 1, timeout_s: float = 30.0
    ) -> list[dict[str, Any]]:
        """Wait until ``count`` requests behind number ``after`` have reached a state of the log.

        :param state: ``arrived``, ``first_audio``, ``ended``, ``done``, ``cancelled`` or ``failed``.
        :raises DemoModelFailedError: not in time.
        """
        answer = await self._get("/log", wait=state, after=after, count=count, timeout_s=timeout_s)
        if answer["timed_out"]:
            raise DemoModelFailedError(f"no {count} requests behind {after} were {state} within {timeout_s:g} s")
        rows: list[dict[str, Any]] = answer["rows"]
        return rows

    async def fault(self, faults: str, *, times: int = 1) -> None:
        """Queue faults for the next requests."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{self.url}/faults", json={"faults": faults, "times": times})
            answer.raise_for_status()

    async def clear(self) -> None:
        """Forget the log and the queued faults."""
        async with httpx.AsyncClient() as client:
            await client.delete(f"{self.url}/log")
            await client.delete(f"{self.url}/faults")

    async def _get(self, path: str, **query: str | float) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=None) as client:  # noqa: S113 - the server bounds the wait
            answer = await client.get(self.url + path, params=query)
            answer.raise_for_status()
            body: dict[str, Any] = answer.json()
            return body
