"""Who may speak: the two machines of the floor, the caller's and the agent's, and the one place that moves them.

What a trigger of the one means for the other stands in :mod:`bargein.core.rules`. ``server/README.md`` shows both, as
:mod:`bargein.core.rules_page` prints them from the tables.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from bargein.errors import IllegalTrigger

K = TypeVar("K")
V = TypeVar("V")


class CallerState(enum.Enum):
    __hash__ = object.__hash__  # Members are single: their address will do, and needs no call of Python.

    SILENT = "silent"
    STARTING = "starting"
    """Evidence of speech, not yet confirmed: a word, or a cough."""
    JUDGING = "judging"
    """A short utterance over a reply has ended: it is being judged why."""
    SPEAKING = "speaking"
    STOPPING = "stopping"
    """A pause; the turn ends if it lasts."""


class CallerTrigger(enum.Enum):
    __hash__ = object.__hash__

    EVIDENCE = "evidence"
    CONFIRM = "confirm"
    MISFIRE = "misfire"
    ECHO = "echo"
    """What was taken for speech is the agent's own voice from the caller's loudspeaker."""
    CEASE = "cease"
    """What is not confirmed yet, and is speech by the second detector, is quiet."""
    TAKE_UP = "take up"
    """It goes on."""
    BACKCHANNEL = "backchannel"
    """It was judged: to say that the agent may go on."""
    NOISE = "noise"
    """It was judged: nothing that was said."""
    PAUSE = "pause"
    GO_ON = "go on"
    END = "end"
    FULL = "full"
    """No more of the turn's sound can be kept as one item."""
    LIMIT = "limit"
    """The turn is as long as a turn may be."""
    NEXT = "next turn"
    """The speech whose turn was ended by its limit goes on, without a rest: it needs no confirmation."""
    NEXT_GOES_ON = "next turn goes on"
    """It goes on after a pause, too short for a rest."""
    TAKEN = "taken"
    """The input was committed or cleared by hand, or turn detection was switched off."""


class AgentState(enum.Enum):
    __hash__ = object.__hash__

    IDLE = "idle"
    THINKING = "thinking"
    """A response was asked for; nothing of it can be heard yet."""
    WAITING = "waiting"
    """A response was asked for while the caller had the floor: it is generated, and its sound waits for their end."""
    SPEAKING = "speaking"
    DRAINING = "draining"
    """The model's stream has ended; the caller still hears its tail."""


class AgentTrigger(enum.Enum):
    __hash__ = object.__hash__

    ASK = "ask"
    ASK_EARLY = "ask early"
    """A response is asked for while the caller speaks."""
    FLOOR = "floor is free"
    """The caller's turn is over."""
    SOUND = "sound"
    STREAM_END = "stream ends"
    DONE = "done"
    """The response ends by itself, or fails: what was sent of it plays on."""
    HEARD_OUT = "heard out"
    STOP = "stop"
    """Cancelled or interrupted, or the caller has left."""


class Table(Generic[K, V]):
    """Rules as rows: what was asked, and the answer.

    :param name: what a person calls them.
    """

    def __init__(self, name: str, rows: Mapping[K, V]) -> None:
        self.name = name
        self.rows = dict(rows)

    def __getitem__(self, key: K) -> V:
        """:raises IllegalTrigger: there is no such row: it cannot happen, and does."""
        found = self.rows.get(key)
        if found is None:
            *state, trigger = map(name_of, key) if isinstance(key, tuple) else [name_of(key)]
            raise IllegalTrigger(self.name, ", ".join(state), trigger)
        return found


def name_of(part: object) -> str:
    """A part of a row as a person reads it."""
    match part:
        case enum.Enum():
            return str(part.value)
        case bool():
            return "yes" if part else "no"
        case _:
            return str(part)


_C, _CT = CallerState, CallerTrigger

