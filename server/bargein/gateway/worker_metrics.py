"""How a worker that is scraped gets its siblings' metrics: each keeps a Unix socket on which it says its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

from bargein.metrics.workers import merge_expositions

SIBLING_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Which of the workers a process is."""

    number: int
    directory: Path
    """Holds the workers' sockets; only this user may enter it."""

    @property
    def socket_path(self) -> Path:
        return self.directory / f"worker-{self.number}.sock"


@asynccontextmanager
async def shared_metrics(place: WorkerPlace, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Tell siblings this worker's metrics until the context is left."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(generate_latest(registry))
            await writer.drain()
        finally:
            writer.close()

    place.socket_path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(tell, place.socket_path)
    try:
        yield
    finally:
        server.close()
        place.socket_path.unlink(missing_ok=True)


async def read_all(place: WorkerPlace, registry: CollectorRegistry) -> bytes:
    """Every worker's metrics in one exposition. One that does not answer is left out: it is starting, or stuck."""
    paths = sorted(place.directory.glob("worker-*.sock"))
    siblings = [path for path in paths if path != place.socket_path]
    texts = await asyncio.gather(*(_read(path) for path in siblings))
    expositions = {place.number: generate_latest(registry).decode()}
    for path, text in zip(siblings, texts, strict=True):
        if text is not None:
            expositions[int(path.stem.removeprefix("worker-"))] = text
    return merge_expositions(dict(sorted(expositions.items())))


async def _read(path: Path) -> str | None:
    try:
        async with asyncio.timeout(SIBLING_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return (await reader.read()).decode()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
