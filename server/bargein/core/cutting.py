"""Cutting a reply at what was heard, in the history and before the caller's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.history import Heard, History
from bargein.core.items import OutputAudio
from bargein.core.playback import ReportedPosition
from bargein.core.reply import Reply
from bargein.core.words import WordAligner

ANSWER_WAIT_S: Final = 0.3
"""How long a ``bargein.v1`` caller may take to say exactly where it stopped, before the estimate stands."""


@dataclass(slots=True)
class _Pending:
    reply: Reply
    heard: Heard
    """As far as is known."""
    until: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """What an interruption, or the caller's own word, has stopped."""

    response_id: str | None
    """The response that was being heard or made; ``None``: there was none."""
    held_ms: float | None
    cancelled: str | None
    flushed: tuple[str, ...]


class Cutter:
    """Cuts replies. A caller who reports play-out is asked first; the estimate stands in if no answer comes in
    time.
    """

    def __init__(self, history: History, aligner: WordAligner) -> None:
        self._history = history
        self._aligner = aligner
        self._pending: dict[str, _Pending] = {}

    @property
    def is_waiting(self) -> bool:
        """A caller has not said yet where it stopped."""
        return bool(self._pending)

    def cut(self, reply: Reply, now: float, *, exact: bool = False) -> None:
        """The caller will hear no more of ``reply`` than it has heard by ``now``. Tell it so with :meth:`tell`.

        :param exact: the position is the caller's own last word; nothing better will come.
        """
        message, playback = reply.message, reply.playback
        if message is None or playback is None:
            return
        heard = self._heard_at(message.id, playback.audio, playback.heard(now))
        if isinstance(playback.position, ReportedPosition) and playback.sent_samples and not exact:
            self._pending[message.id] = _Pending(reply, heard, now + ANSWER_WAIT_S)
        else:
            self._history.cut(message.id, heard.samples, heard.text)

    def tell(self, reply: Reply, out: list[Action]) -> None:
        """Tell the caller of a cut, unless its own answer is waited for first."""
        message, audio = reply.message, reply.audio
        if message is None or audio is None or message.id in self._pending:
            return
        heard = self._history.heard[message.id]
        unheard_text = audio.transcript[len(heard.text) :]
        out.append(actions.Cut(reply.id, message.id, heard.samples, heard.text, unheard_text))

    def flushed(self, item_id: str, samples: int, out: list[Action]) -> bool:
        """``bargein.flushed`` came. Returns whether it was waited for."""
        pending = self._pending.pop(item_id, None)
        if pending is None or pending.reply.playback is None:
            return False
        samples = min(max(samples, 0), pending.reply.playback.sent_samples)
        self.cut_at(item_id, pending.reply.playback.audio, samples)
        self.tell(pending.reply, out)
        return True

    def settle(self, now: float, out: list[Action], *, everything: bool = False) -> None:
        """Let estimates stand whose answers are overdue; ``everything``: the model is about to be told."""
        for item_id, pending in list(self._pending.items()):
            if everything or now >= pending.until:
                del self._pending[item_id]
                if pending.reply.audio is not None:
                    self.cut_at(item_id, pending.reply.audio, pending.heard.samples)
                self.tell(pending.reply, out)

    def forgive(self, lost_s: float) -> None:
        """See :meth:`Conversation.forgive`."""
        for pending in self._pending.values():
            pending.until += lost_s

    def next_timer(self) -> float | None:
        return min((pending.until for pending in self._pending.values()), default=None)

    def cut_at(self, item_id: str, audio: OutputAudio, samples: int) -> None:
        """Cut in the history only."""
        heard = self._heard_at(item_id, audio, samples)
        self._history.cut(item_id, heard.samples, heard.text)

    def heard_of(self, item_id: str) -> Heard | None:
        """What was heard of an item that was cut, as far as is known by now; ``None`` of any other."""
        pending = self._pending.get(item_id)
        return self._history.heard.get(item_id) if pending is None else pending.heard

    def heard_so_far(self, reply: Reply, now: float) -> dict[str, Heard]:
        """What was heard by ``now`` of a reply in progress, by its item; nothing where it has no sound."""
        message, playback = reply.message, reply.playback
        if message is None or playback is None:
            return {}
        return {message.id: self._heard_at(message.id, playback.audio, playback.heard(now))}

    def words_around(self, reply: Reply, now: float) -> tuple[str, str]:
        """Its words that were heard by ``now``, and those that were not, as far as the model has told them."""
        message, playback = reply.message, reply.playback
        if message is None or playback is None:
            return "", ""
        text = playback.audio.transcript
        heard = self._heard_at(message.id, playback.audio, playback.heard(now)).text
        return heard, text[len(heard) :]

    def _heard_at(self, item_id: str, audio: OutputAudio, samples: int) -> Heard:
        """Never more than was known before."""
        before = self._history.heard.get(item_id)
        if before is not None and before.samples <= samples:
            return before
        count = self._aligner.heard_characters(audio, samples)
        text = audio.transcript[:count]
        return Heard(samples, text if before is None or len(text) < len(before.text) else before.text)
