"""A session as the gateway sees it: what sockets feed, and what a drain asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from bargein.gateway.admission import Admitted
from bargein.session.connection import CallerConnection


class CallerSession(Protocol):
    """What :class:`bargein.session.session.Session` is to the gateway."""

    @property
    def id(self) -> str: ...

    @property
    def closed(self) -> asyncio.Event:
        """Set when nothing of the session is left running."""
        ...

    def start(self) -> None:
        """The connection is open: greet the caller."""
        ...

    def receive_text(self, data: bytes) -> bool:
        """Take one text message: valid UTF-8. Returns whether it is too much to be dealt with at once: then call
        :meth:`work` until it is done, before the next message.
        """
        ...

    def receive_binary(self, data: bytes) -> bool:
        """Take one binary message. Returns the same."""
        ...

    def work(self) -> bool:
        """Do the next piece of the last message's work; returns whether there is more."""
        ...

    def writable(self, ready: bool) -> None:
        """The connection has taken what waited to be sent; or, not ``ready``, much waits."""
        ...

    def ended(self, code: int, reason: str) -> None:
        """The connection is gone. Called exactly once, and last."""
        ...

    async def drain(self, deadline_s: float) -> None:
        """Let the turn in progress end, at most until ``deadline_s`` on the timers' clock, then close with 1012."""
        ...

    def close(self, code: int, reason: str, retry_after_s: int | None = None) -> None:
        """Say why in an ``error`` event, then close the connection.

        :param retry_after_s: when the caller may come back, where that matters.
        """
        ...


OpenSession = Callable[[Admitted, CallerConnection], CallerSession]
"""Makes the session of an admitted caller; it starts when it is told to.

Raises :class:`~bargein.errors.CallerError` where the configuration that a token carries is wrong.
"""
