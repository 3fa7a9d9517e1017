"""Bodies that are compressed although nobody asked for it (RFC 9110 section 8.4)."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import Final

from bargein.upstream.http.client import Response
from bargein.upstream.http.errors import InvalidHttp, UnknownEncoding

STEP_BYTES: Final = 262_144
"""The most that one read inflates to: a thousandfold of it costs only whoever goes on reading."""

_GZIP_WBITS: Final = 16 + zlib.MAX_WBITS


def body_reader(response: Response) -> Callable[[], Awaitable[bytes]]:
    """What reads ``response``: the next bytes as the server meant them, empty at the end.

    :raises UnknownEncoding: neither gzip nor deflate.
    """
    match response.headers.get("content-encoding", "identity").strip().lower():
        case "identity" | "":
            return response.read
        case "gzip" | "x-gzip":
            return _InflatedBody(response, Inflater(_GZIP_WBITS)).read
        case "deflate":
            return _InflatedBody(response, Inflater(None)).read
        case _:
            raise UnknownEncoding("a content coding that was not asked for, neither gzip nor deflate")


class Inflater:
    """Inflates in steps of bounded size.

    :param wbits: as :func:`zlib.decompressobj` takes it. ``None`` is "deflate": the zlib format by the standard
        (RFC 9110 section 8.4.1.2), and bare deflate from servers that have read its name too literally.
    """

    __slots__ = ("_inflate", "_pending", "_wbits")

    def __init__(self, wbits: int | None) -> None:
        self._wbits = wbits
        self._inflate = zlib.decompressobj(wbits) if wbits is not None else None
        self._pending = b""

    def feed(self, data: bytes) -> None:
        """More of what is compressed."""
        self._pending += data

    def step(self) -> bytes:
        """At most :data:`STEP_BYTES`; empty when more has to be fed first.

        :raises InvalidHttp: it is not compressed in this way.
        """
        while True:
            if not self._pending:
                return b""
            if self._inflate is None:
                # The first byte of the zlib format names the method, which is 8 (RFC 1950 section 2.2).
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS if self._pending[0] & 0x0F == 8 else -zlib.MAX_WBITS)
            try:
                inflated = self._inflate.decompress(self._pending, STEP_BYTES)
            except zlib.error as error:
                raise InvalidHttp(f"a body that is not compressed as it claims: {error}") from error
            self._pending = self._inflate.unconsumed_tail
            if self._inflate.eof:
                # Others may follow a gzip member (RFC 1952 section 2.2), and so may they here.
                self._pending = self._inflate.unused_data
                self._inflate = zlib.decompressobj(self._wbits) if self._wbits is not None else None
            if inflated:
                return inflated


class _InflatedBody:
    def __init__(self, response: Response, inflater: Inflater) -> None:
        self._response = response
        self._inflater = inflater

    async def read(self) -> bytes:
        while not (inflated := self._inflater.step()):
            if not (data := await self._response.read()):
                return b""
            self._inflater.feed(data)
        return inflated
