"""The log of requests: what came, what was sent, and how it ended. Tests and load runs read it; the server never does.

Times that end in ``_s`` are of the monotonic clock, which on Linux all processes of a machine share; those in
``_unix_s`` are of the wall. The README has the table of a row's fields.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

STATES: Final = ("arrived", "first_audio", "ended", "done", "cancelled", "failed")
"""What can be waited for. ``ended`` is any of the three behind it."""


@dataclass(slots=True)
class Row:
    """One request.

    :ivar n: counts requests from 1, also over a clearing of the log.
    :ivar outcome: ``open``, or how it ended: ``done`` (all was sent), ``cancelled`` (the client closed the connection),
        ``failed`` (an error answer, or a fault ended it).
    :ivar heard: what was understood of the caller's sound, and the intent that was taken from it or from the text.
    :ivar words: every word of the sound that was made so far, with its place; exact to some 10 ms.
    :ivar samples_sent: samples at 24 kHz that went into the socket.
    :ivar faults: in the words of the vocabulary.
    """

    n: int
    path: str
    arrived_unix_s: float
    arrived_s: float
    id: str = ""
    model: str = ""
    stream: bool = False
    user_agent: str = ""
    key_given: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    heard: dict[str, Any] = field(default_factory=dict)
    faults: str = ""
    status: int | None = None
    error: dict[str, Any] | None = None
    voice: str | None = None
    audio_id: str | None = None
    first_audio_s: float | None = None
    last_audio_s: float | None = None
    ended_s: float | None = None
    outcome: str = "open"
    samples_sent: int = 0
    samples_made: int = 0
    transcript: str = ""
    words: list[dict[str, Any]] = field(default_factory=list)
    tool_call: dict[str, str] | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None

    def has_reached(self, state: str) -> bool:
        """Whether one of :data:`STATES` is true of it."""
        match state:
            case "arrived":
                return True
            case "first_audio":
                return self.first_audio_s is not None
            case "ended":
                return self.outcome != "open"
            case _:
                return self.outcome == state


class RequestLog:
    """The latest rows.

    :param rows: how many are kept.
    :param file: where each row is appended as a line of JSON when its request ends.
    """

    def __init__(self, rows: int, file: Path | None = None) -> None:
        self._rows: deque[Row] = deque(maxlen=rows)
        self._count = 0
        self._changed = asyncio.Condition()
        self._waiting = 0
        self._file = file.open("ab") if file is not None else None

    def open(self, path: str) -> Row:
        """A request has arrived."""
        self._count += 1
        row = Row(self._count, path, time.time(), time.monotonic())
        self._rows.append(row)
        self._notify()
        return row

    def first_audio(self, row: Row) -> None:
        """The first sound is about to go out."""
        row.first_audio_s = time.monotonic()
        self._notify()

    def end(self, row: Row, outcome: str) -> None:
        """The request is over; only the first end counts."""
        if row.outcome == "open":
            row.outcome, row.ended_s = outcome, time.monotonic()
            if self._file is not None:
                self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                self._file.flush()
            self._notify()

    def rows(self, after: int = 0, state: str = "arrived", limit: int | None = None) -> list[Row]:
        """Rows behind number ``after`` that have reached a state, oldest first: the rows themselves, no copies."""
        return list(islice((row for row in self._rows if row.n > after and row.has_reached(state)), limit))

    async def wait(self, after: int, state: str, count: int) -> None:
        """Wait until ``count`` rows behind number ``after`` have reached a state. Cancelling stops waiting."""

        def reached() -> bool:
            return sum(row.n > after and row.has_reached(state) for row in self._rows) >= count

        self._waiting += 1
        try:
            async with self._changed:
                await self._changed.wait_for(reached)
        finally:
            self._waiting -= 1

    @property
    def last_n(self) -> int:
        """The number of the latest request."""
        return self._count

    def clear(self) -> None:
        """Forget all rows. Requests under way go on unlogged; numbers go on."""
        self._rows.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _notify(self) -> None:
        if self._waiting:
            self._notifying = asyncio.create_task(self._notify_all())

    async def _notify_all(self) -> None:
        async with self._changed:
            self._changed.notify_all()
