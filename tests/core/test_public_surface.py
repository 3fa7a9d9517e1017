"""What others may use of the core, and how its parts show themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import bargein.core
from bargein.core import actions, events
from bargein.core.agent import Agent
from support.conversation_script import Script, detecting, manual

SERVER = Path(__file__).parents[2] / "server" / "bargein"

NAMES = [
    "Action",
    "AgentState",
    "AudioFormat",
    "CallerState",
    "Conversation",
    "CorePolicy",
    "Decision",
    "Encoding",
    "Event",
    "Measures",
    "Replayed",
    "ResponseSettings",
    "SessionConfig",
    "Transcription",
    "TurnDetection",
    "Window",
    "WordAligner",
    "actions",
    "completion",
    "decisions",
    "events",
    "items",
    "replay",
    "replaying",
]
MODULES = {
    *("actions", "audio", "completion", "config", "conversation", "decisions", "events", "floor", "items"),
    *("measures", "recorded", "sizes", "sound_judge", "turn_end", "usage"),
}
"""What is imported of the core elsewhere; the others are its own."""


def test_the_core_names_its_public_surface() -> None:
    assert bargein.core.__all__ == NAMES
    assert all(hasattr(bargein.core, name) for name in NAMES)


def test_nothing_else_of_it_is_used_elsewhere() -> None:
    used: dict[str, str] = {}
    for path in SERVER.rglob("*.py"):
        if path.is_relative_to(SERVER / "core"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bargein.core."):
                used[(node.module or "").removeprefix("bargein.core.")] = path.name
            elif isinstance(node, ast.ImportFrom) and node.module == "bargein.core":
                assert {alias.name for alias in node.names} <= {*NAMES, "rules_page"}, path
    assert not used.keys() - MODULES, used


def test_what_a_failing_law_shows_is_readable() -> None:
    script = Script(manual())
    script.ask()
    agent = script.conversation.agent
    assert isinstance(agent, Agent)
    assert repr(agent.active) == "<Reply resp_3 thinking>"
    script.say("one two three", 3000)
    assert repr(agent.active) == "<Reply resp_3 speaking, sent 400 of 3000 ms>"
    script.finish()
    assert repr(agent.active) == "<Reply resp_3 speaking, sent 400 of 3000 ms, stream ended>"
    script.advance(2700)
    assert repr(agent) == (
        "<Agent draining, active None, tails [<Tail of <Reply resp_3 completed, sent 3000 of 3000 ms, stream ended>>]>"
    )
    speaking = Script(detecting())
    speaking.silence(500)
    speaking.speech(400)
    assert repr(speaking.conversation) == (
        "<Conversation conv_1: <Caller speaking item_2, at 900 ms>, <Agent idle, active None, tails []>>"
    )
    speaking.do(events.ClearRequested())
    assert repr(speaking.conversation.floor) == "<Floor caller silent, agent idle>"
    assert speaking.last(actions.SpeechStopped).item_id == "item_2"
