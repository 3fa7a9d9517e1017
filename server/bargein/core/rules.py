"""Every rule about the floor that joins its two sides, as tables: what is not a row here cannot happen.

A rule is a row, a test on literal times (``tests/core/test_rules.py``) and a cell of the tables in
``server/README.md``. They are asked through :meth:`bargein.core.floor.Floor.ask`.
"""

from __future__ import annotations

from typing import Final

from bargein.core.decisions import UtteranceVerdict
from bargein.core.floor import (
    AGENT_TABLE,
    CALLER_TABLE,
    AgentState,
    AgentTrigger,
    AnyTable,
    CallerState,
    CallerTrigger,
    Table,
)
from bargein.core.rulings import (
    Active,
    Answering,
    Asker,
    Beginning,
    Bound,
    EchoRule,
    Enough,
    Flow,
    Hearing,
    Holding,
    Output,
    Request,
    Ruling,
    SoFar,
    TurnEnd,
    Turnout,
    Way,
)

_A, _AT = AgentState, AgentTrigger
_C, _CT = CallerState, CallerTrigger
_V = Ruling
_HAS_FLOOR: Final = (_A.THINKING, _A.SPEAKING, _A.DRAINING)

Joint = Table[tuple[CallerTrigger, AgentState], Ruling]


def _joint(name: str, may_interrupt: bool) -> Joint:
    rows: dict[tuple[CallerTrigger, AgentState], Ruling] = {}
    # No reply waits for a caller who is silent: what begins in silence meets none.
    rows[_CT.EVIDENCE, _A.IDLE] = _V.LISTEN
    for agent in _HAS_FLOOR:
        rows[_CT.EVIDENCE, agent] = _V.HOLD if may_interrupt else _V.SPEAK_ON
    for agent in (_A.IDLE, *_HAS_FLOOR):
        rows[_CT.NEXT, agent] = _V.NEXT_TURN
    # The agent fell silent while the evidence was being weighed.
    rows[_CT.CONFIRM, _A.IDLE] = _V.ANNOUNCE
    # It waits for a caller of whom there was evidence before.
    rows[_CT.CONFIRM, _A.WAITING] = _V.WAIT_ON
    for agent in _HAS_FLOOR:
        # Without interruption, speech is announced at evidence; it gets here if that was forbidden in between.
        rows[_CT.CONFIRM, agent] = _V.BARGE_IN if may_interrupt else _V.ANNOUNCE
    for agent in _HAS_FLOOR:
        # Where the caller may not interrupt there is nothing to judge: what is short is a turn too.
        if may_interrupt:
            rows[_CT.CEASE, agent] = _V.JUDGE
    for agent in _A:
        rows[_CT.TAKE_UP, agent] = _V.NOTHING
        rows[_CT.BACKCHANNEL, agent] = rows[_CT.NOISE, agent] = _V.DISMISS
        rows[_CT.MISFIRE, agent] = _V.DISMISS
        rows[_CT.ECHO, agent] = rows[_CT.TAKEN, agent] = _V.RESUME
        rows[_CT.PAUSE, agent] = rows[_CT.NEXT_GOES_ON, agent] = _V.NOTHING
        # Whoever speaks on after a pause, over an agent that began in the meantime, interrupts it.
        rows[_CT.GO_ON, agent] = _V.INTERRUPT if may_interrupt and agent in _HAS_FLOOR else _V.NOTHING
        rows[_CT.FULL, agent] = _V.COMMIT
        rows[_CT.END, agent] = rows[_CT.LIMIT, agent] = _V.END_TURN
    return Table(name, rows)


INTERRUPTING_TABLE: Final = _joint("caller and agent", may_interrupt=True)
POLITE_TABLE: Final = _joint("caller and agent, interrupt_response: false", may_interrupt=False)

WEIGHED_TABLE: Final = Table(
    "evidence is weighed",
    {
        # Nothing is announced at mere evidence: the second detector says whether it is speech.
        _V.LISTEN: _V.NOTHING,
        _V.SPEAK_ON: _V.NOTHING,
        _V.HOLD: _V.HOLD,
    },
)
"""Where there is a second detector: by what evidence alone would bring about."""

_HE = Hearing


def _enough() -> dict[tuple[bool, AgentState, Hearing], Enough]:
    rows: dict[tuple[bool, AgentState, Hearing], Enough] = {}
    for may_interrupt in (True, False):
        for agent in (_A.IDLE, _A.WAITING, _A.THINKING):
            rows[may_interrupt, agent, _HE.NOTHING] = Enough.ANNOUNCED
        # The tail of the reply before it may still be heard.
        for agent in _HAS_FLOOR:
            rows[may_interrupt, agent, _HE.SOUND] = Enough.HEARD if may_interrupt else Enough.ANNOUNCED
            rows[may_interrupt, agent, _HE.NODDED] = Enough.NODDED if may_interrupt else Enough.ANNOUNCED
    rows[True, _A.THINKING, _HE.NOTHING] = Enough.UNHEARD
    return rows


