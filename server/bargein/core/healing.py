"""A turn that was ended too early, and goes on: the model is told both pieces as one.

Whoever pauses for breath is answered, and speaks on before anything of the answer was understood. The reply is
interrupted like any other, and the protocol's items stay as the caller knows them: the first piece, what there was of
the reply, the second piece. Only the model is told one turn, with the sound of both, and no reply between them: so it
answers what was said, not its second half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bargein.core.agent import Agent
from bargein.core.history import GoesOn, History
from bargein.core.items import Message
from bargein.core.reply import Reply
from bargein.core.whole_turns import whole_turns

BEGUN_WITHIN_MS: Final = 1000
"""Who goes on later than this after the first sound of a reply has listened to it."""
HEARD_BELOW_MS: Final = 700
"""Who has heard so much of a reply, when it goes on, has heard words."""


@dataclass(frozen=True, slots=True)
class Healed:
    """Two pieces of one turn were joined."""

    before_id: str
    response_id: str
    heard_ms: int


class Healing:
    """Knows whether what the caller says over a reply is the rest of the turn that it answers."""

    def __init__(self, history: History, agent: Agent, limit_ms: int) -> None:
        self._history = history
        self._agent = agent
        self._limit_ms = limit_ms
        self._turn_id: str | None = None
        """The newest turn that was ended by what was heard."""
        self._going_on: tuple[str, GoesOn, Healed] | None = None
        """The item that is yet to come, and what it goes on with."""

    def turn_ended(self, item_id: str) -> None:
        """Detection has ended a turn, and it was committed."""
        self._turn_id = item_id

    def interrupted(self, item_id: str, onset_at: float, now: float) -> bool:
        """The caller speaks over the agent: call before the agent stops. Returns whether it goes on with its turn.

        :param item_id: the item that the speech will be.
        :param onset_at: when it began, in seconds.
        """
        self._going_on = None
        reply = self._agent.playout.newest
        before_id = self._turn_id
        if reply is None or before_id is None or reply.follows != before_id:
            return False
        heard_ms = _heard_ms(reply, onset_at, now)
        said = reply.response.output
        if heard_ms is None or not all(isinstance(item, Message) for item in said):
            return False  # It was listened to, or read; or has called tools, which have been told.
        goes_on = GoesOn(before_id, tuple(item.id for item in said))
        self._going_on = (item_id, goes_on, Healed(before_id, reply.id, heard_ms))
        return True

    def link_of(self, item_id: str) -> GoesOn | None:
        """What the speech in progress, which will be that item, goes on with."""
        return self._going_on[1] if self._going_on is not None and self._going_on[0] == item_id else None

    def entered(self, item: Message) -> Healed | None:
        """A turn has entered the conversation. Returns what it was joined with, if it was."""
        going_on, self._going_on = self._going_on, None
        if going_on is None or going_on[0] != item.id:
            return None
        _, goes_on, healed = going_on
        self._history.goes_on[item.id] = goes_on
        turns = whole_turns(self._history, self._history.goes_on, self._limit_ms)
        gone = self._history.get(goes_on.before_id) is None
        if gone or any(turn.id == goes_on.before_id for turn in turns):
            del self._history.goes_on[item.id]
            return None
        return healed


def _heard_ms(reply: Reply, onset_at: float, now: float) -> int | None:
    """How much of ``reply`` the caller had heard when it began to speak; ``None``: enough to have listened. What was
    told in writing may have been read, or spoken by a voice of the caller's own.
    """
    playback = reply.playback
    if playback is None and reply.message is not None:
        return None
    if playback is None or reply.began_at is None:
        return 0
    since_ms = max(0, round((onset_at - reply.began_at) * 1000))
    heard_ms = min(since_ms, playback.format.ms_of(playback.heard(now)))
    return heard_ms if since_ms <= BEGUN_WITHIN_MS and heard_ms < HEARD_BELOW_MS else None
