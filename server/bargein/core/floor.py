"""Who may speak: every rule about the floor, as tables.

Two small machines, the caller's and the agent's, and two joint tables: what the caller's doing means for the agent, and
what becomes of a response that is asked for while the caller has the floor. ``server/README.md`` shows them as
:func:`mermaid` prints them from these tables.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


class CallerState(enum.Enum):
    SILENT = "silent"
    STARTING = "starting"
    """Evidence of speech, not yet confirmed: a word, or a cough."""
    SPEAKING = "speaking"
    STOPPING = "stopping"
    """A pause; the turn ends if it lasts."""


class CallerTrigger(enum.Enum):
    EVIDENCE = "evidence"
    CONFIRM = "confirm"
    MISFIRE = "misfire"
    PAUSE = "pause"
    GO_ON = "go on"
    END = "end"
    FULL = "full"
    """No more of the turn's sound can be kept as one item."""
    LIMIT = "limit"
    """The turn is as long as a turn may be."""
    TAKEN = "taken"
    """The input was committed or cleared by hand, or turn detection was switched off."""


class AgentState(enum.Enum):
    IDLE = "idle"
    THINKING = "thinking"
    """A response was asked for; nothing of it can be heard yet."""
    WAITING = "waiting"
    """A response was asked for while the caller had the floor: it is generated, and its sound waits for their end."""
    SPEAKING = "speaking"
    DRAINING = "draining"
    """The model's stream has ended; the caller still hears its tail."""


class AgentTrigger(enum.Enum):
    ASK = "ask"
    ASK_EARLY = "ask early"
    """A response is asked for while the caller speaks."""
    FLOOR = "floor is free"
    """The caller's turn is over."""
    SOUND = "sound"
    STREAM_END = "stream ends"
    HEARD_OUT = "heard out"
    STOP = "stop"
    """Cancelled, interrupted or failed."""


class Verdict(enum.Enum):
    """What the agent does about what the caller did."""

    NOTHING = "go on"
    LISTEN = "listen"
    """The floor is free: the caller has it at once; announce the speech."""
    SPEAK_ON = "speak on"
    """Announce the speech, but the caller has asked not to interrupt."""
    WAIT_ON = "wait on"
    """Announce the speech: the caller had the floor before the agent had something to say."""
    HOLD = "hold"
    RESUME = "resume"
    """Go on from where it was held; begin what waited for the caller."""
    BARGE_IN = "barge in"
    """Announce the speech; cancel the stream, flush the speaker, truncate the history."""
    COMMIT = "commit"
    """Commit what was said so far; the turn goes on as another item."""
    ANSWER = "answer"
    """The turn has ended: commit it; answer, now or when the agent is done."""
    ANSWER_INSTEAD = "answer instead"
    """The turn has ended: commit it; its answer takes the place of the reply that waits, of which nothing was heard.
    Without an automatic answer that reply is spoken now.
    """


_C, _CT = CallerState, CallerTrigger

CALLER_TABLE: Final[Mapping[tuple[CallerState, CallerTrigger], CallerState]] = MappingProxyType(
    {
        (_C.SILENT, _CT.EVIDENCE): _C.STARTING,
        (_C.STARTING, _CT.CONFIRM): _C.SPEAKING,
        (_C.STARTING, _CT.MISFIRE): _C.SILENT,
        (_C.SPEAKING, _CT.PAUSE): _C.STOPPING,
        (_C.STOPPING, _CT.GO_ON): _C.SPEAKING,
        (_C.STOPPING, _CT.END): _C.SILENT,
        (_C.SPEAKING, _CT.FULL): _C.SPEAKING,
        (_C.SPEAKING, _CT.LIMIT): _C.SILENT,
        (_C.STOPPING, _CT.LIMIT): _C.SILENT,
        (_C.SILENT, _CT.TAKEN): _C.SILENT,
        (_C.STARTING, _CT.TAKEN): _C.SILENT,
        (_C.SPEAKING, _CT.TAKEN): _C.SILENT,
        (_C.STOPPING, _CT.TAKEN): _C.SILENT,
    }
)

_A, _AT = AgentState, AgentTrigger

AGENT_TABLE: Final[Mapping[tuple[AgentState, AgentTrigger], AgentState]] = MappingProxyType(
    {
        (_A.IDLE, _AT.ASK): _A.THINKING,
        (_A.IDLE, _AT.ASK_EARLY): _A.WAITING,
        (_A.WAITING, _AT.FLOOR): _A.THINKING,
        (_A.WAITING, _AT.STREAM_END): _A.WAITING,
        (_A.THINKING, _AT.SOUND): _A.SPEAKING,
        (_A.THINKING, _AT.STREAM_END): _A.DRAINING,
        (_A.SPEAKING, _AT.STREAM_END): _A.DRAINING,
        (_A.DRAINING, _AT.ASK): _A.THINKING,
        (_A.DRAINING, _AT.ASK_EARLY): _A.WAITING,
        (_A.DRAINING, _AT.HEARD_OUT): _A.IDLE,
        (_A.THINKING, _AT.STOP): _A.IDLE,
        (_A.WAITING, _AT.STOP): _A.IDLE,
        (_A.SPEAKING, _AT.STOP): _A.IDLE,
        (_A.DRAINING, _AT.STOP): _A.IDLE,
    }
)

