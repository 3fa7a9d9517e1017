"""A hold: what the agent says is stopped while it is being decided whether the caller interrupts."""

from __future__ import annotations

from bargein.core.actions import Resumed
from bargein.core.completion import Finished, StreamPiece
from bargein.core.decisions import HoldEnded, HoldEndReason
from bargein.core.reply import Reply
from bargein.core.rulings import Holding


class Hold:
    """One hold, from its begin to its end. Times are in seconds.

    :param told: the reply whose play-out was stopped, or made quieter, where there was one.
    """

    def __init__(self, since: float, until: float, told: Reply | None, holding: Holding = Holding.STOPPED) -> None:
        self.holding = holding
        self.since = since
        self.until = until
        self.gated: list[StreamPiece] = []
        """What the model said while it was held before its first sound."""
        self._told = told

    @property
    def gates_the_end(self) -> bool:
        """The model is done, and nobody was told yet."""
        return bool(self.gated) and isinstance(self.gated[-1], Finished)

    def gate(self, reply: Reply, piece: StreamPiece) -> None:
        """Keep what ``reply`` says until it is known whether anybody is told of it."""
        self.gated.append(piece)
        reply.count_untold(piece)

    def lasted_ms(self, now: float) -> float:
        return (now - self.since) * 1000

    def resumed(self, now: float) -> Resumed | None:
        """What to tell a player that was stopped; ``None`` where nothing sounded."""
        told = self._told
        if told is None or told.playback is None or told.message is None:
            return None
        return Resumed(told.id, told.message.id, told.playback.heard(now))

    def ended(self, why: HoldEndReason, now: float) -> HoldEnded:
        return HoldEnded(why, self.lasted_ms(now), None if self._told is None else self._told.id)
