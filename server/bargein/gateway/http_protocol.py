"""uvicorn's HTTP protocol, with an end to requests that never arrive."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_TIMEOUT_S: Final = 10.0
MAX_HEAD_BYTES: Final = 65_536
"""A token that carries a session travels in a header."""


class PunctualH11Protocol(H11Protocol):
    """Closes a connection whose request's head is not there within :data:`HEAD_TIMEOUT_S`.

    uvicorn counts from a response to the next byte only; a client that sends one byte a minute could hold a connection
    for ever (slowloris).
    """

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Wait for a head wherever no request is being answered."""
        if self._head_timer is None and self._idle:
            self._await_head()
        super().data_received(data)
        if not self._idle or self.transport.get_protocol() is not self:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._too_late)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_late(self) -> None:
        self._head_timer = None
        if self._idle and not self.transport.is_closing():
            self.transport.abort()
