"""A hold on the socket under a request.

A reply that was talked over must stop being paid for now. aiohttp closes politely: it waits for the request to be
written out, and its event loop comes round to the socket later. Here the socket is shut down and its transport aborted
in the caller's own callback.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from contextlib import suppress
from contextvars import ContextVar
from typing import Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from bargein.loop.time_limit import expire

LEASE: Final[ContextVar[Lease]] = ContextVar("lease")
"""Of the request that a task is sending. Neither httpx nor aiohttp hands anything through to the connection."""


class Lease:
    """The connection that carries one request, from the first name lookup on."""

    __slots__ = ("__weakref__", "_answer", "_connecting", "dropped", "needs_new", "reused")

    def __init__(self) -> None:
        self.dropped = False
        """Whether nobody wants the answer any more."""
        self.reused = False
        """Whether the connection had carried other requests before."""
        self.needs_new = False
        """Whether it has to be one that has not."""
        self._connecting: asyncio.Timeout | None = None
        self._answer: CarriedResponse | None = None

    @property
    def answer(self) -> CarriedResponse | None:
        """Of the last request; there before its head is."""
        return self._answer

    def connects(self, limit: asyncio.Timeout | None) -> None:
        """For the connector: what ends connecting."""
        self._connecting = limit

    def holds(self, answer: CarriedResponse) -> None:
        """For the answer: the request is on its way."""
        self._answer = answer

    def drop(self) -> bool:
        """Give up connecting; abort the socket, unless it has gone back to the pool: there it may serve somebody else
        already. May be called twice, and from any callback of the event loop.

        :returns: whether the connection is over, for the other side too; only connecting takes a while to give up.
        """
        self.dropped = True
        if self._connecting is not None:
            expire(self._connecting)
        if self._answer is not None:
            self._answer.abort()
        return self._connecting is None


class CarriedResponse(aiohttp.ClientResponse):
    """An answer that knows its socket from before its head has come."""

    was_cut = False
    """Whether it was aborted before its end."""
    _transport: asyncio.Transport | None = None
    _carrier: Connection
    _spoken: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """See :class:`aiohttp.ClientResponse`."""
        self._carrier, self._transport, self._spoken = connection, connection.transport, connection.protocol
        LEASE.get().holds(self)
        return await super().start(connection)

    @property
    def was_reset(self) -> bool:
        """Whether the peer has ended the connection in any other way than by closing it. Where the end of the
        connection is the end of the body (RFC 9112 section 6.3), aiohttp passes this over.
        """
        return self._spoken is not None and isinstance(self._spoken.exception(), aiohttp.ClientOSError)

    def abort(self) -> None:
        """End the connection at once: nothing is written out, no farewell is waited for. Whoever reads fails. What is
        in the pool stays there.
        """
        transport = self._transport
        if transport is None:
            return
        if self._carrier.protocol is not None:
            # Still this answer's.
            self.was_cut = True
            _shut_down(transport)
            transport.abort()
        elif transport.is_closing():
            transport.abort()
        self._transport = None
        self.close()

    def lost(self) -> None:
        """For the connector: the connection has ended. Where it did for a body that is not HTTP, aiohttp would leave
        its reader waiting.
        """
        content: aiohttp.StreamReader | None = self.content  # There is none before the head.
        if content is not None and not content.is_eof() and content.exception() is None:
            error = self._spoken.exception() if self._spoken is not None else None
            content.set_exception(error or aiohttp.ClientPayloadError("the connection ended"))

    def left_over(self) -> bytes:
        """What came before an error and was not read: aiohttp tells of the error first, and nothing else then."""
        content = self.content
        content.set_exception(cast("BaseException", None))
        return b"" if self.was_cut else content.read_nowait()

    def gone(self) -> Awaitable[None] | None:
        """What waits for the end of the connection, where this answer still has it."""
        return self._carrier.protocol.closed if self._transport is not None and self._carrier.protocol else None


def _shut_down(transport: asyncio.Transport) -> None:
    """End the connection for the other side. A transport closes its socket when the event loop comes round: under load
    that is many frames away, and all that time the model would go on.
    """
    if transport.is_closing():
        return  # Its descriptor may be another's by now.
    # uvloop's own socket object cannot shut down, its copy can.
    with suppress(OSError), transport.get_extra_info("socket").dup() as sock:
        sock.shutdown(socket.SHUT_RDWR)
