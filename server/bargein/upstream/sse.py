"""Server-sent events from raw bytes (WHATWG HTML, section 9.2.6), as far as Chat Completions uses them.

Only ``data`` matters: comments, ``event``, ``id`` and ``retry`` are skipped. Four things are looser than the standard:
the last event counts without a blank line behind it, because not every server sends one; so does a line that is a whole
JSON object, where another begins on the next; ``error`` is a field, as llama.cpp had it; and the data is handed out as
bytes, because JSON is decoded from bytes.
"""

from __future__ import annotations

from typing import Final

import orjson

from bargein.errors import UpstreamMalformed
from bargein.upstream.lenient import read_json

DONE: Final = b"[DONE]"
"""The data of the last event."""

_BOM: Final = b"\xef\xbb\xbf"


class EventDecoder:
    """Feed it bytes as they come, cut anywhere; it hands out the data of every event that is complete.

    Time is linear in the bytes, however small the pieces are.

    :param max_line_bytes: the longest line, and the most data of one event.
    """

    __slots__ = ("_at_start", "_data", "_is_joined", "_line", "_line_feed_pending", "_max_line_bytes")

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._line = bytearray()
        self._data: bytes | None = None
        self._is_joined = False
        """It is of several lines."""
        self._line_feed_pending = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that ``chunk`` completes, oldest first.

        :raises UpstreamMalformed: a line, or an event, is longer than allowed.
        """
        if self._line_feed_pending and chunk:
            self._line_feed_pending = False
            chunk = chunk.removeprefix(b"\n")
        events: list[bytes] = []
        start = 0
        # Line feeds are searched for, not split at: on lines of base64 that is ten times as fast.
        mixed = b"\r" in chunk
        while True:
            end = self._line_end(chunk, start) if mixed else chunk.find(b"\n", start)
            if end < 0:
                break
            if self._line:
                self._keep(chunk[start:end])
                line = bytes(self._line)
                self._line.clear()
            else:
                line = chunk[start:end]
            self._take(line, events)
            start = end + 1
            if chunk[end] == 0x0D:
                if start == len(chunk):
                    self._line_feed_pending = True
                elif chunk[start] == 0x0A:
                    start += 1
        if start < len(chunk):
            self._keep(chunk[start:] if start else chunk)
        return events

    def end(self) -> list[bytes]:
        """The data of an event that the end of the stream completes."""
        events: list[bytes] = []
        if self._line:
            self._take(bytes(self._line), events)
            self._line.clear()
        self._take(b"", events)
        return events

    @staticmethod
    def _line_end(chunk: bytes, start: int) -> int:
        feed = chunk.find(b"\n", start)
        carriage = chunk.find(b"\r", start, feed if feed >= 0 else len(chunk))
        return carriage if carriage >= 0 else feed

    def _keep(self, part: bytes) -> None:
        self._check(len(self._line) + len(part))
        self._line += part

    def _check(self, byte_count: int) -> None:
        if byte_count > self._max_line_bytes:
            raise UpstreamMalformed(
                f"The model's server sent a line of more than {self._max_line_bytes} bytes.", code="line_too_long"
            )

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if line.startswith(b"data:"):
            data = line[6:] if line.startswith(b" ", 5) else line[5:]
            if self._data is not None and not self._is_joined and _are_two(self._data, data):
                events.append(self._data)
                self._data = None
            self._check(len(data) + len(self._data or b""))
            self._is_joined = self._data is not None
            self._data = data if self._data is None else self._data + b"\n" + data
        elif (not line or line.startswith(b"error:")) and self._data is not None:
            if self._data:
                events.append(self._data)
            self._data = None
        if line.startswith(b"error:") and (said := line[6:].strip()):
            events.append(
                b'{"error":%s}' % (said if said.startswith(b"{") else orjson.dumps(said.decode(errors="replace")))
            )


def _are_two(line: bytes, following: bytes) -> bool:
    """Whether two lines without a blank one between them are two events: together they could be no JSON."""
    if not line.startswith(b"{") or not following.startswith((b"{", DONE)):
        return False
    try:
        read_json(line)
    except ValueError:
        return False
    return True
