"""One HTTP exchange: an answer that is written step by step, and that ends at once when the client goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from bargein.demo.api_errors import ApiError
from bargein.demo.log import RequestLog, Row
from bargein.errors import BargeinError

SSE_HEADERS: Final = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


class CutError(BargeinError):
    """The connection is to be closed in the middle of the answer."""


class Exchange:
    """What an answer is written to."""

    def __init__(self, send: Send, row: Row) -> None:
        self._send = send
        self.row = row
        self._open = False

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and headers."""
        self.row.status = status
        self._open = True
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the client reads too slowly."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(
        self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole answer."""
        lengths = {"content-type": content_type, "content-length": str(len(body))}
        await self.begin(status, lengths | dict(headers or {}))
        await self.finish(body)

    async def json(self, value: Mapping[str, Any]) -> None:
        """Send a whole answer of JSON."""
        await self.whole(200, orjson.dumps(value), "application/json")

    async def error(self, error: ApiError) -> None:
        """Send an error, if nothing was sent yet."""
        self.row.error = error.as_json()["error"]
        if not self._open:
            headers = {} if error.retry_after_s is None else {"retry-after": f"{error.retry_after_s:g}"}
            await self.whole(error.status, orjson.dumps(error.as_json()), "application/json", headers)


Produce = Callable[[Exchange], Awaitable[None]]


class Answer:
    """An ASGI application for one request: runs ``produce``, and cancels it when the client closes the connection.

    :param produce: writes the answer. An :exc:`ApiError` becomes the answer; a :exc:`CutError` closes the connection.
    """

    def __init__(self, log: RequestLog, row: Row, produce: Produce) -> None:
        self._log = log
        self._row = row
        self._produce = produce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        producer = asyncio.create_task(self._run(Exchange(send, self._row)))
        watcher = asyncio.create_task(_client_gone(receive))
        try:
            await asyncio.wait((producer, watcher), return_when=asyncio.FIRST_COMPLETED)
            if not producer.done():
                self._log.end(self._row, "cancelled")
        finally:
            for task in (producer, watcher):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await producer

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._produce(exchange)
        except ApiError as error:
            await exchange.error(error)
            self._log.end(self._row, "failed")
        except CutError:
            # Returning without a last part makes uvicorn close the connection.
            self._log.end(self._row, "failed")
        except BargeinError as error:
            await exchange.error(ApiError(str(error), status=500, type="server_error"))
            self._log.end(self._row, "failed")
        else:
            self._log.end(self._row, "done")


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
