"""The whole server in this process, on a free port, in front of any upstream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client import generate_latest

from bargein.core.conversation import Conversation
from bargein.gateway.caller_session import CallerSession
from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.gateway import Gateway
from bargein.gateway.http.app import build_app
from bargein.gateway.readiness import Readiness
from bargein.gateway.server import Server, bind
from bargein.gateway.services import make_services, session_opener, upstream_config
from bargein.gateway.websockets_transport import WebsocketsTransport
from bargein.metrics import Metrics
from bargein.recording import Recorder
from bargein.session.making import Collaborators
from bargein.session.session import Session
from bargein.session.timers import LoopClock, Timers
from bargein.settings import Settings
from bargein.upstream import ChatCompletions, Transcriber, Transcriptions


class LastGiven:
    """Makes sessions, and keeps what the last one works with: ``make_session`` of a server that a test looks into."""

    collaborators: Collaborators

    def __call__(self, given: Collaborators) -> Session:
        self.collaborators = given
        return Session(given)

    @property
    def conversation(self) -> Conversation:
        return self.collaborators.driver.conversation


@dataclass
class RunningServer:
    gateway: Gateway
    server: Server
    metrics: Metrics
    recorder: Recorder | None = None

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.server.address[1]}"

    @property
    def realtime_url(self) -> str:
        return f"ws://127.0.0.1:{self.server.address[1]}/v1/realtime"

    def metric(self, line: str) -> float:
        """The value of one sample, named as in the exposition."""
        for text in generate_latest(self.metrics.registry).decode().splitlines():
            name, _, value = text.rpartition(" ")
            if name == line:
                return float(value)
        raise AssertionError(f"no sample {line}")


@asynccontextmanager
async def running_server(upstream_url: str, **options: Any) -> AsyncIterator[RunningServer]:  # noqa: ANN401
    """Serve until the context is left. ``options`` are settings, ``make_transport``, ``make_session`` and
    ``transcriber``.
    """
    make_transport: MakeTransport = options.pop("make_transport", WebsocketsTransport)
    make_session: Callable[[Collaborators], CallerSession] = options.pop("make_session", Session)
    transcriber: Transcriber | None = options.pop("transcriber", None)
    loop = asyncio.get_running_loop()
    values: dict[str, Any] = {"port": 0, "drain_s": 5.0, "upstream_url": upstream_url, "model": "scripted"}
    settings = Settings(**(values | options))
    metrics = Metrics("test")
    timers = Timers(LoopClock(loop), loop)
    config = upstream_config(settings, None)

    async def read_metrics() -> bytes:
        return generate_latest(metrics.registry)

    async with (
        ChatCompletions(config) as completions,
        Transcriptions(config) as transcriptions,
        AsyncExitStack() as stack,
    ):
        services = make_services(settings, metrics, timers, completions, transcriber or transcriptions)
        if services.tools is not None:
            await stack.enter_async_context(services.tools)
        opener = session_opener(services, make_session)
        gateway = Gateway(settings, metrics, timers, opener, make_transport, books=services.books)
        server = Server(
            gateway,
            build_app(gateway, completions, Readiness(gateway, completions), read_metrics, services.agents),
            bind(settings.host, settings.port),
        )
        listening = asyncio.Event()
        serving = asyncio.create_task(server.serve(listening.set))
        await listening.wait()
        try:
            yield RunningServer(gateway, server, metrics, services.recorder)
        finally:
            server.end()
            server.end()
            await serving
            timers.close()
            services.books.ledger.close()
