"""Connections that wait for their next request."""

from __future__ import annotations

import asyncio
import select
from typing import Final

from bargein.upstream.http.connection import Connection

KEEPALIVE_S: Final = 60.0
"""A caller listens to a reply, answers, and the next request comes: longer than that gap, shorter than servers wait."""

_HANGUP: Final = getattr(select, "poll", None)  # There is none on Windows.


class Pool:
    """Any number of idle connections to one server. The one that came last goes first, so that the others can age.

    One timer for all of them, set only while there are any.
    """

    def __init__(self, keepalive_s: float = KEEPALIVE_S) -> None:
        self._keepalive_s = keepalive_s
        self._idle: dict[Connection, float] = {}
        """In the order they came: since when, by the loop's clock."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._idle)

    def put(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._keepalive_s, self._expire)

    def take(self) -> Connection | None:
        """A connection that looks alive, or ``None``."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_open and not _has_news(connection):
                return connection
            connection.abort()
        return None

    def discard(self, connection: Connection) -> None:
        """It is closed, wherever it was."""
        self._idle.pop(connection, None)

    def close(self) -> None:
        """Close what is idle."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            self._idle.popitem()[0].abort()

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for connection, since in list(self._idle.items()):
            if since + self._keepalive_s > loop.time():
                self._timer = loop.call_at(since + self._keepalive_s, self._expire)
                break
            del self._idle[connection]
            connection.abort()


def _has_news(connection: Connection) -> bool:
    """Whether something has come that the event loop has not looked at yet: the connection's end, or what nobody asked
    for, and what would be taken for the next request's answer.
    """
    if _HANGUP is None or connection.transport is None:
        return False
    poll = _HANGUP()
    poll.register(connection.transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
