"""How one caller behaves in one call: asks, waits, listens, talks over some of the replies, coughs, hangs up.

Pure: time is an argument, chance comes from a seeded generator, what comes out are the messages to send.
"""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass
from typing import Final, Literal

from bargein.load.call_meter import CallMeter
from bargein.load.dialogue import Dialogue, Reply
from bargein.load.notices import FirstAudio, Notice, ResponseDone
from bargein.load.phrasebook import Phrasebook
from bargein.load.scenario import Scenario
from bargein.load.speech_scheduler import Said, SpeechScheduler

POLL_S: Final = 0.1
"""How often a caller looks whether the reply has begun, or is over."""
INSIST_S: Final = 1.5
"""An agent that still sounds this long after the end of an interruption was not interrupted by it."""


class Phase(enum.Enum):
    PAUSING = "pausing"
    """Silent, until the next question."""
    SPEAKING = "speaking"
    WAITING = "waiting"
    """Silent, until a reply begins."""
    LISTENING = "listening"
    """A reply sounds; asides fall in here."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What will be done in the middle of a reply."""

    deed: Literal["interrupt", "aside", "hang up"]
    at_s: float


class Person:
    """The caller of one call. It hangs up by itself: :attr:`phase` is then ``DONE``."""

    def __init__(
        self,
        scenario: Scenario,
        phrasebook: Phrasebook,
        scheduler: SpeechScheduler,
        dialogue: Dialogue,
        meter: CallMeter,
        draw: random.Random,
    ) -> None:
        self._scenario = scenario
        self._phrasebook = phrasebook
        self._scheduler = scheduler
        self._dialogue = dialogue
        self._meter = meter
        self._draw = draw
        self._turns_left = draw.randint(*scenario.call.turns)
        self._due_s = float("inf")
        self._waiting_since_s = 0.0
        self._turn: Said | None = None
        """The caller's last turn, while no reply to it was heard."""
        self._reply: Reply | None = None
        """The reply that is being listened to."""
        self._plan: _Plan | None = None
        self.phase = Phase.PAUSING

    def begin(self, now_s: float) -> None:
        """The session is ready."""
        self._pause(now_s)

    def next_frame(self, now_s: float) -> bytes:
        """The message to send now."""
        if now_s >= self._due_s:
            self._act(now_s)
        said = self._scheduler.speaking
        message = self._scheduler.next_frame(now_s)
        if said is not None and said.end_s is not None:
            self._meter.ended(said)
            if self.phase is Phase.SPEAKING:
                self._wait(now_s)
        return message

    def notice(self, notice: Notice) -> None:
        """Something arrived from the server."""
        false_start = self._meter.notice(notice)
        match notice:
            case FirstAudio() | ResponseDone() if self.phase in (Phase.WAITING, Phase.LISTENING):
                self._due_s = notice.at_s
            case _ if false_start and self.phase is Phase.LISTENING:
                # The server will answer what it took for speech. That is no answer to a turn of ours.
                self._turn = None
                self._wait(notice.at_s)
            case _:
                pass

    def hang_up(self, now_s: float) -> None:
        """The call is over, by whomever."""
        if self.phase is not Phase.DONE:
            self.phase = Phase.DONE
            self._due_s = float("inf")
            self._meter.settle(now_s, cut_short=True)

    def _act(self, now_s: float) -> None:
        self._due_s = now_s + POLL_S
        self._dialogue.listener.advance(now_s)
        match self.phase:
            case Phase.PAUSING:
                self._speak(now_s, over=None)
            case Phase.WAITING:
                self._look_for_reply(now_s)
            case Phase.LISTENING:
                self._listen(now_s)
            case Phase.SPEAKING | Phase.DONE:
                self._due_s = float("inf")

    def _pause(self, now_s: float) -> None:
        self._turn = self._reply = self._plan = None
        if self._turns_left <= 0:
            self.hang_up(now_s)
            return
        self.phase = Phase.PAUSING
        self._due_s = now_s + self._draw.uniform(*self._scenario.call.pause_s)

    def _speak(self, now_s: float, over: Reply | None) -> None:
        phrases = self._phrasebook.questions if over is None else self._phrasebook.interruptions
        self._turn = self._scheduler.say(self._draw.choice(phrases), now_s, over)
        self._meter.begun(self._turn)
        self._turns_left -= 1
        self.phase = Phase.SPEAKING
        self._due_s = float("inf")

    def _wait(self, now_s: float) -> None:
        self.phase = Phase.WAITING
        self._waiting_since_s = now_s
        self._due_s = now_s

    def _look_for_reply(self, now_s: float) -> None:
        turn = self._turn
        asked_s = self._waiting_since_s if turn is None else turn.onset_s
        newer = [reply for reply in self._dialogue.replies.values() if reply.created_s > asked_s]
        for reply in newer:
            heard_s = self._first_heard_s(reply)
            if heard_s is not None:
                self._meter.answered(turn, heard_s, now_s)
                self._begin_listening(reply, heard_s)
                return
        if newer and newer[-1].status in ("failed", "incomplete", "completed") and newer[-1].first_audio_s is None:
            self._meter.failed(now_s)
            self._pause(now_s)
        elif self._not_interrupted(turn, now_s):
            self._meter.settle(now_s)
            self._turn, self._reply, self._plan = None, turn.over if turn else None, None
            self.phase = Phase.LISTENING
        elif now_s - self._waiting_since_s > self._scenario.call.patience_s:
            if turn is not None:
                self._meter.missing(now_s)
            self._pause(now_s)

    def _not_interrupted(self, turn: Said | None, now_s: float) -> bool:
        """The reply that was talked over goes on all the same."""
        if turn is None or turn.over is None or turn.over.interrupted_s is not None:
            return False
        sounding = self._dialogue.listener.sounding and self._dialogue.listener.playing_item in turn.over.item_ids
        return sounding and now_s - self._waiting_since_s > INSIST_S

    def _first_heard_s(self, reply: Reply) -> float | None:
        items = self._dialogue.listener.items
        heard = [items[item_id].first_heard_s for item_id in reply.item_ids if item_id in items]
        return min((at_s for at_s in heard if at_s is not None), default=None)

    def _begin_listening(self, reply: Reply, heard_s: float) -> None:
        self.phase = Phase.LISTENING
        self._turn, self._reply, self._plan = None, reply, None
        scenario, draw = self._scenario, self._draw
        if draw.random() < scenario.call.hang_up_share:
            self._plan = _Plan("hang up", heard_s + draw.uniform(*scenario.interrupt.after_s))
        elif self._turns_left > 0 and draw.random() < scenario.interrupt.share:
            self._plan = _Plan("interrupt", heard_s + draw.uniform(*scenario.interrupt.after_s))
        elif draw.random() < scenario.aside.share:
            self._plan = _Plan("aside", heard_s + draw.uniform(*scenario.aside.after_s))
        if self._plan is not None:
            self._due_s = min(self._due_s, self._plan.at_s)

    def _listen(self, now_s: float) -> None:
        reply, plan = self._reply, self._plan
        listener = self._dialogue.listener
        if reply is None or (reply.status is not None and listener.playing_item not in reply.item_ids):
            self._meter.settle(now_s)
            self._pause(now_s)
            return
        if plan is None:
            return
        if now_s < plan.at_s:
            self._due_s = min(self._due_s, plan.at_s)
            return
        if not listener.sounding or self._scheduler.speaking is not None:
            return
        self._plan = None
        match plan.deed:
            case "interrupt":
                self._speak(now_s, over=reply)
            case "aside":
                self._meter.begun(self._scheduler.say(self._draw.choice(self._phrasebook.asides), now_s))
            case "hang up":
                self.hang_up(now_s)
