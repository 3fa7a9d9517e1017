"""What the event loop knows of a transport: asyncio tells protocols by their class, uvloop by their methods.

A compiled class that derived from one of asyncio's would keep its attributes in a dictionary, and cost a caller a tenth
more. So these, which are not compiled, lend the loop the transport's own methods; uvloop takes them once.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

_ALIKE: Final = ("eof_received", "connection_lost", "pause_writing", "resume_writing")


class Feeding(Protocol):
    """What both ways of reading call."""

    def eof_received(self) -> bool | None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class DataFed(Feeding, Protocol):
    """Takes what was read."""

    def data_received(self, data: bytes) -> None: ...


class BufferFed(Feeding, Protocol):
    """Gives the room for what is to be read."""

    def get_buffer(self, sizehint: int) -> memoryview: ...

    def buffer_updated(self, nbytes: int) -> None: ...


class DataFedProtocol(asyncio.Protocol):
    """Feeds a transport with data."""

    def __init__(self, transport: DataFed) -> None:
        _lend(self, transport, "data_received")


class BufferFedProtocol(asyncio.BufferedProtocol):
    """Has a transport's own buffer filled."""

    def __init__(self, transport: BufferFed) -> None:
        _lend(self, transport, "get_buffer", "buffer_updated")


def _lend(protocol: asyncio.BaseProtocol, transport: Feeding, *names: str) -> None:
    for name in (*names, *_ALIKE):
        setattr(protocol, name, getattr(transport, name))