ENOUGH_TABLE: Final = Table("enough speech", _enough())
"""By whether the caller may interrupt, the state of the agent, and what is heard of it."""

SO_FAR_TABLE: Final = Table[tuple[CallerState, UtteranceVerdict], SoFar](
    "words so far",
    {
        (_C.STARTING, "interruption"): SoFar.CONFIRM,
        (_C.STARTING, "backchannel"): SoFar.LISTEN_ON,
        (_C.STARTING, "noise"): SoFar.NOTHING,
        # It has ended meanwhile: who was asked about all of it knows better, but for what is certain. It may go on.
        (_C.JUDGING, "interruption"): SoFar.CONFIRM,
        (_C.JUDGING, "backchannel"): SoFar.LISTEN_ON,
        (_C.JUDGING, "noise"): SoFar.NOTHING,
    },
)
"""By the state of the caller, and what somebody has understood of an utterance before its end."""

_TE = TurnEnd

TURN_END_TABLE: Final = Table(
    "turn's end",
    {
        **{(Answering.AUTOMATIC, agent): _TE.ANSWER for agent in _A},
        (Answering.AUTOMATIC, _A.WAITING): _TE.ANSWER_INSTEAD,
        **{(Answering.POLITE, agent): _TE.ANSWER for agent in _A},
        **{(Answering.NONE, agent): _TE.LEAVE for agent in _A},
    },
)
"""By whether turns are answered, and the state of the agent."""

GIVING_WAY_TABLE: Final = Table("giving way", {Output.SOUND: Way.STOP, Output.TEXT: Way.GO_ON})
"""A reply in text alone is not heard anyway: it goes on."""

BEGINNING_TABLE: Final = Table(
    "beginning",
    {
        (_C.SILENT, _A.IDLE): Beginning(_AT.ASK),
        # A hold bounds how long it waits for evidence that stays in doubt.
        (_C.STARTING, _A.IDLE): Beginning(_AT.ASK_EARLY, hold=True),
        (_C.JUDGING, _A.IDLE): Beginning(_AT.ASK_EARLY, hold=True),
        (_C.SPEAKING, _A.IDLE): Beginning(_AT.ASK_EARLY),
        (_C.STOPPING, _A.IDLE): Beginning(_AT.ASK_EARLY),
        (_C.SILENT, _A.DRAINING): Beginning(_AT.ASK),
        # The agent had the floor before that evidence: the hold gates what it goes on to say.
        (_C.STARTING, _A.DRAINING): Beginning(_AT.ASK, hold=True),
        (_C.JUDGING, _A.DRAINING): Beginning(_AT.ASK, hold=True),
        (_C.SPEAKING, _A.DRAINING): Beginning(_AT.ASK_EARLY),
        (_C.STOPPING, _A.DRAINING): Beginning(_AT.ASK_EARLY),
    },
)
"""A response begins when none is active: by the state of the caller, and of the agent before it."""

REQUEST_TABLE: Final = Table(
    "request",
    {
        (Asker.CALLER, Active.NONE): Request.BEGIN,
        (Asker.CALLER, Active.CUT): Request.QUEUE,
        (Asker.CALLER, Active.GENERATED): Request.REFUSE,
        (Asker.CALLER, Active.SENT): Request.QUEUE,
        (Asker.TURN, Active.NONE): Request.QUEUE,
        (Asker.TURN, Active.CUT): Request.QUEUE,
        (Asker.TURN, Active.GENERATED): Request.QUEUE,
        (Asker.TURN, Active.SENT): Request.QUEUE,
    },
)
"""By who asks for a response, and what is active."""

TURNOUT_TABLE: Final = Table(
    "queue",
    {
        (_C.SILENT, Asker.CALLER): Turnout.BEGIN,
        (_C.STARTING, Asker.CALLER): Turnout.BEGIN,
        (_C.JUDGING, Asker.CALLER): Turnout.BEGIN,
        (_C.SPEAKING, Asker.CALLER): Turnout.BEGIN,
        (_C.STOPPING, Asker.CALLER): Turnout.BEGIN,
        (_C.SILENT, Asker.TURN): Turnout.BEGIN,
        # It would talk over a caller who speaks again, and be wrong by their end: it stays until it answers all.
        (_C.STARTING, Asker.TURN): Turnout.STAY,
        (_C.JUDGING, Asker.TURN): Turnout.STAY,
        (_C.SPEAKING, Asker.TURN): Turnout.STAY,
        (_C.STOPPING, Asker.TURN): Turnout.STAY,
    },
)
"""When nothing is active: by the state of the caller, and who has asked for what is queued."""

