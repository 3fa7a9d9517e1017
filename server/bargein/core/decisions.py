"""What was decided about the floor, and why: told to whoever measures, logs or explains, never to plain callers.

The decisions are actions like any other (:data:`bargein.core.actions.Action`), in order among what they bring about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bargein.core.completion import Usage

InterruptionReason = Literal["confirmed", "went on"]
"""New speech was confirmed; or the caller, announced before, went on after a pause."""
HoldEndReason = Literal[
    "confirmed",
    "misfire",
    "backchannel",
    "noise",
    "echo",
    "taken",
    "announced",
    "waiting",
    "expired",
    "failed",
    "stopped",
]
"""``confirmed``: an interruption. ``backchannel`` and ``noise``: so it was judged. ``announced``: the speech was, and
may not interrupt. ``waiting``: the reply waits from here on for the caller's end. ``expired``: nothing was decided in
time. ``failed``: the reply did. ``stopped``: the caller has cancelled or left. Of the others, it goes on from the held
sample.
"""
TurnEndReason = Literal["silence", "longest wait", "no sound", "limit", "taken"]
"""``longest wait``: nothing voiced came for so long, whatever the level. ``no sound``: no more frames come. ``taken``:
by a commit or a clear, or because turn detection was switched off.
"""
RefusalReason = Literal["echo", "misfire", "backchannel", "noise", "not allowed", "same speech"]
"""``not allowed``: ``interrupt_response: false``. ``same speech``: it only goes on after its turn was bounded."""

SpeculationOutcome = Literal["used", "dropped", "failed", "left"]
"""``dropped``: the caller went on, or changed what was to be answered. ``failed``: its stream broke."""

UtteranceVerdict = Literal["interruption", "backchannel", "noise"]
"""Why somebody spoke over a reply: to stop it, to say that it may go on ("mm-hm"), or not at all."""

PauseReason = Literal[
    "voice fell",
    "voice hung",
    "nothing known",
    "finished phrase",
    "open phrase",
    "dictated words",
    "own pauses",
    "dictation",
]
"""Why a pause of the caller's may last so long: by the voice before it, or, where its words are known, by these; unless
that is less than this caller's pauses last (``own pauses``), or those of what goes like digits (``dictation``).
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a decision about speech was made from."""

    level_db: float
    """Of the newest window, relative to full scale."""
    floor_db: float
    """The caller's background."""
    evidence_ms: float
    """Speech within the span that confirms."""
    voiced_ms: float
    """How much of it sounds like a voice, where that was weighed."""
    likeness: float | None = None
    """How much of it is explained by what the agent says; ``None`` where that was not measured."""
    shape: float | None = None
    """How alike it rises and falls to what the agent says; ``None`` where that was not asked."""
    weighed_ms: float | None = None
    """Speech in it by the second detector; ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The caller has interrupted the agent. Follows everything that was done about it."""

    response_id: str
    """The response that was being heard or made."""
    reason: InterruptionReason
    at_ms: int
    """On the clock of the input audio."""
    onset_ms: int
    """First sample of the speech that interrupts."""
    held_ms: float | None
    """How long play-out had been held by then; ``None``: it was not."""
    cancelled: str | None
    """The response whose stream was cancelled."""
    flushed: tuple[str, ...]
    """Items whose sound the caller was told to drop."""
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """A hold is over."""

    reason: HoldEndReason
    lasted_ms: float
    response_id: str | None
    """What was held in the middle of its sound; ``None``: nothing was heard yet."""


@dataclass(frozen=True, slots=True)
class PauseJudged:
    """The caller pauses, and how long that may last is not given: ``semantic_vad``. Once more when it is known what was
    said before it.
    """

    reason: PauseReason
    wait_ms: int
    """So long, from the beginning of the pause on; then the turn is over."""
    at_ms: int
    slope_st_per_s: float | None
    """How the pitch moved before it, in semitones a second; ``None``: there was too little of a voice."""
    longest_pause_ms: int | None
    """Of those of this turn, after which it went on."""
    usual_pause_ms: int | None
    """Of this caller, where that is known."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn of the caller's that was announced is over."""

    item_id: str
    reason: TurnEndReason
    at_ms: int
    quiet_ms: float
    """Silence before that, sound that did not come included."""
    then: str
    """What follows: ``answer``, ``answer instead`` (of the reply that waited) or ``leave``."""


@dataclass(frozen=True, slots=True)
class TurnHealed:
    """A turn was ended too early and has gone on: the model is told both pieces as one. Follows its commit."""

    item_id: str
    goes_on_with: str
    """The item of the piece before it."""
    response_id: str
    """The reply to that piece, which was interrupted."""
    heard_ms: int
    """How much of it was heard."""


@dataclass(frozen=True, slots=True)
class SpeculationEnded:
    """The model was asked before the turn was over, and now that is decided."""

    response_id: str
    outcome: SpeculationOutcome
    after_ms: float
    """Since it was asked."""
    sounds: bool
    """The model had begun to speak by then."""
    usage: Usage
    """What was thrown away: told with the response that follows, but where the caller has ``left``."""


@dataclass(frozen=True, slots=True)
class BargeInRefused:
    """The caller spoke, or seemed to, over an agent that goes on."""

    reason: RefusalReason
    at_ms: int
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A short utterance over a reply was judged. Comes before what follows from it."""

    utterance_id: str
    verdict: UtteranceVerdict
    judge: str
    """Who said so: ``sound``, or the name of one who heard words."""
    took_ms: float
    """From the end of its sound, as it was heard, to the verdict; 0 where its words decided before that."""
    words: str | None
    """What was understood; ``None`` where nobody listened for words."""
    at_ms: int
    duration_ms: float
    level_db: float
    probability: float
    """Of speech, by the neural detector."""


@dataclass(frozen=True, slots=True)
class ReplyTakenUp:
    """A reply goes on that was interrupted for nothing. Follows everything that was done about it."""

    response_id: str
    """The response that was interrupted."""
    as_response_id: str
    """The one in which it goes on."""
    turn_id: str
    """The item of the turn in which nothing was said; the model is not told of it."""
    verdict: UtteranceVerdict


@dataclass(frozen=True, slots=True)
class RuleAsked:
    """A row of a table was looked up: only where decisions are explained."""

    rule: str
    """The table's name."""
    case: str
    outcome: str
    at_ms: int
    figures: Figures | None = None


Decision = (
    Interrupted
    | HoldEnded
    | PauseJudged
    | TurnEnded
    | TurnHealed
    | SpeculationEnded
    | BargeInRefused
    | Judged
    | ReplyTakenUp
    | RuleAsked
)