_V = Verdict
_HAS_FLOOR: Final = (_A.THINKING, _A.SPEAKING, _A.DRAINING)


def _joint(may_interrupt: bool) -> Mapping[tuple[CallerTrigger, AgentState], Verdict]:
    table = {(trigger, agent): _V.NOTHING for trigger in _CT for agent in _A}
    table[_CT.EVIDENCE, _A.IDLE] = _V.LISTEN
    # The agent fell silent while the evidence was being weighed.
    table[_CT.CONFIRM, _A.IDLE] = _V.LISTEN
    for agent in _HAS_FLOOR:
        table[_CT.EVIDENCE, agent] = _V.HOLD if may_interrupt else _V.SPEAK_ON
        # Without interruption, speech is announced at evidence; it gets here if that was forbidden in between.
        table[_CT.CONFIRM, agent] = _V.BARGE_IN if may_interrupt else _V.SPEAK_ON
        # Whoever speaks on after a pause, over an agent that began in the meantime, interrupts it.
        table[_CT.GO_ON, agent] = _V.BARGE_IN if may_interrupt else _V.NOTHING
    # It waits for a caller of whom there was evidence before.
    table[_CT.CONFIRM, _A.WAITING] = _V.WAIT_ON
    for agent in _A:
        table[_CT.MISFIRE, agent] = table[_CT.TAKEN, agent] = _V.RESUME
        table[_CT.FULL, agent] = _V.COMMIT
    for trigger in (_CT.END, _CT.LIMIT):
        for agent in _A:
            table[trigger, agent] = _V.ANSWER
        if may_interrupt:
            table[trigger, _A.WAITING] = _V.ANSWER_INSTEAD
    return MappingProxyType(table)


INTERRUPTING_TABLE: Final = _joint(may_interrupt=True)
POLITE_TABLE: Final = _joint(may_interrupt=False)
"""With ``interrupt_response: false``."""

BEGINNING_TABLE: Final[Mapping[tuple[CallerState, AgentState], AgentTrigger]] = MappingProxyType(
    {
        (_C.SILENT, _A.IDLE): _AT.ASK,
        (_C.STARTING, _A.IDLE): _AT.ASK_EARLY,
        (_C.SPEAKING, _A.IDLE): _AT.ASK_EARLY,
        (_C.STOPPING, _A.IDLE): _AT.ASK_EARLY,
        (_C.SILENT, _A.DRAINING): _AT.ASK,
        # The agent had the floor before that evidence: a hold gates what it goes on to say.
        (_C.STARTING, _A.DRAINING): _AT.ASK,
        (_C.SPEAKING, _A.DRAINING): _AT.ASK_EARLY,
        (_C.STOPPING, _A.DRAINING): _AT.ASK_EARLY,
    }
)
"""A response that is asked for begins when none is active: by the state of the caller, and of the agent before it."""


def verdict(trigger: CallerTrigger, agent: AgentState, *, may_interrupt: bool) -> Verdict:
    """What the caller's ``trigger`` means while the agent is in ``agent``."""
    return (INTERRUPTING_TABLE if may_interrupt else POLITE_TABLE)[trigger, agent]


def mermaid() -> str:
    """The tables as a Mermaid state diagram, and the joint rules as Markdown tables."""
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR"]
    machines = (("caller", _C.SILENT, CALLER_TABLE), ("agent", _A.IDLE, AGENT_TABLE))
    for name, start, table in machines:
        lines.append(f"    state {name} {{")
        lines.append(f"        [*] --> {name}_{start.value}")
        for (state, trigger), target in table.items():
            lines.append(f"        {name}_{state.value} --> {name}_{target.value}: {trigger.value}")
        lines.append("    }")
    lines += ["```", "", "| the caller | " + " | ".join(f"agent {agent.value}" for agent in _A) + " |"]
    lines.append("|---" * (len(_A) + 1) + "|")
    for trigger in _CT:
        cells = []
        for agent in _A:
            usual, polite = INTERRUPTING_TABLE[trigger, agent], POLITE_TABLE[trigger, agent]
            cells.append(usual.value if usual is polite else f"{usual.value} ({polite.value})")
        lines.append(f"| {trigger.value} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += ["In brackets: with `interrupt_response: false`.", ""]
    before = (_A.IDLE, _A.DRAINING)
    lines.append("| a response is asked for | " + " | ".join(f"agent {agent.value}" for agent in before) + " |")
    lines.append("|---" * (len(before) + 1) + "|")
    for caller in _C:
        begun = [BEGINNING_TABLE[caller, agent].value for agent in before]
        lines.append(f"| caller {caller.value} | " + " | ".join(begun) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(mermaid(), end="")  # noqa: T201  this is what the command is for
