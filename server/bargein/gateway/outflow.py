"""What leaves for one caller: a long message bit by bit, and whatever else is sent meanwhile behind it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from bargein.loop.chores import Chores

UNSENT_HIGH_BYTES: Final = 262_144
UNSENT_LOW_BYTES: Final = 65_536
"""Between these the event loop holds what the kernel has not taken. A kernel that takes all at once would take a long
message's time from everybody else, too.
"""


class Outflow:
    """The writing half of a transport. A frame that was begun is not mixed with others: what is written while a long
    one is leaving waits for it.
    """

    def __init__(self, transport: asyncio.Transport, chores: Chores) -> None:
        self._transport = transport
        self._chores = chores
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_full = False
        self._ends = False
        """Nothing follows what waits."""

    def limit(self) -> None:
        """Let the event loop tell of :meth:`pause` and :meth:`resume`. Call when its protocol is ours."""
        self._transport.set_write_buffer_limits(UNSENT_HIGH_BYTES, UNSENT_LOW_BYTES)

    def write_long(self, pieces: Sequence[bytes]) -> None:
        """Write one frame that is long."""
        if not self._waiting:
            self._chores.add(self._write_on)
        self._waiting.extend(pieces)
        self._waiting_bytes += sum(map(len, pieces))

    def pause(self) -> None:
        """The kernel takes no more for now."""
        self._is_full = True

    def resume(self) -> None:
        """It does again."""
        self._is_full = False
        if self._waiting:
            self._chores.add(self._write_on)

    def let_go(self) -> None:
        """The connection is gone."""
        self._waiting.clear()
        self._waiting_bytes = 0

    def _write_on(self) -> bool:
        waiting = self._waiting
        written = 0
        while waiting and not self._is_full and written < UNSENT_HIGH_BYTES:
            piece = waiting.popleft()
            self._waiting_bytes -= len(piece)
            written += len(piece)
            if not self._transport.is_closing():
                self._transport.write(piece)
        if self._ends and not waiting:
            self.write_eof()
        return bool(waiting) and not self._is_full

    # What libraries ask of a transport.

    def write(self, data: Any) -> None:  # noqa: ANN401 (bytes, and views of them)
        if self._waiting:
            piece = bytes(data)
            self._waiting.append(piece)
            self._waiting_bytes += len(piece)
        else:
            self._transport.write(data)

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        for data in list_of_data:
            self.write(data)

    def write_eof(self) -> None:
        if self._waiting:
            self._ends = True
        elif self._transport.can_write_eof() and not self._transport.is_closing():
            # Reset by its peer, a socket has no end to write any more; its loss is told by the loop, soon.
            with suppress(OSError):
                self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        return self._waiting_bytes + self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 (asyncio's)
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()
