"""What of the agent the caller hears: the tails of replies that are done, and behind them the active one.

This room knows what sounds, in which order, and what was heard of it. Who may sound, and when, is decided by
:class:`~bargein.core.agent.Agent`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.cutting import Cutter
from bargein.core.history import Heard, as_heard
from bargein.core.items import Item, Message, OutputAudio
from bargein.core.playback import Playback, ReportedPosition
from bargein.core.reply import Reply
from bargein.core.said import Said, Sayings
from bargein.core.tail import Tail
from bargein.core.tails import Tails


class PlayOut:
    """One caller's loudspeaker, as far as the agent is concerned. Times are in seconds on any steady clock."""

    def __init__(self, cutter: Cutter) -> None:
        self.active: Reply | None = None
        """The response of the conversation that is not done."""
        self.tails = Tails()
        self._sayings = Sayings()
        self._cutter = cutter

    @property
    def replies(self) -> Iterator[Reply]:
        """Everything that speaks for the conversation, in the order in which it is heard."""
        yield from self.tails.replies
        if self.active is not None:
            yield self.active

    @property
    def newest(self) -> Reply | None:
        """The newest reply that is made or heard."""
        return self.active or self.tails.newest

    @property
    def only_voice(self) -> Reply | None:
        """The reply that is heard, where no other waits behind it."""
        speaking = list(self.replies)
        return speaking[0] if len(speaking) == 1 and speaking[0].sent_samples else None

    @property
    def sounding(self) -> Reply | None:
        """The reply whose sound the caller hears."""
        return next((reply for reply in self.replies if reply.sent_samples), None)

    # What is heard.

    def heard_now(self, item_id: str, now: float) -> int | None:
        """How much of an item that is still playing was heard; ``None`` if it is not playing any more."""
        playback = self._playing(item_id)
        return None if playback is None else playback.heard(now)

    def heard_so_far(self, now: float) -> dict[str, Heard]:
        """What was heard of the response that is not done, by its item: what is asked beside it is told no more."""
        return {} if self.active is None else self._cutter.heard_so_far(self.active, now)

    def said_around(self, now: float, reach_s: float) -> Said | None:
        """The sound that the caller's loudspeaker may be playing, and has played in the last ``reach_s``."""
        sounding = self.sounding
        return self._sayings.around(None if sounding is None else sounding.playback, now, reach_s)

    def playing(self, now: float) -> tuple[OutputAudio, int] | None:
        """The sound that the caller hears, and which sample of it, by our estimate."""
        sounding = self.sounding
        if sounding is None or sounding.playback is None:
            return None
        return sounding.playback.audio, sounding.playback.heard(now)

    def words_around(self, now: float) -> tuple[str, str]:
        """What the caller has heard of the reply that sounds, and what is known of the rest."""
        sounding = self.sounding
        return ("", "") if sounding is None else self._cutter.words_around(sounding, now)

    def as_told(self, item: Item) -> Item:
        """The item as the caller knows it: a reply in progress as far as it was sent, a cut one as far as it was
        heard.
        """
        told = self._cutter.heard_of(item.id)
        if told is None and self.active is not None and self.active.speaks_in(item.id):
            told = self.active.told
        return item if told is None or not isinstance(item, Message) else as_heard(item, told)

    # What happens to it.

    def reported(self, item_id: str, samples: int, now: float, *, playing: bool) -> None:
        """``bargein.played``: the caller says how far it is."""
        playback = self._playing(item_id)
        if playback is not None and isinstance(playback.position, ReportedPosition):
            before = playback.heard(now)
            playback.position.report(samples, now, playing=playing)
            if playback.heard(now) > before:
                self.tails.wait_anew(now)

    def take_heard_out(self, now: float) -> bool:
        """Let go of the first tail, if it was heard out; returns whether it was."""
        playback = self.tails.take_heard_out(now)
        if playback is None:
            return False
        self._sayings.ended(playback, now)
        return True

    def stop_tail(self, tail: Tail, samples: int, now: float, out: list[Action]) -> None:
        """The caller has stopped one by itself, at ``samples``."""
        if isinstance(tail.playback.position, ReportedPosition):
            tail.playback.position.report(samples, now, playing=False, final=True)
        self._cutter.cut(tail.reply, now, exact=True)
        self._cutter.tell(tail.reply, out)
        self.tails.remove(tail)
        self._sayings.ended(tail.playback, now)

    def stop(self, now: float, out: list[Action]) -> tuple[list[Reply], tuple[str, ...]]:
        """Nothing of it sounds any more: flush the caller's player, and cut everything at what was heard.

        :returns: what was cut, for :meth:`tell_cuts`; and the items of which the player holds sound.
        """
        stopped = list(self.replies)
        self.tails.clear()
        self.active = None
        flushed = [
            actions.Flushed(sounding.id, sounding.message.id)
            for sounding in stopped
            if sounding.message is not None and sounding.sent_samples
        ]
        out.extend(flushed)
        for cut in stopped:
            self._cutter.cut(cut, now)
        return stopped, tuple(flush.item_id for flush in flushed)

    def tell_cuts(self, stopped: list[Reply], now: float, out: list[Action]) -> None:
        """Tell where it was cut."""
        for cut in stopped:
            if cut.playback is not None and cut.sent_samples:
                self._sayings.ended(cut.playback, now)
            self._cutter.tell(cut, out)

    def _playing(self, item_id: str) -> Playback | None:
        return next((reply.playback for reply in self.replies if reply.speaks_in(item_id)), None)
