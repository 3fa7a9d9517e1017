"""One answer of the model's server, read with patience that ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from bargein.core.completion import StreamPiece
from bargein.errors import UpstreamError, UpstreamMalformed
from bargein.loop.patience import Patience
from bargein.upstream import failures
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.http import Response, UnknownEncoding, body_reader
from bargein.upstream.sse import DONE, EventDecoder

SETTLED_S: Final = 0.4
"""How long is waited in all for the end of a stream once its reply is settled: some servers, and gateways that swallow
the end, keep the connection open.
"""
ALIVE_S: Final = 120.0
"""How long is waited in all for the next event while the server only says that it is still there, by comments and blank
lines: some gateways do so for as long as a model hangs.
"""
_READ_OUT_S: Final = 1.0
"""How long the last byte of a finished stream is waited for, so that its connection can be used again."""
STRETCH_EVENTS: Final = 64
"""So many are read at most before the event loop turns, which is everybody's: some servers send a whole reply at once,
token by token.
"""
STRETCH_BYTES: Final = 32_768
"""The same of bytes, where they hold few events or none: a body that is compressed can be a thousand times as long."""
_EVENT_STARTS: Final = frozenset(map(bytes, zip(b":deir", strict=True)))
"""How the lines of an event stream begin: comments, ``data``, ``event``, ``id``, ``retry``."""
_FIELD: Final = re.compile(rb"(data|event|id|retry|error)?:", re.IGNORECASE)
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
"""A byte order mark is some, too."""
_AROUND_DONE: Final = b' \t"'
"""Some write it as JSON."""
_LONGEST_DONE: Final = 64
"""Bytes, with what may be around it."""
WHOLE_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""An answer in one piece is read as far as this."""


