"""What callers may change of an agent, and what is left of what they send."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.agents import Agent, Tool

MARK = {"type": "function", "name": "mark", "parameters": {"type": "object"}}
FORGED = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}


def agent(*may_change: str) -> Agent:
    tool = Tool("look_up", "Looks it up.", {"type": "object"}, "GET", "http://127.0.0.1:1/")
    session = {"instructions": "Be brief.", "audio": {"output": {"voice": "marin"}}}
    return Agent("support", "Support", "", "", session, (tool,), frozenset(may_change))


def test_what_the_file_says_stays_and_the_rest_is_the_callers() -> None:
    patch: dict[str, Any] = {
        "type": "realtime",
        "instructions": "Be a pirate.",
        "tools": [MARK],
        "tool_choice": "required",
        "max_output_tokens": 100,
        "audio": {
            "output": {"voice": "ash", "format": {"type": "audio/pcmu"}},
            "input": {"turn_detection": None, "transcription": {"model": "whisper-1"}},
        },
    }
    before = repr(patch)
    left, ignored = agent().allowed(patch)
    assert left == {
        "type": "realtime",
        "max_output_tokens": 100,
        "audio": {
            "output": {"format": {"type": "audio/pcmu"}},
            "input": {"turn_detection": None, "transcription": {"model": "whisper-1"}},
        },
    }
    assert ignored == ("instructions", "tools", "voice")
    assert repr(patch) == before


def test_a_client_that_asks_for_nothing_or_sends_back_what_it_was_shown_is_not_noted() -> None:
    sent = {"instructions": "", "tools": [], "audio": {"output": {"voice": "marin"}}}
    assert agent().allowed(sent) == ({"audio": {"output": {}}}, ())


def test_what_may_be_changed_is_changed_and_the_agents_tools_stay() -> None:
    left, ignored = agent("tools", "voice", "instructions").allowed(
        {"instructions": "Be a pirate.", "tools": [MARK, FORGED], "audio": {"output": {"voice": "ash"}}}
    )
    assert ignored == ()
    assert left["instructions"] == "Be a pirate."
    assert left["audio"]["output"]["voice"] == "ash"
    assert [tool["name"] for tool in left["tools"]] == ["look_up", "mark"]
    assert left["tools"][0]["description"] == "Looks it up."


def test_what_is_malformed_is_left_to_be_refused() -> None:
    malformed: list[dict[str, Any]] = [{"audio": 3}, {"audio": {"output": None}}, {"audio": []}]
    for patch in malformed:
        assert agent().allowed(patch) == (patch, ())
    assert agent("tools").allowed({"tools": "all"})[0] == {"tools": "all"}
    assert agent("tools").allowed({"tools": ["all", {}]})[0]["tools"][1:] == ["all", {}]


def test_a_response_may_do_without_tools_but_no_more() -> None:
    assert agent().allowed_response(None) == (None, ())
    left, ignored = agent().allowed_response({"instructions": "Be a pirate.", "tools": [MARK], "tool_choice": "auto"})
    assert (left, ignored) == ({}, ("instructions", "tools"))
    assert agent().allowed_response({"tool_choice": "none"}) == ({"tool_choice": "none"}, ())
    assert agent("tools").allowed_response({"tools": [MARK, FORGED]})[0] == {"tools": [MARK]}


@pytest.mark.parametrize("asked", [{"effort": "high"}, None, {}])
def test_how_long_an_agent_reasons_stays_as_its_file_says(asked: object) -> None:
    session = {"instructions": "Be brief.", "reasoning": {"effort": "low"}}
    kept = Agent("support", "Support", "", "", session, (), frozenset())
    assert kept.allowed({"reasoning": asked})[0] == {}
    assert kept.allowed_response({"reasoning": asked})[0] == {}
    assert kept.allowed({"reasoning": {"effort": "high"}})[1] == ("reasoning_effort",)
    free = Agent("support", "Support", "", "", session, (), frozenset({"reasoning_effort"}))
    assert free.allowed({"reasoning": asked})[0] == {"reasoning": asked}
    assert agent().allowed({"reasoning": asked})[0] == {"reasoning": asked}
