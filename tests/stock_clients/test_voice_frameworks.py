"""LiveKit Agents and Pipecat, each a whole agent with its own idea of what was said, against the real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.demo.phrases import LIGHTHOUSE
from support.listening import needs_listening
from support.stock_clients import REPOSITORY, Findings, RunClient, made

PROGRAMS = ["livekit_agent.py", "pipecat_agent.py"]
WORDS_PER_S = 4
"""More than the demo model ever says in a second."""


@pytest.fixture(scope="module")
def frameworks_python() -> Path:
    """The Python of the frameworks' environment."""
    made("voice-frameworks", REPOSITORY / ".build/voice-frameworks/.installed")
    return REPOSITORY / ".build/voice-frameworks/bin/python"


@pytest.fixture(scope="module", params=PROGRAMS, ids=["livekit", "pipecat"])
def found(run_client: RunClient, frameworks_python: Path, request: pytest.FixtureRequest) -> Findings:
    return run_client(frameworks_python, request.param)


def test_a_greeting_before_anybody_has_spoken(found: Findings) -> None:
    turn = found["greeting"]
    assert "failed" not in turn
    assert "Hello" in turn["answer"]
    assert turn["played_s"] > 1


def test_a_text_turn_is_answered_in_speech(found: Findings) -> None:
    turn = found["text_turn"]
    assert "failed" not in turn
    assert "demo model" in turn["answer"]
    assert turn["played_s"] > 1


@needs_listening
def test_a_spoken_turn_is_heard_and_answered(found: Findings) -> None:
    turn = found["spoken_turn"]
    assert "failed" not in turn
    assert turn["answer"].startswith("It is now")
    assert [message["role"] for message in turn["told"]] == ["user", "assistant"]


@needs_listening
def test_talking_over_the_answer_stops_it_and_is_answered(found: Findings) -> None:
    turn = found["interruption"]
    assert "failed" not in turn
    assert not LIGHTHOUSE.endswith(turn["cut"])
    assert "Twenty" in turn["answer"]


@needs_listening
def test_an_agents_own_memory_ends_where_the_caller_stopped_to_listen(found: Findings) -> None:
    """It is made of the transcript as it was told; the model writes some seconds ahead."""
    turn = found["interruption"]
    words = turn["cut"].split()
    assert words[:4] == ["Here", "is", "a", "story"]
    assert len(words) <= WORDS_PER_S * turn["played_s"]


def test_a_tool_is_called_once_and_its_result_spoken(found: Findings) -> None:
    turn = found["tool_call"]
    assert "failed" not in turn
    assert turn["calls"] == 1
    assert "four twenty" in turn["answer"]
