"""A listening gateway on a free port, with a session that does what its caller's text says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import Any

import httpx
import orjson
from prometheus_client import generate_latest

from bargein.gateway.admission import Admitted
from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.gateway import Gateway
from bargein.gateway.http.app import build_app
from bargein.gateway.readiness import Readiness
from bargein.gateway.server import Server, bind
from bargein.metrics import Metrics
from bargein.session.connection import CallerConnection
from bargein.session.timers import LoopClock, Timers
from bargein.settings import Settings
from bargein.upstream import ChatCompletions, UpstreamConfig
from support.http import http_client

NOWHERE = UpstreamConfig(base_url="http://127.0.0.1:9/v1", model="none")
_numbers = count()


@dataclass(eq=False)
class ScriptedSession:
    """Greets with what it was admitted as, echoes, and obeys ``close CODE``, ``send BYTES``, ``turn``, ``busy MS`` and,
    in so many pieces, ``work PIECES``.

    Asked for the model ``broken``, it fails to start.
    """

    admitted: Admitted
    connection: CallerConnection
    id: str = field(default_factory=lambda: f"sess_{next(_numbers)}")
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    received: list[bytes] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    """Codes with which it was closed by the server."""
    ends: list[tuple[int, str]] = field(default_factory=list)
    in_turn: asyncio.Event = field(default_factory=asyncio.Event)
    turn_over: asyncio.Event = field(default_factory=asyncio.Event)
    pieces: int = 0
    writable_said: list[bool] = field(default_factory=list)

    def start(self) -> None:
        if self.admitted.model == "broken":
            raise RuntimeError("on purpose")
        greeting = {
            "type": "session.created",
            "model": self.admitted.model,
            "beta": self.admitted.beta,
            "bargein": self.admitted.bargein,
            "initial_session": self.admitted.initial_session,
            "address": self.admitted.address,
        }
        self.connection.send_text(orjson.dumps(greeting))

    def receive_text(self, data: bytes | str) -> bool:
        text = data if isinstance(data, bytes) else data.encode()
        self.received.append(text)
        match text.split():
            case [b"close", code]:
                self.connection.close(int(code), "as asked")
            case [b"send", size]:
                self.connection.send_binary(bytes(int(size)))
            case [b"turn"]:
                self.in_turn.set()
            case [b"work", pieces]:
                self.pieces = int(pieces)
            case [b"busy", duration_ms]:
                end_s = perf_counter() + int(duration_ms) / 1000
                while perf_counter() < end_s:
                    pass
            case _:
                self.connection.send_text(text)
        return self.pieces > 0

    def receive_binary(self, data: bytes) -> bool:
        self.received.append(data)
        self.connection.send_binary(data)
        return False

    def work(self) -> bool:
        self.pieces -= 1
        self.connection.send_text(b"%d pieces left" % self.pieces)
        return self.pieces > 0

    def writable(self, ready: bool) -> None:
        self.writable_said.append(ready)

    def ended(self, code: int, reason: str) -> None:
        self.ends.append((code, reason))
        self.closed.set()

    async def drain(self, deadline_s: float) -> None:
        if self.in_turn.is_set():
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout_at(max(deadline_s, loop.time())):
                    await self.turn_over.wait()
            except TimeoutError:
                pass
        self.connection.close(1012, "restart")

    def close(self, code: int, reason: str, retry_after_s: int | None = None) -> None:
        self.closes.append(code)
        error = {"message": reason, "retry_after": retry_after_s}
        self.connection.send_text(orjson.dumps({"type": "error", "error": error}))
        self.connection.close(code, reason)


@dataclass
class Running:
    """A gateway that listens."""

    gateway: Gateway
    server: Server
    metrics: Metrics
    timers: Timers
    sessions: list[ScriptedSession]
    opened: asyncio.Queue[ScriptedSession]
    serving: asyncio.Task[None]

    @property
    def port(self) -> int:
        return self.server.address[1]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    def client(self, **options: Any) -> httpx.AsyncClient:  # noqa: ANN401
        return http_client(base_url=self.http, **options)

    def metric(self, line: str) -> float:
        """The value of one sample, named as in the exposition."""
        for text in generate_latest(self.metrics.registry).decode().splitlines():
            name, _, value = text.rpartition(" ")
            if name == line:
                return float(value)
        raise AssertionError(f"no sample {line}")


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@asynccontextmanager
async def running_gateway(
    make_transport: MakeTransport,
    *,
    timers: Timers | None = None,
    upstream: UpstreamConfig = NOWHERE,
    **options: Any,  # noqa: ANN401 (each has the type of its setting)
) -> AsyncIterator[Running]:
    """Listen until the context is left; ``options`` are settings."""
    loop = asyncio.get_running_loop()
    settings = Settings(**({"port": 0, "drain_s": 10.0} | options))
    metrics = Metrics()
    timers = Timers(LoopClock(loop), loop) if timers is None else timers
    sessions: list[ScriptedSession] = []
    opened: asyncio.Queue[ScriptedSession] = asyncio.Queue()

    def open_session(admitted: Admitted, connection: CallerConnection) -> ScriptedSession:
        session = ScriptedSession(admitted, connection)
        sessions.append(session)
        opened.put_nowait(session)
        return session

    async def read_metrics() -> bytes:
        return generate_latest(metrics.registry)

    async with ChatCompletions(upstream) as completions:
        gateway = Gateway(settings, metrics, timers, open_session, make_transport)
        server = Server(
            gateway,
            build_app(gateway, completions, Readiness(gateway, completions), read_metrics),
            bind(settings.host, settings.port),
        )
        listening = asyncio.Event()
        serving = asyncio.create_task(server.serve(listening.set))
        await listening.wait()
        try:
            yield Running(gateway, server, metrics, timers, sessions, opened, serving)
        finally:
            server.end()
            server.end()
            await serving
