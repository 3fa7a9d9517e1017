"""A bad line: stalls in which nothing goes out and nothing is read. All of it arrives afterwards, at once."""

from __future__ import annotations

import random
from collections.abc import Callable

from bargein.load.scenario import Network
from bargein.load.transport import Connection


class StallingLine:
    """A connection on a line that stalls. Keeps the order of what is sent."""

    def __init__(self, connection: Connection, network: Network, draw: random.Random, now_s: float) -> None:
        self._connection = connection
        self._network = network
        self._draw = draw
        self._waiting: list[Callable[[], None]] = []
        self._stalled = False
        self._changes_at_s = now_s + draw.uniform(*network.stall_every_s)

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol

    def tick(self, now_s: float) -> None:
        """Begin or end a stall, where its time has come."""
        if now_s < self._changes_at_s:
            return
        self._stalled = not self._stalled
        network = self._network
        self._changes_at_s = now_s + self._draw.uniform(*(network.stall_s if self._stalled else network.stall_every_s))
        if self._stalled:
            self._connection.pause_reading()
            return
        self._connection.resume_reading()
        waiting, self._waiting = self._waiting, []
        for send in waiting:
            send()

    def send_text(self, message: bytes) -> None:
        if self._stalled:
            self._waiting.append(lambda: self._connection.send_text(message))
        else:
            self._connection.send_text(message)

    def send_binary(self, message: bytes) -> None:
        if self._stalled:
            self._waiting.append(lambda: self._connection.send_binary(message))
        else:
            self._connection.send_binary(message)

    def pause_reading(self) -> None:
        self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._connection.resume_reading()

    def close(self, code: int = 1000) -> None:
        self._connection.resume_reading()
        self._connection.close(code)
