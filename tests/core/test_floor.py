"""The tables of the floor, and the diagram that is printed from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.core.floor import (
    AGENT_TABLE,
    BEGINNING_TABLE,
    CALLER_TABLE,
    INTERRUPTING_TABLE,
    POLITE_TABLE,
    AgentState,
    CallerState,
    CallerTrigger,
    Verdict,
    mermaid,
    verdict,
)

PAGE = Path(__file__).parents[2] / "server" / "README.md"


def test_the_diagram_in_the_architecture_page_is_fresh() -> None:
    text = PAGE.read_text()
    shown = text.split("<!-- floor:begin -->\n")[1].split("<!-- floor:end -->")[0]
    assert shown == mermaid(), "run: python -m bargein.core.floor, and paste what it prints between the marks"


def test_every_state_can_be_reached_and_left() -> None:
    for state in CallerState:
        assert state in CALLER_TABLE.values()
        assert any(begun is state for begun, _ in CALLER_TABLE)
    for agent in AgentState:
        assert agent in AGENT_TABLE.values()
        assert any(begun is agent for begun, _ in AGENT_TABLE)


@pytest.mark.parametrize("table", [INTERRUPTING_TABLE, POLITE_TABLE])
def test_the_joint_table_answers_every_question(table: dict[tuple[CallerTrigger, AgentState], Verdict]) -> None:
    assert set(table) == {(trigger, agent) for trigger in CallerTrigger for agent in AgentState}


def test_a_response_begins_in_every_state_in_which_none_is_active() -> None:
    assert set(BEGINNING_TABLE) == {
        (caller, agent) for caller in CallerState for agent in (AgentState.IDLE, AgentState.DRAINING)
    }
    for (caller, agent), trigger in BEGINNING_TABLE.items():
        begun = AGENT_TABLE[agent, trigger]
        assert begun in {AgentState.THINKING, AgentState.WAITING}
        assert caller is not CallerState.SILENT or begun is AgentState.THINKING


def test_whatever_makes_the_caller_silent_lets_a_waiting_reply_go_on() -> None:
    ending = {trigger for (_, trigger), state in CALLER_TABLE.items() if state is CallerState.SILENT}
    for table in (INTERRUPTING_TABLE, POLITE_TABLE):
        for trigger in ending:
            assert table[trigger, AgentState.WAITING] in {Verdict.RESUME, Verdict.ANSWER, Verdict.ANSWER_INSTEAD}


def test_a_polite_agent_is_never_held_or_interrupted() -> None:
    assert not {Verdict.HOLD, Verdict.BARGE_IN} & set(POLITE_TABLE.values())


def test_only_a_confirmed_interruption_cancels() -> None:
    cancelling = {trigger for (trigger, _), verdict in INTERRUPTING_TABLE.items() if verdict is Verdict.BARGE_IN}
    # Whoever goes on was confirmed, and announced, before.
    assert cancelling == {CallerTrigger.CONFIRM, CallerTrigger.GO_ON}
    assert verdict(CallerTrigger.CONFIRM, AgentState.IDLE, may_interrupt=True) is Verdict.LISTEN
