"""What was sent of a response that is over, while the caller still hears it."""

from __future__ import annotations

from typing import Final

from bargein.core.playback import Playback, ReportedPosition
from bargein.core.reply import Reply

PATIENCE_S: Final = 2.0
"""How much longer than its sound lasts a tail is waited for: some callers who report never report the end."""


class Tail:
    """A reply from its response's end until it has been heard out. Times are in seconds."""

    def __init__(self, reply: Reply, playback: Playback, now: float) -> None:
        self.reply = reply
        self.playback = playback
        self.wait_anew(now)

    def __repr__(self) -> str:
        return f"<Tail of {self.reply!r}>"

    def wait_anew(self, now: float) -> None:
        """Begin to count its patience: the caller is playing it."""
        self._until = self.playback.heard_out_at(now) + PATIENCE_S

    def forgive(self, lost_s: float) -> None:
        """See :meth:`Conversation.forgive`."""
        self._until += lost_s

    def over_at(self, now: float) -> float:
        """The earliest time at which it can be over."""
        return min(self.playback.heard_out_at(now), self._until)

    def is_over(self, now: float) -> bool:
        return self.playback.heard(now) >= self.playback.sent_samples or now >= self._until

    @property
    def can_pause(self) -> bool:
        """A hold stops it at the caller's; players that cannot be told play on."""
        return isinstance(self.playback.position, ReportedPosition)
