"""Cutting a reply at what was heard, in the history and before the caller's eyes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.history import History
from bargein.core.items import Item, Message, OutputAudio
from bargein.core.measures import Measures
from bargein.core.playback import ReportedListener
from bargein.core.reply import Reply

ANSWER_WAIT_S: Final = 0.3
"""How long a ``bargein.v1`` caller may take to say exactly where it stopped, before the estimate stands."""


@dataclass(slots=True)
class _Pending:
    reply: Reply
    heard_samples: int
    until: float


class Cutter:
    """Cuts replies. A caller who reports play-out is asked first; the estimate stands in if no answer comes in
    time.
    """

    def __init__(self, history: History, measures: Measures) -> None:
        self._history = history
        self._measures = measures
        self._pending: dict[str, _Pending] = {}

    def cut(self, reply: Reply, now: float, out: list[Action], *, exact: bool = False) -> None:
        """The caller will hear no more of ``reply`` than it has heard by ``now``.

        :param exact: the position is the caller's own last word; nothing better will come.
        """
        message, playback = reply.message, reply.playback
        if message is None or playback is None:
            return
        heard = playback.heard(now)
        if isinstance(playback.listener, ReportedListener) and playback.sent_samples and not exact:
            self._pending[message.id] = _Pending(reply, heard, now + ANSWER_WAIT_S)
        else:
            self._finish(reply, heard, out)

    def flushed(self, item_id: str, samples: int, out: list[Action]) -> bool:
        """``bargein.flushed`` came. Returns whether it was waited for."""
        pending = self._pending.pop(item_id, None)
        if pending is None or pending.reply.playback is None:
            return False
        self._finish(pending.reply, min(max(samples, 0), pending.reply.playback.sent_samples), out)
        return True

    def settle(self, now: float, out: list[Action], *, everything: bool = False) -> None:
        """Let estimates stand whose answers are overdue; ``everything``: the model is about to be told."""
        for item_id, pending in list(self._pending.items()):
            if everything or now >= pending.until:
                del self._pending[item_id]
                self._finish(pending.reply, pending.heard_samples, out)

    def forgive(self, lost_s: float) -> None:
        """See :meth:`Conversation.forgive`."""
        for pending in self._pending.values():
            pending.until += lost_s

    def next_timer(self) -> float | None:
        return min((pending.until for pending in self._pending.values()), default=None)

    def cut_at(self, item_id: str, audio: OutputAudio, samples: int) -> tuple[str, str]:
        """Cut in the history only. Returns the text that was heard, and the text that was not."""
        before, text = self._history.heard.get(item_id), audio.transcript
        if before is not None and before.samples <= samples:
            return before.text, text[len(before.text) :]
        count = audio.timeline.heard_characters(
            samples,
            audio.sample_count,
            finished=audio.finished,
            curve=self._measures.speech_curve(audio.pieces, audio.format),
        )
        self._history.cut(item_id, samples, text[:count])
        return text[:count], text[count:]

    def as_heard(self, item: Item) -> Item:
        """The item as ``retrieve`` shows it: a cut reply holds no more than was heard."""
        heard = self._history.heard.get(item.id)
        if heard is None or not isinstance(item, Message):
            return item
        parts = [
            replace(
                part,
                timeline=part.timeline.upto(heard.text),
                pieces=part.stretch(0, heard.samples),
                sample_count=heard.samples,
            )
            if isinstance(part, OutputAudio)
            else part
            for part in item.parts
        ]
        return replace(item, parts=parts)

    def _finish(self, reply: Reply, heard_samples: int, out: list[Action]) -> None:
        message, audio = reply.message, reply.audio
        if message is None or audio is None:
            return
        heard_text, unheard_text = self.cut_at(message.id, audio, heard_samples)
        samples = self._history.heard[message.id].samples
        out.append(actions.Cut(reply.id, message.id, samples, heard_text, unheard_text))
