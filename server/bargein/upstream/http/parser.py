"""Answers from raw bytes, without any socket: llhttp, and the rules around it that it leaves to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from bargein.upstream.http.errors import ConnectionCut, InvalidHttp

HEAD_LIMIT_BYTES: Final = 65_536
"""As much as may come that is not body, without any body between: heads, interim answers, trailers, extensions."""

_ENDED: Final = "the connection ended before the answer did"


class Headers(Mapping[str, str]):
    """Header fields by name, whatever its case. Iterating yields names in lower case."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def add(self, name: bytes, value: bytes) -> None:
        """One more line; lines of the same name are joined (RFC 9110 section 5.3)."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").rstrip(" \t")
        self._values[key] = f"{self._values[key]}, {text}" if key in self._values else text

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class ResponseParser:
    """One answer. Feed it bytes as they come, cut anywhere; take the body out of it as you like.

    Interim answers (RFC 9110 section 15.2) are skipped. What comes behind the end is not looked at, but remembered in
    ``reusable``, except for line ends that llhttp passes over.

    :param bodiless: only the head matters, as in the answer to a CONNECT (RFC 9110 section 9.3.6).
    """

    __slots__ = (
        "_bodiless",
        "_llhttp",
        "_overhead_bytes",
        "_pieces",
        "_until_close",
        "buffered_bytes",
        "complete",
        "has_head",
        "headers",
        "reusable",
        "started",
        "status_code",
    )

    def __init__(self, *, bodiless: bool = False) -> None:
        self._bodiless = bodiless
        self._llhttp: HttpResponseParser | None = HttpResponseParser(self)
        # As tolerant as what other clients let servers get away with, and no more.
        self._llhttp.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self._overhead_bytes = 0
        self._pieces: list[bytes] = []
        self._until_close = False
        self.headers = Headers()
        self.status_code = 0
        self.started = False
        """Whether a single byte has come."""
        self.has_head = False
        """Whether ``status_code`` and ``headers`` are the answer's."""
        self.complete = False
        """Whether all of the body has come."""
        self.reusable = False
        """When complete: whether the connection may carry another request (RFC 9112 section 9.3)."""
        self.buffered_bytes = 0
        """How much of the body nobody has taken yet."""

    def feed(self, data: bytes) -> None:
        """The next bytes of the connection.

        :raises InvalidHttp: it is not HTTP, or there is too much of it before the body goes on.
        """
        llhttp = self._llhttp
        if llhttp is None:
            self.reusable = False
            return
        self.started = True
        buffered_bytes = self.buffered_bytes
        try:
            llhttp.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self.complete:
                self.reusable = False
                return
            if isinstance(error.__context__, InvalidHttp):
                raise error.__context__ from None
            raise InvalidHttp(f"not HTTP/1.1: {error}") from error
        if self.buffered_bytes != buffered_bytes:
            self._overhead_bytes = 0
        elif not self.complete:
            self._count(len(data))

    def feed_end(self) -> None:
        """The connection has ended.

        :raises ConnectionCut: it should not have, yet.
        """
        if self.complete:
            self.reusable = False
            return
        if not self._until_close:
            raise ConnectionCut(_ENDED)
        self._end(reusable=False)

    def take(self) -> bytes:
        """What has come of the body and was not taken yet."""
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.buffered_bytes = 0
        return body

    def close(self) -> None:
        """Nothing more will be fed."""
        self._llhttp = None  # They hold each other.

    def _count(self, byte_count: int) -> None:
        self._overhead_bytes += byte_count
        if self._overhead_bytes > HEAD_LIMIT_BYTES:
            raise InvalidHttp(f"more than {HEAD_LIMIT_BYTES} bytes of headers")

    def _end(self, *, reusable: bool) -> None:
        self.complete = True
        self.reusable = reusable
        self.close()

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            raise InvalidHttp("bytes behind the end of the answer")
        self.headers = Headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        if not self.has_head:
            self.headers.add(name, value)

    def on_headers_complete(self) -> None:
        llhttp = self._llhttp
        if llhttp is None:
            return
        status = llhttp.get_status_code()
        if not llhttp.get_http_version().startswith("1."):
            raise InvalidHttp(f"HTTP version {llhttp.get_http_version()}")
        if status < 200:
            # 101 agrees to what was never asked for.
            if status in {0, 101} or status < 100:
                raise InvalidHttp(f"status {status}")
            return
        self.status_code, self.has_head = status, True
        if self._bodiless:
            self._end(reusable=True)
            return
        coding = self.headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise InvalidHttp("a transfer coding that was not asked for")
        # RFC 9112 section 6.3.
        self._until_close = coding is None and "content-length" not in self.headers and status not in {204, 304}

    def on_body(self, body: bytes) -> None:
        if self._bodiless:
            raise InvalidHttp("bytes behind the head of an answer that has no body")
        self._pieces.append(body)
        self.buffered_bytes += len(body)

    def on_message_complete(self) -> None:
        if self.has_head and not self.complete and self._llhttp is not None:
            self._end(reusable=self._llhttp.should_keep_alive())
