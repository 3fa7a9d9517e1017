"""Room for sockets: a caller is admitted only where there is one for the model's answers too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from bargein.descriptors import ENOUGH, open_descriptors, raise_descriptor_limit

UPSTREAM_PER_SESSION: Final = 2
"""Sockets to the model that a session may need at once: for a reply, and for a transcript."""
SPARE: Final = 32
"""Kept for what is no session: the connections that are told so, files, a scrape."""
AHEAD: Final = 4
"""Sessions that may be asked for before a connection that is closed for them is gone."""

_log: Final = structlog.get_logger(__name__)


class DescriptorRoom:
    """Knows whether there are descriptors left for one more session, or connection.

    :param limit: how many the process may have.
    :param upstream_open: how many of them are sockets to the model now.
    """

    def __init__(self, limit: int, upstream_open: Callable[[], int]) -> None:
        self.limit: Final = limit
        self._upstream_open = upstream_open

    def for_session(self, open_sessions: int) -> bool:
        """Whether there is room for one more session beside ``open_sessions``, all of which may have to be answered.
        The socket of the new one is open already.
        """
        owed = UPSTREAM_PER_SESSION * (open_sessions + 1) - self._upstream_open()
        return self._free() - max(0, owed) >= SPARE

    def lacking(self, open_sessions: int) -> int:
        """How many descriptors should be given up by connections that ask for nothing, so that :data:`AHEAD` sessions
        would find room.
        """
        owed = UPSTREAM_PER_SESSION * (open_sessions + AHEAD) - self._upstream_open()
        return max(0, SPARE + AHEAD + max(0, owed) - self._free())

    def for_connection(self) -> bool:
        """Whether one more connection can be kept, when it is open already."""
        return self._free() >= SPARE

    def _free(self) -> int:
        return self.limit - open_descriptors()


def make_descriptor_room(max_sessions: int, upstream_open: Callable[[], int]) -> DescriptorRoom:
    """Raise the limit to what ``max_sessions`` take, and say whether it is enough."""
    each = 1 + UPSTREAM_PER_SESSION
    in_use = open_descriptors() + SPARE
    limit = raise_descriptor_limit(max(ENOUGH, in_use + each * max_sessions))
    sessions = max(0, limit - in_use) // each
    if sessions < max_sessions:
        _log.warning(
            "open files are too few for BARGEIN_MAX_SESSIONS: raise the hard limit (ulimit -Hn)",
            limit=limit,
            enough_for_sessions=sessions,
            max_sessions=max_sessions,
        )
    else:
        _log.info("open files", limit=limit, max_sessions=max_sessions)
    return DescriptorRoom(limit, upstream_open)
