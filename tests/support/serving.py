"""A gateway that listens, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import generate_latest

from bargein.gateway.gateway import Gateway
from bargein.gateway.http.app import build_app
from bargein.gateway.readiness import Readiness
from bargein.gateway.server import Server, bind
from bargein.metrics import Metrics
from bargein.upstream import ChatCompletions


def sample(metrics: Metrics, line: str) -> float:
    """The value of one sample, named as in the exposition."""
    for text in generate_latest(metrics.registry).decode().splitlines():
        name, _, value = text.rpartition(" ")
        if name == line:
            return float(value)
    raise AssertionError(f"no sample {line}")


@asynccontextmanager
async def listening(
    gateway: Gateway, metrics: Metrics, completions: ChatCompletions
) -> AsyncIterator[tuple[Server, asyncio.Task[None]]]:
    """Serve where the settings say, until the context is left, which ends all at once."""

    async def read_metrics() -> bytes:
        return generate_latest(metrics.registry)

    app = build_app(gateway, completions, Readiness(gateway, completions), read_metrics)
    server = Server(gateway, app, bind(gateway.settings.host, gateway.settings.port))
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve(ready.set))
    await ready.wait()
    try:
        yield server, serving
    finally:
        server.end()
        server.end()
        await serving
