"""One connection: the socket's side of it, and the answer that comes back on it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final, Protocol, cast

from bargein.upstream.http.errors import ConnectionCut, HttpError, InvalidHttp
from bargein.upstream.http.parser import Headers, ResponseParser

AT_ONCE_BYTES: Final = 1024 * 1024
"""A body up to this size is written together with its head."""
SLICE_BYTES: Final = 65_536
"""A larger one in slices of this size, each in a pass of its own of the event loop, so that nobody is held up."""
BUFFER_BYTES: Final = 131_072
"""Where so much of an answer waits for its reader, no more is read from the socket."""


class Response:
    """One answer: its head, and its body as it comes. Read by one task at a time."""

    __slots__ = ("_connection", "_error", "_loop", "_waiter", "parser", "replaceable")

    def __init__(self, connection: Connection, parser: ResponseParser, loop: asyncio.AbstractEventLoop) -> None:
        self.parser = parser
        self.replaceable = False
        """Whether the server has closed the connection before a single byte of an answer came."""
        self._connection: Connection | None = connection
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._error: HttpError | None = None

    @property
    def status_code(self) -> int:
        return self.parser.status_code

    @property
    def headers(self) -> Headers:
        return self.parser.headers

    async def begin(self) -> None:
        """Return when the head is there.

        :raises HttpError: there is none, or it is not one.
        """
        while not self.parser.has_head:
            if self._error is not None:
                raise self._error
            await self._wait()

    async def read(self) -> bytes:
        """Everything that has come of the body, at least one byte; empty at its end. Cancelled, what came is not lost.

        :raises HttpError: the body stops before its end, or goes on as something else. What came before is read first.
        """
        parser = self.parser
        while not parser.buffered_bytes:
            if parser.complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait()
        body = parser.take()
        if self._connection is not None:
            self._connection.resume()
        return body

    def drop(self) -> None:
        """Abort the socket, unless the answer is complete: then it may serve somebody else already."""
        if self._connection is not None:
            self._connection.abort()

    # For the connection.

    def changed(self) -> None:
        """There is more of the answer, or no more will come."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def let_go(self, error: HttpError | None) -> None:
        """The connection is no longer this answer's."""
        self._connection, self._error = None, error
        self.parser.close()
        self.changed()

    async def _wait(self) -> None:
        waiter = self._waiter = self._loop.create_future()
        await waiter


class Owner(Protocol):
    """Who keeps connections."""

    def released(self, connection: Connection) -> None:
        """It may carry another request."""

    def closed(self, connection: Connection) -> None:
        """Its socket is closed, or will be in this pass of the event loop."""


class Connection(asyncio.Protocol):
    """Carries one request after the other.

    Its transport is set by ``connection_made``, and again where TLS is started inside it.
    """

    __slots__ = (
        "_is_paused",
        "_is_write_paused",
        "_loop",
        "_next_slice",
        "_owner",
        "_response",
        "_unsent",
        "socket",
        "transport",
    )

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self.transport: asyncio.Transport | None = None
        self.socket: socket.socket | None = None
        """Below the transport."""
        self._owner = owner
        self._loop = loop
        self._response: Response | None = None
        self._unsent = memoryview(b"")
        self._next_slice: asyncio.Handle | None = None
        self._is_paused = False
        self._is_write_paused = False

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def ask(self, head: bytes, body: bytes = b"", *, bodiless: bool = False) -> Response:
        """Send a request. Nothing else may be under way.

        :param bodiless: see :class:`~bargein.upstream.http.parser.ResponseParser`.
        """
        transport = self.transport
        if transport is None or self._response is not None:
            raise RuntimeError("this connection is not ready for a request")
        response = self._response = Response(self, ResponseParser(bodiless=bodiless), self._loop)
        if len(body) <= AT_ONCE_BYTES:
            transport.write(head + body if body else head)
        else:
            transport.write(head)
            self._unsent = memoryview(body)
            self._send_slice()
        return response

    def resume(self) -> None:
        """The reader has caught up."""
        if self._is_paused:
            self._is_paused = False
            if self.transport is not None and not self.transport.is_closing():
                self.transport.resume_reading()

    def abort(self) -> None:
        """End the connection at once: nothing is written out, no farewell is waited for. Whoever reads fails."""
        self._end(ConnectionCut("the connection was dropped on this side"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            self.abort()  # Nobody has asked: what else may come is not an answer to the next request.
            return
        parser = response.parser
        try:
            parser.feed(data)
        except InvalidHttp as error:
            self._end(error)
            return
        if parser.complete:
            self._complete(response)
        elif parser.buffered_bytes > BUFFER_BYTES and not self._is_paused and self.transport is not None:
            self._is_paused = True
            self.transport.pause_reading()
        response.changed()

    def eof_received(self) -> None:
        self._peer_ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer_ended(exc)
        self._owner.closed(self)

    def pause_writing(self) -> None:
        self._is_write_paused = True

    def resume_writing(self) -> None:
        self._is_write_paused = False
        if self._unsent and self._next_slice is None:
            self._send_slice()

    # The end of things.

    def _complete(self, response: Response) -> None:
        # A server that has answered without waiting for the whole request may never read the rest of it.
        reusable = response.parser.reusable and not self._unsent and not self._is_write_paused
        self._response = None
        response.let_go(None)
        if reusable and self.is_open:
            self.resume()
            self._owner.released(self)
        else:
            self.abort()

    def _peer_ended(self, cause: Exception | None) -> None:
        response = self._response
        if response is None or cause is not None:
            error = ConnectionCut("the connection was reset")
            error.__cause__ = cause
        else:
            try:
                response.parser.feed_end()
            except ConnectionCut as cut:
                error = cut
            else:
                self._complete(response)
                return
        if response is not None:
            response.replaceable = not response.parser.started
        self._end(error)

    def _end(self, error: HttpError) -> None:
        self._unsent = memoryview(b"")
        if self._next_slice is not None:
            self._next_slice.cancel()
            self._next_slice = None
        response, self._response = self._response, None
        if response is not None:
            response.let_go(error)
        if self.transport is not None:
            self.transport.abort()
        if self.socket is not None:
            # The transport closes its socket when the event loop comes round: under load that is many frames away, and
            # all that time the model would go on.
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket = None

    def _send_slice(self) -> None:
        self._next_slice = None
        if self._is_write_paused or not self._unsent or self.transport is None:
            return
        self.transport.write(self._unsent[:SLICE_BYTES])
        self._unsent = self._unsent[SLICE_BYTES:]
        if self._unsent and not self._is_write_paused:
            self._next_slice = self._loop.call_soon(self._send_slice)
