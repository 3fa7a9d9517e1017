"""openai-python, GA, beta and the beta as Azure has it, against the real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.listening import needs_listening
from support.stock_clients import Findings, RunClient


@pytest.fixture(scope="module", params=["ga", "beta", "azure"])
def found(request: pytest.FixtureRequest, run_client: RunClient, stock_python: Path) -> Findings:
    arguments = [] if request.param == "ga" else [request.param]
    return run_client(stock_python, "openai_python.py", *arguments)


def test_a_text_turn_is_answered_in_speech(found: Findings) -> None:
    turn = found["text_turn"]
    assert "failed" not in turn
    assert turn["first"] == "session.created"
    assert "session.updated" in turn["types"]
    assert turn["status"] == "completed"
    assert turn["audio_bytes"] > 24_000
    assert "demo model" in turn["transcripts"][0]


@needs_listening
def test_a_spoken_turn_is_heard_and_answered(found: Findings) -> None:
    turn = found["spoken_turn"]
    assert "failed" not in turn
    ladder = [name.removeprefix("input_audio_buffer.") for name in turn["types"] if "input_audio_buffer" in name]
    assert ladder[:3] == ["speech_started", "speech_stopped", "committed"]
    assert turn["status"] == "completed"
    assert turn["audio_bytes"] > 24_000


@needs_listening
def test_talking_over_the_answer_stops_it_and_is_answered(found: Findings) -> None:
    turn = found["barge_in"]
    assert "failed" not in turn
    assert turn["speech_started"]
    assert turn["cut"]["status"] == "cancelled"
    assert turn["cut"]["reason"] == "turn_detected"
    assert not turn["audio_after_speech_started"]
    assert turn["answer"]["status"] == "completed"


def test_a_tool_is_called_and_its_result_spoken(found: Findings) -> None:
    turn = found["tool_call"]
    assert "failed" not in turn
    assert turn["name"] == "get_time"
    assert turn["arguments"] == {}
    assert turn["status"] == "completed"
    assert turn["audio_bytes"] > 0


def test_a_token_opens_the_session_that_it_was_made_for(found: Findings) -> None:
    turn = found["token"]
    assert "failed" not in turn
    assert turn["voice"] == "echo"
    assert turn["status"] == "completed"
    assert turn["audio_bytes"] > 24_000
