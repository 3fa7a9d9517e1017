"""@openai/agents-realtime and npm openai, in Node.js, against the real server."""

from __future__ import annotations

import pytest

from support.listening import needs_listening
from support.stock_clients import Findings, RunClient


@pytest.fixture(scope="module")
def found(run_client: RunClient, node: str) -> Findings:
    return run_client(node, "agents_realtime.mjs")


def test_a_text_turn_is_answered_in_speech(found: Findings) -> None:
    assert found["text_turn"] == {"status": "completed", "audio": True}


@needs_listening
def test_a_spoken_turn_is_heard_and_answered(found: Findings) -> None:
    turn = found["spoken_turn"]
    assert "failed" not in turn
    assert turn["status"] == "completed"
    assert turn["audio"]
    assert turn["history"] >= 2


@needs_listening
def test_talking_over_the_answer_stops_it_and_is_answered(found: Findings) -> None:
    assert found["barge_in"] == {"interrupted": True, "cut_status": "cancelled", "status": "completed"}


def test_a_tool_is_called_and_its_result_spoken(found: Findings) -> None:
    assert found["tool_call"] == {"called": True, "status": "completed"}


def test_npm_openai_gets_an_answer(found: Findings) -> None:
    assert found["npm_openai_text_turn"] == {"status": "completed"}
