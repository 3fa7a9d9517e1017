"""What can go wrong on the caller's side of a call. Each message is one line for the person who ran the command."""

from __future__ import annotations

from bargein.errors import BargeinError


class ConnectError(BargeinError):
    """The server could not be reached, or refused the connection.

    :param http_status: the status it refused with, where it answered at all.
    """

    def __init__(self, message: str, *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class UsageError(BargeinError):
    """What was asked for cannot be done: a file, scenario, condition or option is wrong."""
