"""What the rules of the floor answer, and what they are asked about beside the states."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from bargein.core.floor import AgentTrigger, CallerTrigger


class Ruling(enum.Enum):
    """What the agent does about what the caller did."""

    __hash__ = object.__hash__

    NOTHING = "go on"
    LISTEN = "listen"
    """The floor is free: evidence is enough; announce the speech."""
    SPEAK_ON = "speak on"
    """Evidence is enough: announce the speech, but the caller has asked not to interrupt."""
    ANNOUNCE = "announce"
    """Announce the speech; what was held goes on."""
    NEXT_TURN = "next turn"
    """Announce the speech as the next turn: it is known to be the caller's, and interrupts nothing."""
    WAIT_ON = "wait on"
    """Announce the speech: the caller had the floor before the agent had something to say."""
    HOLD = "hold"
    JUDGE = "judge"
    """It is speech, and short: find out why, while the hold lasts."""
    DISMISS = "dismiss"
    """It was no speech: go on from where it was held; begin what waited for the caller."""
    RESUME = "resume"
    """As :attr:`DISMISS`, of what is known not to be a cough: it was an echo, or was taken by hand."""
    BARGE_IN = "barge in"
    """Announce the speech; cancel the stream, flush the speaker, truncate the history."""
    INTERRUPT = "interrupt"
    """As :attr:`BARGE_IN`, of speech that was announced before."""
    COMMIT = "commit"
    """Commit what was said so far; the turn goes on as another item."""
    END_TURN = "end turn"
    """The turn has ended: see :data:`TURN_END_TABLE`."""


class Hearing(enum.Enum):
    """What the caller hears of the agent while it is undecided whether it speaks itself."""

    __hash__ = object.__hash__

    NOTHING = "nothing is heard"
    SOUND = "it is heard"
    NODDED = "it is heard, and nodded to so far"
    """By the words so far the utterance is a backchannel."""


class Enough(enum.Enum):
    """How much speech the second detector must find, by what a mistake would cost."""

    __hash__ = object.__hash__

    ANNOUNCED = "least, unjudged"
    """Nobody is interrupted: it would cost a turn without words. So it is not judged why it was said either."""
    UNHEARD = "less"
    """A reply is lost of which nothing was heard: there is nothing to nod to."""
    HEARD = "usual"
    """A reply is cut: it takes longer than most backchannels last."""
    NODDED = "most"
    """By its words it is a backchannel: it takes longer than any of them."""


class SoFar(enum.Enum):
    """What follows from the words of an utterance that were heard so far."""

    __hash__ = object.__hash__

    CONFIRM = "confirm"
    """Nothing else needs to be heard."""
    LISTEN_ON = "listen on"
    """More speech is needed to confirm it: it may well end as a backchannel."""
    NOTHING = "go on"
    """It is judged when it has ended."""


class Answering(enum.Enum):
    """Whether turns are answered by themselves."""

    __hash__ = object.__hash__

    AUTOMATIC = "answered"
    POLITE = "answered, not interrupting"
    NONE = "not answered"


class TurnEnd(enum.Enum):
    """What follows the end of a turn, when it has been committed."""

    __hash__ = object.__hash__

    ANSWER = "answer"
    """Answer it, now or when the agent is done."""
    ANSWER_INSTEAD = "answer instead"
    """Its answer takes the place of the reply that waits, of which nothing was heard."""
    LEAVE = "leave"
    """Nobody has asked for an answer: what waits is spoken."""


class EchoRule(enum.Enum):
    """What is asked of speech that may be the agent's own voice, before the ruling is carried out."""

    __hash__ = object.__hash__

    TRUST = "trusted"
    """Nothing: it is known already, or nothing depends on it."""
    IGNORE = "ignored"
    """If it is one, it is forgotten, and learnt."""
    LEARN = "learnt"
    """If it is one, it is learnt."""
    SURE = "ignored if sure"
    """If it is very like one, it is forgotten. So little sound teaches no level."""


class Asker(enum.Enum):
    """Who asks for a response."""

    __hash__ = object.__hash__

    CALLER = "caller"
    TURN = "turn"
    """Turn detection, because a turn has ended."""


class Active(enum.Enum):
    """The response of the conversation that is not done yet."""

    __hash__ = object.__hash__

    NONE = "none"
    CUT = "cut"
    """There is none, and the caller has yet to say where the last one stopped: only then is it known what to tell."""
    GENERATED = "generated"
    """The model is still at it."""
    SENT = "sent"
    """The model is done, and its sound is still being sent."""


class Request(enum.Enum):
    """What becomes of a response that is asked for."""

    __hash__ = object.__hash__

    BEGIN = "begin"
    QUEUE = "queue"
    REFUSE = "refuse"


class Turnout(enum.Enum):
    """Whether what is queued begins when nothing is active any more."""

    __hash__ = object.__hash__

    BEGIN = "begin"
    STAY = "stay"


class Holding(enum.Enum):
    """How a reply is held."""

    __hash__ = object.__hash__

    NONE = "not held"
    DUCKED = "ducked"
    """The caller's player makes it quieter and plays on, so sound is sent on: what comes of it was heard."""
    STOPPED = "held"
    """No more is sent, and a player that can be told pauses."""


class Flow(enum.Enum):
    """What becomes of what the model says."""

    __hash__ = object.__hash__

    SEND = "send"
    GATE = "gate"
    """All of it is kept, before any of it is told."""
    KEEP = "keep"
    """Its sound is kept, and its end with it."""
    WAIT = "wait"
    """Its sound is kept; what has no sound to wait with, calls of tools for instance, ends as soon as it is there."""


class Output(enum.Enum):
    """What a reply is made of."""

    __hash__ = object.__hash__

    SOUND = "sound"
    TEXT = "text alone"


class Way(enum.Enum):
    """What becomes of a reply that waited for a turn which will be answered."""

    __hash__ = object.__hash__

    STOP = "stop"
    GO_ON = "go on"


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a response begins."""

    trigger: AgentTrigger
    hold: bool = False
    """It is held at once: whether the caller speaks is being decided."""

    def __str__(self) -> str:
        return self.trigger.value + (", held" if self.hold else "")


@dataclass(frozen=True, slots=True)
class Bound:
    """What becomes of speech that is as long as a turn may be."""

    trigger: CallerTrigger
    goes_on: bool
    """What follows without a rest is the next turn, and does not interrupt the answer to this one."""

    def __str__(self) -> str:
        return self.trigger.value + (", goes on" if self.goes_on else "")
