"""The second chance of a reply that was interrupted for nothing: whoever seemed to speak has said no word.

An interruption ends a reply: its stream is cancelled, what was sent is flushed, the history keeps what was heard. Only
the turn that follows tells whether it was worth it. A turn that interrupted, and is short, is therefore answered with
the answer kept back until its words are known, or a limit has passed. Where it had none, the answer is dropped unheard,
the model is told nothing of the turn, and the reply goes on from where it was cut, as another response: what was kept
of its sound is played, and if the model was not done, it is asked to go on behind that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.agent import Agent
from bargein.core.config import CorePolicy, Transcription
from bargein.core.cutting import Cutter
from bargein.core.decisions import ReplyTakenUp, UtteranceVerdict
from bargein.core.floor import CallerState, Floor
from bargein.core.history import History
from bargein.core.items import InputAudio, Message
from bargein.core.reply import Reply
from bargein.core.sound_judge import JUDGE_NAME, UtteranceFigures

SHORT_TURN_MS: Final = 2000
"""Whoever makes sounds for longer has said something, and is not kept waiting."""
LEAST_LEFT_MS: Final = 300
"""With less of a reply to say, what it said is said."""

_REMARK: Final = re.compile(r"\[[^\]]*\]")
"""What recognisers write of a sound without words: "[noise]", "[BLANK_AUDIO]"."""


@dataclass(slots=True)
class _Chance:
    """A reply that was interrupted."""

    reply: Reply
    kept: list[str | bytes]
    """All of its sound, whatever the history forgets."""
    turn_id: str
    """The item of the speech that did it."""
    answer: Reply | None = None
    """To that speech, while nothing of it was told."""


class SecondChance:
    """Looks at what interrupted, and lets the reply go on where that was nothing."""

    def __init__(self, policy: CorePolicy, history: History, floor: Floor, agent: Agent, cutter: Cutter) -> None:
        self._policy = policy
        self._history = history
        self._floor = floor
        self._agent = agent
        self._cutter = cutter
        self._chance: _Chance | None = None

    def interrupted(self, turn_id: str | None) -> None:
        """The caller speaks over the agent: call before the agent stops.

        :param turn_id: the item that the speech will be.
        """
        self._chance = None
        reply = self._agent.playout.only_voice
        if self._policy.false_interruption == "answer" or turn_id is None or reply is None or reply.audio is None:
            return
        if self._agent.is_asked_for_more:
            return  # It is dropped now, and only an answer makes up for it.
        self._chance = _Chance(reply, list(reply.audio.pieces), turn_id)

    def turn_ended(
        self, turn: Message, speech_ms: float, transcription: Transcription | None, now: float, out: list[Action]
    ) -> None:
        """A turn was committed, and its answer asked for."""
        chance = self._chance
        speech = turn.parts[0]
        known = transcription is not None or self._policy.judges_words
        if chance is None or chance.turn_id != turn.id or not isinstance(speech, InputAudio) or not known:
            self._chance = None
            return
        limit_s = self._policy.judge_limit_ms / 1000
        answer = self._agent.keep_back(limit_s, now) if speech_ms <= SHORT_TURN_MS else None
        if answer is None or self._left_ms(chance) < LEAST_LEFT_MS:
            self._agent.resume("announced", now, out)
            self._chance = None
            return
        chance.answer = answer
        if transcription is None:
            said, unsaid = self._words(chance)
            out.append(
                actions.StartJudging(
                    turn.id, speech.audio, speech.format, _figures(speech_ms), said, unsaid, None, now + limit_s
                )
            )

    def judged(self, event: events.UtteranceJudged, now: float, out: list[Action]) -> bool:
        """A judge has answered. Returns whether it was asked for this."""
        if self._chance is None or event.utterance_id != self._chance.turn_id:
            return False
        # The sound was thought to be speech before: it cannot tell more now.
        verdict = None if event.judge == JUDGE_NAME else event.verdict
        self._decide(verdict or "interruption", now, out)
        return True

    def written(
        self, event: events.TranscriptionCompleted | events.TranscriptionFailed, now: float, out: list[Action]
    ) -> None:
        """The caller's recogniser has answered."""
        if self._chance is None or event.item_id != self._chance.turn_id:
            return
        wordless = isinstance(event, events.TranscriptionCompleted) and not _holds_words(event.transcript)
        self._decide("noise" if wordless else "interruption", now, out)

    def _decide(self, verdict: UtteranceVerdict, now: float, out: list[Action]) -> None:
        chance, self._chance = self._chance, None
        if chance is None or chance.answer is None:
            return
        nothing_new = self._history.last_id == chance.turn_id and self._floor.caller_state is CallerState.SILENT
        if verdict == "interruption" or not nothing_new or not self._agent.is_untold(chance.answer):
            if self._agent.is_untold(chance.answer):
                self._agent.resume("announced", now, out)
            return
        assert chance.reply.message is not None, "it was heard"
        self._history.untold.add(chance.turn_id)
        kept = chance.kept if self._policy.false_interruption == "resume" else None
        goes_on_as = self._agent.speak_again(chance.reply, kept, now, out)
        out.append(ReplyTakenUp(chance.reply.id, goes_on_as, chance.turn_id, verdict))

    def _left_ms(self, chance: _Chance) -> float:
        """What is still to be said of it, as far as is known; without a bound where the model was not done."""
        reply = chance.reply
        if reply.finish is None or reply.message is None or reply.audio is None:
            return float("inf")
        heard = self._cutter.heard_of(reply.message.id)
        return 0.0 if heard is None else reply.audio.format.ms_of(reply.audio.sample_count - heard.samples)

    def _words(self, chance: _Chance) -> tuple[str, str]:
        message, audio = chance.reply.message, chance.reply.audio
        heard = None if message is None else self._cutter.heard_of(message.id)
        if heard is None or audio is None:
            return "", ""
        return heard.text, audio.transcript[len(heard.text) :]


def _holds_words(transcript: str) -> bool:
    return any(letter.isalnum() for letter in _REMARK.sub("", transcript))


def _figures(speech_ms: float) -> UtteranceFigures:
    """Of a whole turn: nothing is decided by them."""
    return UtteranceFigures(speech_ms, speech_ms, 1.0, 0.0, audible=True)