_H = Holding

HOLD_TABLE: Final = Table(
    "hold",
    {
        (False, False): _H.STOPPED,
        (False, True): _H.STOPPED,
        (True, False): _H.DUCKED,
        # What takes an echo out knows how loud it is: a reply that is quieter would leave its mirror image.
        (True, True): _H.STOPPED,
    },
)
"""By whether the caller's player can make what it plays quieter, and whether an echo of it is taken out."""

FLOW_TABLE: Final = Table(
    "flow",
    {
        (_A.THINKING, _H.NONE): Flow.SEND,
        # It is another reply than the one that was made quieter.
        (_A.THINKING, _H.DUCKED): Flow.GATE,
        (_A.THINKING, _H.STOPPED): Flow.GATE,
        (_A.WAITING, _H.NONE): Flow.WAIT,
        (_A.WAITING, _H.DUCKED): Flow.WAIT,
        (_A.WAITING, _H.STOPPED): Flow.WAIT,
        (_A.SPEAKING, _H.NONE): Flow.SEND,
        (_A.SPEAKING, _H.DUCKED): Flow.SEND,
        (_A.SPEAKING, _H.STOPPED): Flow.KEEP,
        (_A.DRAINING, _H.NONE): Flow.SEND,
        (_A.DRAINING, _H.DUCKED): Flow.SEND,
        (_A.DRAINING, _H.STOPPED): Flow.KEEP,
    },
)
"""By the state of the agent, and how it is held."""

ECHO_TABLE: Final = Table(
    "echo",
    {
        _V.NOTHING: EchoRule.TRUST,
        _V.LISTEN: EchoRule.IGNORE,
        _V.SPEAK_ON: EchoRule.IGNORE,
        _V.ANNOUNCE: EchoRule.IGNORE,
        _V.NEXT_TURN: EchoRule.TRUST,
        _V.WAIT_ON: EchoRule.IGNORE,
        # A hold can be undone: where it is in doubt there is time to hear more of it.
        _V.HOLD: EchoRule.SURE,
        _V.JUDGE: EchoRule.IGNORE,
        # A player that pauses takes its echo with it: what is left looks like a cough.
        _V.DISMISS: EchoRule.LEARN,
        _V.RESUME: EchoRule.TRUST,
        _V.BARGE_IN: EchoRule.IGNORE,
        _V.INTERRUPT: EchoRule.TRUST,
        _V.COMMIT: EchoRule.TRUST,
        _V.END_TURN: EchoRule.TRUST,
    },
)
"""By what is about to be done. What was announced is known to be the caller."""

LAPSE_TABLE: Final = Table(
    "frames stop",
    {
        (_C.STARTING, False): _CT.MISFIRE,
        (_C.STARTING, True): _CT.CEASE,
        (_C.SPEAKING, False): _CT.PAUSE,
        (_C.STOPPING, False): _CT.END,
    },
)
"""No more sound comes: what silence would bring about next, by whether there is a short utterance to be judged."""

BOUND_TABLE: Final = Table(
    "turn's bound",
    {
        # Evidence that stays in doubt for so long is none.
        _C.STARTING: Bound(_CT.MISFIRE, goes_on=False),
        _C.SPEAKING: Bound(_CT.LIMIT, goes_on=True),
        _C.STOPPING: Bound(_CT.LIMIT, goes_on=False),
    },
)
"""The speech is as long as a turn may be."""

VOICE_TABLE: Final = Table(
    "voice", {_C.SILENT: False, _C.STARTING: True, _C.JUDGING: False, _C.SPEAKING: True, _C.STOPPING: False}
)
"""What ``bargein.vad`` tells, when it changes."""

TABLES: Final[tuple[AnyTable, ...]] = (
    CALLER_TABLE,
    AGENT_TABLE,
    INTERRUPTING_TABLE,
    POLITE_TABLE,
    WEIGHED_TABLE,
    ENOUGH_TABLE,
    SO_FAR_TABLE,
    TURN_END_TABLE,
    GIVING_WAY_TABLE,
    BEGINNING_TABLE,
    REQUEST_TABLE,
    TURNOUT_TABLE,
    HOLD_TABLE,
    FLOW_TABLE,
    ECHO_TABLE,
    LAPSE_TABLE,
    BOUND_TABLE,
    VOICE_TABLE,
)