CALLER_TABLE: Final = Table(
    "caller",
    {
        (_C.SILENT, _CT.EVIDENCE): _C.STARTING,
        (_C.STARTING, _CT.CONFIRM): _C.SPEAKING,
        (_C.STARTING, _CT.MISFIRE): _C.SILENT,
        (_C.STARTING, _CT.ECHO): _C.SILENT,
        (_C.STARTING, _CT.CEASE): _C.JUDGING,
        (_C.JUDGING, _CT.TAKE_UP): _C.STARTING,
        (_C.JUDGING, _CT.CONFIRM): _C.SPEAKING,
        (_C.JUDGING, _CT.BACKCHANNEL): _C.SILENT,
        (_C.JUDGING, _CT.NOISE): _C.SILENT,
        (_C.JUDGING, _CT.ECHO): _C.SILENT,
        # It has just been confirmed; nothing of it was announced.
        (_C.SPEAKING, _CT.ECHO): _C.SILENT,
        (_C.SPEAKING, _CT.PAUSE): _C.STOPPING,
        (_C.STOPPING, _CT.GO_ON): _C.SPEAKING,
        (_C.STOPPING, _CT.END): _C.SILENT,
        (_C.SPEAKING, _CT.FULL): _C.SPEAKING,
        (_C.SPEAKING, _CT.LIMIT): _C.SILENT,
        (_C.STOPPING, _CT.LIMIT): _C.SILENT,
        (_C.SILENT, _CT.NEXT): _C.SPEAKING,
        (_C.STOPPING, _CT.NEXT_GOES_ON): _C.SPEAKING,
        (_C.SILENT, _CT.TAKEN): _C.SILENT,
        (_C.STARTING, _CT.TAKEN): _C.SILENT,
        (_C.JUDGING, _CT.TAKEN): _C.SILENT,
        (_C.SPEAKING, _CT.TAKEN): _C.SILENT,
        (_C.STOPPING, _CT.TAKEN): _C.SILENT,
    },
)

_A, _AT = AgentState, AgentTrigger

AGENT_TABLE: Final = Table(
    "agent",
    {
        (_A.IDLE, _AT.ASK): _A.THINKING,
        (_A.IDLE, _AT.ASK_EARLY): _A.WAITING,
        (_A.WAITING, _AT.FLOOR): _A.THINKING,
        (_A.WAITING, _AT.STREAM_END): _A.WAITING,
        (_A.THINKING, _AT.SOUND): _A.SPEAKING,
        (_A.THINKING, _AT.STREAM_END): _A.DRAINING,
        (_A.SPEAKING, _AT.STREAM_END): _A.DRAINING,
        (_A.THINKING, _AT.DONE): _A.DRAINING,
        (_A.WAITING, _AT.DONE): _A.DRAINING,
        (_A.SPEAKING, _AT.DONE): _A.DRAINING,
        (_A.DRAINING, _AT.DONE): _A.DRAINING,
        (_A.DRAINING, _AT.ASK): _A.THINKING,
        (_A.DRAINING, _AT.ASK_EARLY): _A.WAITING,
        (_A.DRAINING, _AT.HEARD_OUT): _A.IDLE,
        (_A.IDLE, _AT.STOP): _A.IDLE,
        (_A.THINKING, _AT.STOP): _A.IDLE,
        (_A.WAITING, _AT.STOP): _A.IDLE,
        (_A.SPEAKING, _AT.STOP): _A.IDLE,
        (_A.DRAINING, _AT.STOP): _A.IDLE,
    },
)

AnyTable = Table[Any, Any]
OnRule = Callable[[AnyTable, object, object], None]
"""Called with the table, the row that was asked for, and its answer."""


class Floor:
    """The states of one conversation. Read them as you like; :meth:`take` alone changes them."""

    def __init__(self) -> None:
        self.caller_state = CallerState.SILENT
        self.agent_state = AgentState.IDLE
        self.on_rule: OnRule | None = None
        """Told of every rule that is asked for."""

    def __repr__(self) -> str:
        return f"<Floor caller {self.caller_state.value}, agent {self.agent_state.value}>"

    def take(self, trigger: CallerTrigger | AgentTrigger) -> None:
        """Something has happened on one side.

        :raises IllegalTrigger: it cannot happen in that side's state; nothing has changed.
        """
        if isinstance(trigger, CallerTrigger):
            self.caller_state = self.ask(CALLER_TABLE, (self.caller_state, trigger))
        else:
            self.agent_state = self.ask(AGENT_TABLE, (self.agent_state, trigger))

    def ask(self, table: Table[K, V], key: K) -> V:
        """What a table says.

        :raises IllegalTrigger: it has no such row.
        """
        answer = table[key]
        if self.on_rule is not None:
            self.on_rule(table, key, answer)
        return answer

    @property
    def is_free(self) -> bool:
        """Nobody speaks, and nobody is about to."""
        return self.caller_state is CallerState.SILENT and self.agent_state is AgentState.IDLE
