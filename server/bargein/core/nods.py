"""What the caller said while the agent went on, kept to be told to the model with the next turn."""

from __future__ import annotations

from typing import Final

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.events import UtteranceJudged
from bargein.core.history import History
from bargein.core.items import InputText, Message
from bargein.core.reply import NewId
from bargein.core.snapshots import item_now

MOST: Final = 8
"""Of those since the last turn, so many are told: the newest."""
LONGEST: Final = 60
"""Characters of one."""


class Nods:
    """The backchannels since the last turn.

    :param wanted: without that none is kept.
    """

    def __init__(self, history: History, new_id: NewId, *, wanted: bool) -> None:
        self._history = history
        self._new_id = new_id
        self._wanted = wanted
        self._said: list[str] = []

    def judged(self, event: UtteranceJudged) -> None:
        """A judge has answered."""
        words = (event.words or "").strip(" .,!?")
        if self._wanted and event.verdict == "backchannel" and words:
            self._said.append(f"[{words[:LONGEST].lower()}]")
            del self._said[:-MOST]

    def tell(self, out: list[Action]) -> None:
        """A turn is about to enter the conversation: what was said since the last one comes before it."""
        if not self._said:
            return
        item = Message(self._new_id("item"), "user", [InputText(" ".join(self._said))])
        self._said = []
        previous = self._history.append(item)
        out.append(actions.ItemCreated(item_now(item), previous))
