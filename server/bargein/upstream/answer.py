"""One answer of the model's server, read with patience that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from bargein.core.completion import StreamPiece
from bargein.errors import UpstreamError, UpstreamMalformed
from bargein.upstream import failures
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.http import Response, UnknownEncoding, body_reader
from bargein.upstream.patience import Patience
from bargein.upstream.sse import DONE, EventDecoder

_READ_OUT_S: Final = 1.0
"""How long the last byte of a finished stream is waited for, so that its connection can be used again."""
_WHOLE_LIMIT_BYTES: Final = 64 * 1024 * 1024
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
        self._phase = "first_byte"

    async def read(self) -> bytes | None:
        """The next bytes, ``None`` at the end. Cancelled, what came is not lost.

        :raises UpstreamTimedOut: nothing came.
        :raises UpstreamUnavailable: the connection was cut.
        """
        self._patience.begin(self._patience_s)
        try:
            chunk = await self._next()
        except failures.FOREIGN as error:
            raise failures.timed_out(self._phase) if self._patience.lost else failures.from_exception(error) from error
        finally:
            self._patience.end()
        self._patience_s, self._phase = self._chunk_s, "stall"
        return chunk or None

    async def whole(self, limit_bytes: int) -> bytes:
        """Everything that is left, up to ``limit_bytes``."""
        body = bytearray()
        while len(body) < limit_bytes and (chunk := await self.read()) is not None:
            body += chunk
        return bytes(body[:limit_bytes])

    async def pieces(self, reader: ChunkReader, max_line_bytes: int) -> AsyncGenerator[StreamPiece, None]:
        """The reply, :class:`~bargein.core.completion.Finished` last.

        :raises UpstreamError: timed out, cut, malformed, or what the model itself says.
        """
        kind = self.response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            for piece in reader.read(await self.whole(_WHOLE_LIMIT_BYTES)) + reader.end():
                yield piece
            return
        if kind == "text/html":
            raise UpstreamMalformed(
                "The model's server answered with a web page. The operator has to check its base URL.",
                code="not_a_stream",
            )
        decoder = EventDecoder(max_line_bytes)
        at_end = done = False
        while not at_end and not done:
            chunk = await self._read_stream(reader)
            at_end = chunk is None
            for data in decoder.end() if chunk is None else decoder.feed(chunk):
                if data == DONE:
                    done = True
                    break
                for piece in reader.read(data):
                    yield piece
        if not done and not reader.complete:
            raise failures.cut()
        for piece in reader.end():
            yield piece
        if not at_end:
            await self._read_out()

    async def _read_stream(self, reader: ChunkReader) -> bytes | None:
        """The next bytes; ``None`` too where a reply that is complete is not followed by a proper end."""
        try:
            return await self.read()
        except UpstreamError:
            if reader.complete:
                return None
            raise

    async def _read_out(self) -> None:
        with suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(_READ_OUT_S):
                while await self.read() is not None:
                    pass

    def close(self) -> None:
        """Close the connection at once, unless the body has come to its end."""
        self._patience.close()
        self.response.drop()


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
        response.drop()
    return failures.from_status(response.status_code, response.headers, bytes(body), secret)
