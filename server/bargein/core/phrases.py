"""Whether what a caller has said by a pause is a finished phrase: asked of whoever hears words, once a pause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.caller import Caller
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.endpointing import Endpointer
from bargein.core.events import PhraseHeard
from bargein.core.reply import NewId
from bargein.core.turn_end import NOTICED_MS, WAITS, Pause

BEFORE_MS: Final = 100
"""Of the sound before a turn's onset that is heard too: an onset is found a little late."""
LONGEST_MS: Final = 10_000
"""Of a long turn its end is heard: how it ends is asked, and every second costs."""


@dataclass(frozen=True, slots=True)
class _Asked:
    id: str
    pause: Pause
    pause_sample: int
    """Where the pause begins: another begins elsewhere."""


class Phrases:
    """Times are in seconds on the clock of whoever drives the conversation."""

    def __init__(self, policy: CorePolicy, new_id: NewId, caller: Caller) -> None:
        self._wanted = policy.hears_phrases
        self._new_id = new_id
        self._caller = caller
        self._asked: _Asked | None = None

    def ask(self, endpointer: Endpointer, pause: Pause, config: SessionConfig, now: float, out: list[Action]) -> None:
        """The caller has just paused."""
        detection = config.turn_detection
        if not self._wanted or detection is None or detection.eagerness is None:
            return
        self.forget(out)
        if self._caller.speech_item_id is None:
            return  # It was not found to be speech yet: no end of it is near.
        buffer = self._caller.buffer
        start = max(
            endpointer.onset_sample - buffer.format.samples_in_ms(BEFORE_MS),
            buffer.end_sample - buffer.format.samples_in_ms(LONGEST_MS),
            buffer.start_sample,
        )
        asked = self._asked = _Asked(self._new_id("phrase"), pause, endpointer.pause_sample)
        out.append(
            actions.StartPhrase(
                asked.id,
                buffer.peek(start, buffer.end_sample),
                buffer.format,
                None if config.transcription is None else config.transcription.language,
                now + (WAITS[detection.eagerness].open - NOTICED_MS) / 1000,
            )
        )

    def heard(self, event: PhraseHeard, endpointer: Endpointer | None) -> Pause | None:
        """Somebody has answered. Returns the pause in progress with what its words tell; ``None``: it is over, or they
        tell nothing.
        """
        asked = self._asked
        if asked is None or asked.id != event.phrase_id:
            return None
        self._asked = None
        if endpointer is None or not endpointer.pausing or endpointer.pause_sample != asked.pause_sample:
            return None
        return None if event.end is None else replace(asked.pause, phrase=event.end)

    def forget(self, out: list[Action]) -> None:
        """No answer is waited for any more."""
        asked, self._asked = self._asked, None
        if asked is not None:
            out.append(actions.StopPhrase(asked.id))
