"""openai-agents (Python), which validates every event strictly, against the real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.listening import needs_listening
from support.stock_clients import Findings, RunClient


@pytest.fixture(scope="module")
def found(run_client: RunClient, stock_python: Path) -> Findings:
    return run_client(stock_python, "openai_agents.py")


def test_a_text_turn_is_answered_in_speech(found: Findings) -> None:
    turn = found["text_turn"]
    assert "failed" not in turn
    assert turn["status"] == "completed"
    assert turn["audio_bytes"] > 24_000


@needs_listening
def test_a_spoken_turn_is_heard_and_answered(found: Findings) -> None:
    turn = found["spoken_turn"]
    assert "failed" not in turn
    assert turn["status"] == "completed"
    assert turn["audio_bytes"] > 24_000


@needs_listening
def test_talking_over_the_answer_stops_it_and_is_answered(found: Findings) -> None:
    turn = found["barge_in"]
    assert "failed" not in turn
    assert turn["cut_status"] == "cancelled"
    assert turn["interrupted"]
    assert turn["truncated"]
    assert turn["answer"]["status"] == "completed"


def test_a_tool_is_called_and_its_result_spoken(found: Findings) -> None:
    turn = found["tool_call"]
    assert "failed" not in turn
    assert "tool_end" in turn["names"]
    assert turn["status"] == "completed"
    assert turn["audio_bytes"] > 0