class Answer:
    """The body of a response, read when it is asked for and not before.

    :param response: its connection is dropped when patience ends.
    :param first_byte_s: what is left of the time for the first byte.
    :param chunk_s: the time for every later read.
    :raises UpstreamMalformed: the body is compressed in a way that is not understood.
    """

    def __init__(self, response: Response, *, first_byte_s: float, chunk_s: float) -> None:
        self.response = response
        try:
            self._next = body_reader(response)
        except UnknownEncoding as error:
            raise failures.from_exception(error) from error
        self._patience = Patience(response.drop)
        self._patience_s = max(0.0, first_byte_s)
        self._chunk_s = chunk_s
        self._settled_s = SETTLED_S
        self._alive_s = ALIVE_S
        self._phase = self._event_phase = "first_byte"
        self._kept = b""
        """What has come beyond a stretch."""
        self._stretch = 0.0
        """How much of one was read since the event loop turned."""
        self.finished = False
        """The reply has come to its own end."""

    async def read(self) -> bytes | None:
        """The next bytes, at most :data:`STRETCH_BYTES`, ``None`` at the end. Cancelled, no others can be read.

        :raises UpstreamTimedOut: nothing came.
        :raises UpstreamUnavailable: the connection was cut.
        """
        if self._kept:
            return self._part_of(self._kept)
        self._patience.begin(self._patience_s)
        try:
            chunk = await self._next()
        except failures.FOREIGN as error:
            raise failures.timed_out(self._phase) if self._patience.lost else failures.from_exception(error) from error
        finally:
            self._patience.end()
        self._patience_s, self._phase = self._chunk_s, "stall"
        return self._part_of(chunk) or None

    def _part_of(self, chunk: bytes) -> bytes:
        """The beginning of it; the rest is read next."""
        self._kept = chunk[STRETCH_BYTES:]
        return chunk[:STRETCH_BYTES]

    def _is_stretch(self, events: int, byte_count: int) -> bool:
        """Count what was read. Whether the event loop has to turn now."""
        self._stretch += events / STRETCH_EVENTS + byte_count / STRETCH_BYTES
        if self._stretch < 1:
            return False
        self._stretch = 0
        return True

    async def whole(self, limit_bytes: int) -> bytes:
        """Everything that is left, up to ``limit_bytes``."""
        body = bytearray()
        while len(body) < limit_bytes and (chunk := await self.read()) is not None:
            body += chunk
            if self._is_stretch(1, len(chunk)):
                await asyncio.sleep(0)
        return bytes(body[:limit_bytes])

    async def pieces(self, reader: ChunkReader, max_line_bytes: int) -> AsyncGenerator[StreamPiece, None]:
        """The reply, :class:`~bargein.core.completion.Finished` last.

        :raises UpstreamError: timed out, cut, malformed, or what the model itself says.
        """
        kind = self.response.headers.get("content-type", "").partition(";")[0].strip().lower()
        begin = chunk = await self._begin(reader)
        if _is_whole(kind, chunk):
            body = (chunk or b"") + await self.whole(WHOLE_LIMIT_BYTES)
            for piece in reader.read_whole(body):
                yield piece
            for piece in self._end(reader):
                yield piece
            return
        decoder = EventDecoder(max_line_bytes)
        done = False
        while True:
            for data in decoder.end() if chunk is None else decoder.feed(chunk):
                self._alive_s, self._event_phase = ALIVE_S, "stall"
                if _is_done(data):
                    done = True
                    break
                for piece in reader.read(data):
                    yield piece
                if self._is_stretch(1, 0):
                    await asyncio.sleep(0)
            if chunk is None or done or reader.failure is not None:
                break
            if self._is_stretch(1, len(chunk)):
                await asyncio.sleep(0)
            chunk = await self._read_stream(reader)
        if not done and not reader.complete and reader.failure is None:
            raise self._cut(reader, begin or b"")
        for piece in self._end(reader):
            yield piece
        if chunk is not None:
            await self._read_out()

    async def _begin(self, reader: ChunkReader) -> bytes | None:
        """The first bytes that tell anything. Some gateways keep a connection alive by blanks until they know.

        :raises UpstreamMalformed: it is a page for people.
        """
        chunk = await self._read_stream(reader)
        while chunk is not None and not (begin := chunk.lstrip(_BLANK)):
            if self._is_stretch(1, len(chunk)):
                await asyncio.sleep(0)
            chunk = await self._read_stream(reader)
        if chunk is None:
            return None
        if begin.startswith(b"<"):
            raise UpstreamMalformed(
                "The model's server answered with a web page. The operator has to check its base URL.",
                code="not_a_stream",
            )
        return begin

    def _cut(self, reader: ChunkReader, begin: bytes) -> UpstreamError:
        """What a body is that has ended before its reply, or was none."""
        if begin and self._event_phase == "first_byte" and _FIELD.match(begin) is None:
            return reader.no_stream(begin)
        return failures.cut()

    async def _read_stream(self, reader: ChunkReader) -> bytes | None:
        """The next bytes; ``None`` too where a reply that is complete is not followed by a proper end."""
        if not reader.settled:
            self._settled_s = SETTLED_S
        elif self._settled_s <= 0:
            self.response.drop()
            return None
        try:
            return await self._read_in_time(settled=reader.settled)
        except UpstreamError:
            if reader.complete:
                return None
            raise

    async def _read_in_time(self, *, settled: bool) -> bytes | None:
        """As :meth:`read`, within what is left of the time for an end, or for an event. Only waiting counts."""
        if settled:
            self._patience_s = min(self._chunk_s, self._settled_s)
        elif self._alive_s <= 0:
            raise failures.timed_out(self._event_phase)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            return await self.read()
        finally:
            if settled:
                self._settled_s -= loop.time() - began_s
            else:
                self._alive_s -= loop.time() - began_s

    def _end(self, reader: ChunkReader) -> list[StreamPiece]:
        """What the end of the reply brings.

        :raises UpstreamError: the model has said that it did not come to its end.
        """
        if reader.failure is not None:
            raise reader.failure
        self.finished = True
        return reader.end()

    async def _read_out(self) -> None:
        with suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(_READ_OUT_S):
                while (chunk := await self.read()) is not None:
                    if self._is_stretch(1, len(chunk)):
                        await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Close the connection at once, unless the body has come to its end."""
        self._patience.close()
        await self.response.aclose()


def _is_done(data: bytes) -> bool:
    """Whether an event says that there are no more. Sound is not looked through for that."""
    return len(data) <= _LONGEST_DONE and data.strip(_AROUND_DONE).upper() == DONE


def _is_whole(kind: str, begin: bytes | None) -> bool:
    """Whether the body is JSON in one piece, whatever its type says."""
    first = (begin or b"")[:1]
    return first in {b"{", b"["} or (kind == "application/json" and first not in _EVENT_STARTS)


async def refusal(response: Response, secret: str | None) -> UpstreamError:
    """The error that a response other than a 200 is. Reads its body, under the caller's timeout, and closes it."""
    body = bytearray()
    try:
        read = body_reader(response)
        while len(body) <= failures.ERROR_BODY_LIMIT_BYTES and (chunk := await read()):
            body += chunk
    except failures.FOREIGN:
        pass  # The status alone says enough.
    finally:
        await response.aclose()
    return failures.from_status(response.status_code, response.headers, bytes(body), secret)
