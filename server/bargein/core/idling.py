"""The idle timeout: nobody speaks after a reply, so the silence becomes a turn and is answered.

It breaks a silence once. Each time is a request that somebody pays for, and a caller who has left the room stays silent
whatever is said: the next one follows when the caller has spoken, or sent anything else to be answered. While a tool
runs it is the agent who keeps silent: nothing counts until there is an output.
"""

from __future__ import annotations

from bargein.core.agent import Agent
from bargein.core.config import SessionConfig
from bargein.core.floor import Floor
from bargein.core.history import History


class IdleTimeout:
    """Counts from when the last reply was heard out. Times are in seconds on any steady clock."""

    def __init__(self, history: History, agent: Agent, floor: Floor) -> None:
        self._history = history
        self._agent = agent
        self._floor = floor
        self._spent = False

    def due_at(self, config: SessionConfig) -> float | None:
        """When the silence is to be broken; ``None`` if it is not."""
        detection, since = config.turn_detection, self._agent.idle_since
        if detection is None or detection.idle_timeout_ms is None or since is None or self._spent:
            return None
        if not self._floor.is_free or self._history.waits_for_output:
            return None
        return since + detection.idle_timeout_ms / 1000

    def fired(self) -> None:
        """The silence was broken."""
        self._spent = True
        self._agent.idle_since = None

    def caller_spoke(self) -> None:
        """Silence counts from the end of the next reply."""
        self._spent = False
        self._agent.idle_since = None

    def caller_sent(self, now: float) -> None:
        """Something other than speech: a new silence begins."""
        self._spent = False
        if self._agent.idle_since is not None:
            self._agent.idle_since = now

    def tool_ended(self, now: float) -> None:
        """A call has its output, or is deleted: what remains of the silence counts from now."""
        if self._agent.idle_since is not None:
            self._agent.idle_since = now
