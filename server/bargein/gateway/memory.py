"""Memory that the operating system gets back: what the allocator keeps, and what a library's buffer has grown to."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import mmap
from collections.abc import Callable
from typing import Final

TIDY_INTERVAL_S: Final = 10.0
QUIET_SESSIONS: Final = 50
"""With no more sessions than this a full collection takes 2 ms, and nobody hears it."""
LARGE_BYTES: Final = 262_144
"""Free space of a buffer that is worth giving back."""


class Tidying:
    """Collects garbage and trims the heap, again and again, while the process is quiet.

    :param open_sessions: how many there are now.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, open_sessions: Callable[[], int]) -> None:
        self._loop = loop
        self._open_sessions = open_sessions
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._handle = self._loop.call_later(TIDY_INTERVAL_S, self._tidy)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tidy(self) -> None:
        if self._open_sessions() <= QUIET_SESSIONS:
            gc.collect()
            trim_heap()
        self.start()


def trim_heap() -> None:
    """Give the operating system what the allocator keeps for later, where there is a way (glibc)."""
    if _trim is not None:
        _trim(0)


def give_back(free: memoryview) -> None:
    """Give the operating system the pages of ``free``, a writable buffer whose contents nobody needs. They are there
    again, as zeros, when they are written to. Less than :data:`LARGE_BYTES`, and elsewhere than on Linux, stay.
    """
    if _advise is None or len(free) < LARGE_BYTES:
        return
    begin = ctypes.addressof(ctypes.c_char.from_buffer(free))
    first = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
    last = (begin + len(free)) // mmap.PAGESIZE * mmap.PAGESIZE
    _advise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _DONTNEED)


_DONTNEED: Final = getattr(mmap, "MADV_DONTNEED", None)


def _library_function(name: str) -> Callable[..., int] | None:
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
    return function


_trim: Final = _library_function("malloc_trim")
_advise: Final = _library_function("madvise") if _DONTNEED is not None else None
