"""The caller's socket as a session sees it, whatever library carries it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class CallerConnection(Protocol):
    """The sending half of one caller's WebSocket. The receiving half calls the session.

    A transport feeds :meth:`bargein.session.session.Session.receive_text`, ``receive_binary`` and, exactly once,
    ``ended``, all on the event loop's thread and in order. It never waits for the session.
    """

    @property
    def backlog_bytes(self) -> int:
        """Bytes accepted by ``send_text`` and ``send_binary`` that the kernel has not taken yet."""
        ...

    def send_text(self, message: bytes) -> None:
        """Queue one text message, UTF-8. Never blocks, never raises: after the end it does nothing."""
        ...

    def send_long_text(self, pieces: Sequence[bytes]) -> None:
        """As :meth:`send_text`, for one long message in pieces, which are not joined."""
        ...

    def send_binary(self, message: bytes) -> None:
        """Queue one binary message. Never blocks, never raises: after the end it does nothing."""
        ...

    def hold_back(self, duration_s: float, what: str) -> None:
        """Read nothing more of the caller for so long, for it has used up an allowance. Who has to be held back for too
        long in all is closed with 4429.

        :param what: there was too much of, with what to do: for the caller.
        """
        ...

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then start the closing handshake (RFC 6455 section 7.1.2). Returns at once.

        :param reason: at most 123 bytes of UTF-8; longer ones are cut.
        """
        ...
