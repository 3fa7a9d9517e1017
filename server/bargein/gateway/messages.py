"""Whole messages out of frames, within bounds, for every transport alike."""

from __future__ import annotations

from typing import Final

from bargein.errors import CallerGone

MAX_FRAGMENTS: Final = 1024
"""Frames of one message. A flood of empty ones would pass every limit on bytes."""


class Assembler:
    """Joins the frames of fragmented messages (RFC 6455 section 5.4).

    The transports keep whole messages away from it: they are the rule, and need no joining.

    :param max_bytes: of a message's payload.
    """

    __slots__ = ("_fragments", "_max_bytes", "_size", "joining", "text")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._fragments: list[bytes] = []
        self._size = 0
        self.joining = False
        """Whether a fragmented message has begun and not ended."""
        self.text = False
        """Whether the message that is being joined is text."""

    def begin(self, fragment: bytes, *, text: bool) -> None:
        """The first frame of a message that has more.

        :raises CallerGone: another has not ended, or the message grows too large.
        """
        if self.joining:
            raise CallerGone(1002, "A new message began within a fragmented one.")
        self.joining = True
        self.text = text
        self._add(fragment)

    def resume(self, fragment: bytes, *, fin: bool) -> bytes | None:
        """A continuation frame; returns the message that it completes.

        :raises CallerGone: none has begun, it grows too large, or has too many frames.
        """
        if not self.joining:
            raise CallerGone(1002, "A continuation of no message.")
        self._add(fragment)
        if not fin:
            return None
        message = b"".join(self._fragments)
        self._fragments = []
        self._size = 0
        self.joining = False
        return message

    def _add(self, fragment: bytes) -> None:
        self._size += len(fragment)
        if self._size > self._max_bytes:
            raise CallerGone(1009, too_big(self._max_bytes))
        self._fragments.append(fragment)
        if len(self._fragments) > MAX_FRAGMENTS:
            raise CallerGone(1009, f"A message may have {MAX_FRAGMENTS} frames.")


def text_frame_header(payload_bytes: int) -> bytes:
    """What stands in front of a whole text message from a server (RFC 6455 section 5.2)."""
    if payload_bytes < 126:
        return bytes((0x81, payload_bytes))
    if payload_bytes < 1 << 16:
        return b"\x81\x7e" + payload_bytes.to_bytes(2, "big")
    return b"\x81\x7f" + payload_bytes.to_bytes(8, "big")


def too_big(max_bytes: int) -> str:
    """The reason that goes with close code 1009; fits into a close frame."""
    return f"A message may have {max_bytes} bytes (BARGEIN_MAX_MESSAGE_BYTES): send audio in smaller pieces."


def check_utf8(payload: bytes) -> None:
    """Refuse a text message that is not UTF-8 (RFC 6455 section 8.1).

    :raises CallerGone: with code 1007.
    """
    if not payload.isascii():
        try:
            payload.decode()
        except UnicodeDecodeError:
            raise CallerGone(1007, "A text message must be UTF-8.") from None


def parse_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame that came; 1005 where it has none.

    :raises CallerGone: no frame may hold such a code (RFC 6455 section 7.4).
    """
    if not payload:
        return 1005, ""
    code = int.from_bytes(payload[:2], "big")
    if not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in _NEVER_SENT:
        raise CallerGone(1002, f"A close frame may not have the code {code}.")
    return code, payload[2:].decode(errors="replace")


_NEVER_SENT: Final = frozenset({1004, 1005, 1006})


def cut_reason(reason: str) -> str:
    """At most 123 bytes of UTF-8, whole characters: all that fits into a close frame (RFC 6455 section 5.5)."""
    return reason.encode()[:123].decode(errors="ignore")
