"""The machines of the floor, the tables that join them, and the page that is printed from them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bargein.core import rules
from bargein.core.floor import AGENT_TABLE, CALLER_TABLE, AgentState, AgentTrigger, CallerState, CallerTrigger, Floor
from bargein.core.rules import (
    BEGINNING_TABLE,
    BOUND_TABLE,
    INTERRUPTING_TABLE,
    LAPSE_TABLE,
    POLITE_TABLE,
    TABLES,
    Joint,
)
from bargein.core.rules_page import page
from bargein.core.rulings import Ruling
from bargein.errors import BargeinError, CallerError, IllegalTrigger

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server" / "bargein"


def test_the_rules_in_the_architecture_page_are_fresh() -> None:
    text = (ROOT / "server" / "README.md").read_text()
    shown = text.split("<!-- floor:begin -->\n")[1].split("<!-- floor:end -->")[0]
    assert shown == page(), "run: make format"


def test_every_state_can_be_reached_and_left() -> None:
    for state in CallerState:
        assert state in CALLER_TABLE.rows.values()
        assert any(begun is state for begun, _ in CALLER_TABLE.rows)
    for agent in AgentState:
        assert agent in AGENT_TABLE.rows.values()
        assert any(begun is agent for begun, _ in AGENT_TABLE.rows)


@pytest.mark.parametrize("table", [INTERRUPTING_TABLE, POLITE_TABLE], ids=["interrupting", "polite"])
def test_the_joint_table_answers_whatever_the_caller_can_do(table: Joint) -> None:
    from_silence = {trigger for state, trigger in CALLER_TABLE.rows if state is CallerState.SILENT}
    meets_nobody_who_waits = from_silence - {CallerTrigger.TAKEN}
    # It is judged why somebody spoke over a reply, where they may interrupt it.
    judged_in = (
        {AgentState.THINKING, AgentState.SPEAKING, AgentState.DRAINING} if table is INTERRUPTING_TABLE else set()
    )
    assert set(table.rows) == {
        (trigger, agent)
        for trigger in CallerTrigger
        for agent in AgentState
        if (agent is not AgentState.WAITING or trigger not in meets_nobody_who_waits)
        and (trigger is not CallerTrigger.CEASE or agent in judged_in)
    }


def test_a_response_begins_in_every_state_in_which_none_is_active() -> None:
    assert set(BEGINNING_TABLE.rows) == {
        (caller, agent) for caller in CallerState for agent in (AgentState.IDLE, AgentState.DRAINING)
    }
    for (caller, agent), beginning in BEGINNING_TABLE.rows.items():
        begun = AGENT_TABLE[agent, beginning.trigger]
        assert begun in {AgentState.THINKING, AgentState.WAITING}
        assert caller is not CallerState.SILENT or begun is AgentState.THINKING


def test_whatever_makes_the_caller_silent_lets_a_waiting_reply_go_on() -> None:
    ending = {trigger for (_, trigger), state in CALLER_TABLE.rows.items() if state is CallerState.SILENT}
    for table in (INTERRUPTING_TABLE, POLITE_TABLE):
        for trigger in ending:
            assert table[trigger, AgentState.WAITING] in {Ruling.RESUME, Ruling.DISMISS, Ruling.END_TURN}


def test_frames_that_stop_make_the_caller_silent_in_the_end() -> None:
    for begun, judged in LAPSE_TABLE.rows:
        state, steps = begun, 0
        while state is not CallerState.SILENT and state is not CallerState.JUDGING:
            state, steps = CALLER_TABLE[state, LAPSE_TABLE[state, judged]], steps + 1
            assert steps <= 2
        assert (state is CallerState.JUDGING) is judged


def test_a_polite_agent_is_never_held_or_interrupted() -> None:
    assert not {Ruling.HOLD, Ruling.BARGE_IN, Ruling.INTERRUPT} & set(POLITE_TABLE.rows.values())


def test_only_a_confirmed_interruption_cancels() -> None:
    rows = INTERRUPTING_TABLE.rows.items()
    assert {trigger for (trigger, _), ruling in rows if ruling is Ruling.BARGE_IN} == {CallerTrigger.CONFIRM}
    # Whoever goes on was confirmed, and announced, before.
    assert {trigger for (trigger, _), ruling in rows if ruling is Ruling.INTERRUPT} == {CallerTrigger.GO_ON}


@pytest.mark.parametrize("trigger", [*CallerTrigger, *AgentTrigger], ids=lambda trigger: trigger.value)
def test_what_cannot_happen_is_an_error_of_ours_that_names_it_and_changes_nothing(
    trigger: CallerTrigger | AgentTrigger,
) -> None:
    tested = 0
    states: list[CallerState | AgentState] = [*CallerState] if isinstance(trigger, CallerTrigger) else [*AgentState]
    for state in states:
        floor = Floor()
        table = CALLER_TABLE if isinstance(state, CallerState) else AGENT_TABLE
        if isinstance(state, CallerState):
            floor.caller_state = state
        else:
            floor.agent_state = state
        if (state, trigger) in table.rows:
            floor.take(trigger)
            continue
        with pytest.raises(IllegalTrigger) as caught:
            floor.take(trigger)
        assert isinstance(caught.value, BargeinError)
        assert not isinstance(caught.value, CallerError)
        assert (caught.value.machine, caught.value.state, caught.value.trigger) == (
            "caller" if isinstance(state, CallerState) else "agent",
            state.value,
            trigger.value,
        )
        assert str(caught.value) == (
            f"{caught.value.machine}: there is no rule for '{trigger.value}' in the state '{state.value}'"
        )
        assert state in {floor.caller_state, floor.agent_state}
        tested += 1
    assert tested or trigger in {CallerTrigger.TAKEN, AgentTrigger.STOP}


def test_a_question_without_a_rule_is_an_error_too() -> None:
    with pytest.raises(IllegalTrigger, match=r"^turn's bound: there is no rule for 'silent'$"):
        Floor().ask(BOUND_TABLE, CallerState.SILENT)


def test_every_table_is_known() -> None:
    tables = [value for name, value in vars(rules).items() if name.endswith("_TABLE")]
    assert {id(table) for table in tables} == {id(table) for table in TABLES}
    assert len({table.name for table in TABLES}) == len(TABLES)


def writes_of_states(path: Path) -> list[str]:
    """Functions of a file that assign a state of the floor."""
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [
                function.name
                for node in ast.walk(function)
                if isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and node.attr in {"caller_state", "agent_state"}
            ]
    return found


def test_one_function_writes_the_states() -> None:
    writes = {(path.name, name) for path in SERVER.rglob("*.py") for name in writes_of_states(path)}
    assert writes == {("floor.py", "__init__"), ("floor.py", "take")}


def test_every_rule_is_asked_of_the_floor() -> None:
    """Whoever reads a table by itself is not seen by those who want to know why."""
    for path in (SERVER / "core").rglob("*.py"):
        if path.name in {"rules.py", "rules_page.py", "floor.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                assert not node.value.id.endswith("_TABLE"), f"{path.name}: {node.lineno}"
