"""The rules of the floor as a page: the machines as a Mermaid diagram, the other tables as Markdown.

``scripts/write_docs.py`` writes it into ``server/README.md``; ``python -m bargein.core.rules_page`` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import get_args

from bargein.core.decisions import UtteranceVerdict
from bargein.core.floor import (
    AGENT_TABLE,
    CALLER_TABLE,
    AgentState,
    AnyTable,
    CallerState,
    CallerTrigger,
    name_of,
)
from bargein.core.rules import (
    BEGINNING_TABLE,
    BOUND_TABLE,
    ECHO_TABLE,
    ENOUGH_TABLE,
    FLOW_TABLE,
    GIVING_WAY_TABLE,
    HOLD_TABLE,
    INTERRUPTING_TABLE,
    LAPSE_TABLE,
    POLITE_TABLE,
    REQUEST_TABLE,
    SO_FAR_TABLE,
    TURN_END_TABLE,
    TURNOUT_TABLE,
    VOICE_TABLE,
    WEIGHED_TABLE,
)
from bargein.core.rulings import Active, Answering, Asker, Hearing, Holding, Output, Ruling

NEVER = "—"
"""What cannot happen."""


def page() -> str:
    """All tables."""
    return "\n".join([*_diagram(), *_joint(), *_turn_end(), *_responses(), *_flow(), *_speech()])


def _diagram() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR"]
    for name, start, table in (
        ("caller", CallerState.SILENT.value, CALLER_TABLE),
        ("agent", AgentState.IDLE.value, AGENT_TABLE),
    ):
        lines.append(f"    state {name} {{")
        lines.append(f"        [*] --> {name}_{start}")
        for (state, trigger), target in table.rows.items():
            lines.append(f"        {name}_{state.value} --> {name}_{target.value}: {trigger.value}")
        lines.append("    }")
    return [*lines, "```", ""]


def _joint() -> list[str]:
    def cell(trigger: CallerTrigger, agent: AgentState) -> str:
        usual, polite = _cell(INTERRUPTING_TABLE, (trigger, agent)), _cell(POLITE_TABLE, (trigger, agent))
        return usual if usual == polite else f"{usual} ({polite})"

    return [
        *_grid("the caller", CallerTrigger, AgentState, cell, "agent "),
        f"In brackets: with `interrupt_response: false`. {NEVER}: cannot happen.",
        "",
        *_grid("evidence would", ["a second detector"], WEIGHED_TABLE.rows, lambda _, key: _cell(WEIGHED_TABLE, key)),
        *_grid("to be believed it takes", AgentState, Hearing, _enough),
        *_grid("its words so far are", get_args(UtteranceVerdict), _UNDECIDED, _so_far, "caller "),
    ]


def _turn_end() -> list[str]:
    return _grid("the turn has ended", Answering, AgentState, lambda *key: _cell(TURN_END_TABLE, key), "agent ")


def _responses() -> list[str]:
    return [
        *_grid("a response is asked for by", Asker, Active, lambda *key: _cell(REQUEST_TABLE, key), "active: "),
        *_grid("what is queued was asked for by", Asker, CallerState, _turnout, "caller "),
        *_grid("a response begins", CallerState, _BEFORE, lambda *key: _cell(BEGINNING_TABLE, key), "agent "),
        *_grid("it waited, and the turn is answered", ["reply"], Output, lambda _, out: _cell(GIVING_WAY_TABLE, out)),
    ]


def _flow() -> list[str]:
    active = [state for state in AgentState if state is not AgentState.IDLE]
    rows = [[hold.value, *(_cell(FLOW_TABLE, (agent, hold)) for agent in active)] for hold in Holding]
    players = {False: "cannot be made quieter", True: "can be made quieter"}
    ways = [[players[ducks], *(_cell(HOLD_TABLE, (ducks, echo)) for echo in (False, True))] for ducks in players]
    return [
        *_table(["the caller's player", "no echo is taken out", "an echo is taken out"], ways),
        *_table(["what the model says is", *(f"agent {agent.value}" for agent in active)], rows),
    ]


def _speech() -> list[str]:
    tables: dict[str, AnyTable] = {"turn's bound": BOUND_TABLE, "voice is told": VOICE_TABLE}
    lapses = {"frames stop": False, "frames stop, and it is to be judged": True}
    rows = [[name, *(_cell(LAPSE_TABLE, (state, judged)) for state in CallerState)] for name, judged in lapses.items()]
    rows += [[name, *(_cell(table, state) for state in CallerState)] for name, table in tables.items()]
    return [
        *_table(["the caller's speech", *(f"caller {state.value}" for state in CallerState)], rows),
        *_grid("its echo is", ["agent's"], Ruling, lambda _, ruling: _cell(ECHO_TABLE, ruling)),
    ]


def _enough(agent: object, hearing: object) -> str:
    usual, polite = (_cell(ENOUGH_TABLE, (may_interrupt, agent, hearing)) for may_interrupt in (True, False))
    return usual if usual == polite else f"{usual} ({polite})"


_UNDECIDED = [CallerState.STARTING, CallerState.JUDGING]


def _so_far(verdict: object, caller: object) -> str:
    return _cell(SO_FAR_TABLE, (caller, verdict))


_BEFORE = [AgentState.IDLE, AgentState.DRAINING]


def _turnout(asker: object, caller: object) -> str:
    return _cell(TURNOUT_TABLE, (caller, asker))


def _cell(table: AnyTable, key: object) -> str:
    return name_of(table.rows[key]) if key in table.rows else NEVER


def _grid(
    corner: str,
    rows: Iterable[object],
    columns: Iterable[object],
    cell: Callable[..., str],
    before: str = "",
) -> list[str]:
    wide = list(columns)
    body = [[name_of(row), *(cell(row, column) for column in wide)] for row in rows]
    return _table([corner, *(before + name_of(column) for column in wide)], body)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return [lines[0], "|---" * len(head) + "|", *lines[1:], ""]


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  this is what the command is for
