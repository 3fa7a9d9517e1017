"""An HTTP/1.1 server on loopback that does exactly what a test's script says, byte by byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson


@dataclass
class Exchange:
    """One request, and the hand that answers it."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Counts the server's connections from 0: equal numbers mean that a connection was used again."""
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)
    method: str = "POST"

    @property
    def json(self) -> dict[str, object]:
        value: dict[str, object] = orjson.loads(self.body)
        return value

    async def answer(self, status: int, body: bytes, **headers: str) -> None:
        """A whole answer; ``_`` in a header's name stands for ``-``."""
        headers = {"content_type": "application/json", "content_length": str(len(body))} | headers
        await self.send(_head(status, headers) + body)

    async def begin(self, content_type: str = "text/event-stream", **headers: str) -> None:
        """The head of a chunked answer."""
        await self.send(_head(200, {"content_type": content_type, "transfer_encoding": "chunked"} | headers))

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def stream(self, chunks: Iterable[bytes]) -> None:
        """A whole chunked answer."""
        await self.begin()
        for data in chunks:
            await self.chunk(data)
        await self.end()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> None:
        """Return when the client has closed its socket."""
        try:
            while await self._reader.read(65_536):
                pass
        except ConnectionError:
            pass

    def cut(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()


Script = Callable[[Exchange], Awaitable[None]]


@dataclass
class ScriptedUpstream:
    url: str
    exchanges: list[Exchange] = field(default_factory=list)
    questions: list[Exchange] = field(default_factory=list)
    """What was read and not posted: light questions after the models."""


@asynccontextmanager
async def scripted(
    script: Script, *, tls: ssl.SSLContext | None = None, lists: Script | None = None, port: int = 0
) -> AsyncIterator[ScriptedUpstream]:
    """Run ``script`` for every request. A failure of a script fails the test.

    :param lists: answers light questions after the models; by default there is no list.
    """
    running: set[asyncio.Task[None]] = set()
    failures: list[BaseException] = []
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            while (exchange := await _read(reader, writer, number)) is not None:
                if exchange.method == "GET":
                    server.questions.append(exchange)
                    await (lists or _lists_nothing)(exchange)
                    continue
                server.exchanges.append(exchange)
                await script(exchange)
        except (ConnectionError, asyncio.CancelledError):
            pass
        except BaseException as error:
            failures.append(error)
        finally:
            running.discard(task)
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server = ScriptedUpstream(f"http{'s' if tls else ''}://127.0.0.1:{port}/v1")
    try:
        yield server
    finally:
        listener.close()
        for task in list(running):
            task.cancel()
        if running:
            await asyncio.wait(running)
    if failures:
        raise failures[0]


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> Exchange | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    method, path, _ = first.split(" ")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Exchange(path, headers, body, connection, reader, writer, method)


async def _lists_nothing(exchange: Exchange) -> None:
    await exchange.answer(404, b'{"error":{"message":"Not Found"}}')


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode()


def event(**chunk: object) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def delta(**fields: object) -> bytes:
    """One event with one choice, whose delta holds ``fields``."""
    return event(choices=[{"index": 0, "delta": fields, "finish_reason": None}])


DONE = b"data: [DONE]\n\n"
