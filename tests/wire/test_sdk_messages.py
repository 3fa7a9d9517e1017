"""What stock clients send first, and on the way, is taken without an error.

Made by hand from the clients' own code and the reference (section "Real clients"): openai-agents 0.24.0 (its payloads
were printed by the package itself), @openai/agents-realtime 0.20.0, Pipecat 1.14.0, LiveKit 1.8.9.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from bargein.core.events import ItemCreateRequested, ResponseRequested
from bargein.core.items import InputText, Message, OutputText
from bargein.wire.client_events import ResponseCreate, SessionUpdate, parse_client_event
from bargein.wire.session_object import SessionObject
from bargein.wire.to_core import core_event

START = SessionObject.begin(id="sess_1", model="demo", expires_at=1785217650)

PCM = {"type": "audio/pcm", "rate": 24000}
TOOL = {
    "type": "function",
    "name": "get_time",
    "description": "The time in a zone.",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "additionalProperties": False},
}

SESSIONS: dict[str, dict[str, Any]] = {
    "agents-py, first": {
        "type": "realtime",
        "audio": {
            "input": {
                "format": PCM,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {"type": "semantic_vad", "interrupt_response": True},
            },
            "output": {"format": PCM, "voice": "ash"},
        },
        "instructions": "be brief",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "tools": [TOOL],
    },
    "agents-py, with nulls": {
        "type": "realtime",
        "audio": {
            "input": {
                "format": PCM,
                "noise_reduction": None,
                "transcription": None,
                "turn_detection": {"type": "server_vad", "create_response": True, "idle_timeout_ms": 6000},
            },
            "output": {"format": PCM, "speed": 1.1, "voice": "ash"},
        },
        "instructions": None,
        "max_output_tokens": "inf",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["text"],
        "tool_choice": "auto",
        "tools": [],
    },
    "agents-py, tracing": {"type": "realtime", "model": "gpt-realtime-2.1", "tracing": "auto"},
    "agents-py, tracing with a group": {
        "type": "realtime",
        "model": "gpt-realtime-2.1",
        "tracing": {"group_id": "g", "metadata": {"a": 1}, "workflow_name": "w"},
    },
    "agents-js, first": {
        "type": "realtime",
        "instructions": "be brief",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": PCM,
                "noise_reduction": None,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {"type": "semantic_vad"},
            },
            "output": {"format": PCM, "speed": 1},
        },
    },
    "agents-js, every turn detection key": {
        "type": "realtime",
        "audio": {
            "input": {
                "turn_detection": {
                    "type": "semantic_vad",
                    "create_response": True,
                    "eagerness": "auto",
                    "interrupt_response": True,
                    "model_version": "default",
                }
            }
        },
        "prompt": {"id": "pmpt_1", "version": "1", "variables": {"name": "Ada"}},
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
    },
    "Pipecat, first": {
        "type": "realtime",
        "model": "demo",
        "output_modalities": ["audio"],
        "instructions": "be brief",
        "audio": {
            "input": {
                "format": PCM,
                "transcription": {"model": "gpt-realtime-whisper"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                },
            },
            "output": {"format": PCM, "voice": "cedar", "speed": 1.0},
        },
        "tools": [TOOL],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
    },
    "Pipecat, manual turns": {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
    "LiveKit, first": {
        "type": "realtime",
        "model": "demo",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": PCM,
                "noise_reduction": None,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {
                    "type": "semantic_vad",
                    "create_response": True,
                    "eagerness": "medium",
                    "interrupt_response": True,
                },
            },
            "output": {"format": PCM, "speed": 1.0, "voice": "marin"},
        },
        "max_output_tokens": "inf",
        "tool_choice": "auto",
        "tracing": None,
    },
    "LiveKit, instructions": {"type": "realtime", "instructions": "be kind"},
    "LiveKit, tools": {"type": "realtime", "model": "demo", "tools": [TOOL]},
    "Twilio bridge": {
        "type": "realtime",
        "audio": {
            "input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad"}},
            "output": {"format": {"type": "audio/pcmu"}, "voice": "alloy"},
        },
    },
}

RESPONSES: dict[str, dict[str, Any] | None] = {
    "agents, bare": None,
    "Pipecat": {"output_modalities": ["audio"]},
    "LiveKit, generate_reply": {"instructions": None, "metadata": {"client_event_id": "response_create_1"}},
    "LiveKit, with tools": {
        "instructions": "Say hello.",
        "metadata": {"client_event_id": "response_create_2"},
        "tool_choice": {"type": "function", "name": "get_time"},
        "tools": [TOOL],
    },
    "cookbook, out of band": {
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": {"topic": "x"},
        "input": [{"type": "item_reference", "id": "item_1"}],
        "max_response_output_tokens": 20,
    },
}

ITEMS: dict[str, dict[str, Any]] = {
    "LiveKit, at the front": {
        "previous_item_id": "root",
        "item": {
            "type": "message",
            "role": "system",
            "id": "item_0123456789abcdef",
            "content": [{"type": "input_text", "text": "You are kind."}],
        },
    },
    "LiveKit, an empty message": {
        "item": {"id": "item_2", "type": "message", "role": "user", "content": []},
    },
    "Pipecat, history": {
        "event_id": "ab",
        "item": {
            "id": "0123456789abcdef0123456789abcdef",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hi"}],
        },
    },
    "agents-js, history without sound": {
        "previous_item_id": "item_1",
        "item": {
            "id": "item_3",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "audio": None, "transcript": "hi"}],
        },
    },
    "agents-js, a reply": {
        "item": {
            "id": "item_4",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_audio", "transcript": "Hello!", "audio": None}],
        },
    },
    "agents-py, tool output": {"item": {"type": "function_call_output", "call_id": "call_1", "output": "noon"}},
    "LiveKit, tool call": {
        "item": {"id": "item_5", "type": "function_call", "call_id": "call_1", "name": "get_time", "arguments": "{}"},
    },
}


@pytest.mark.parametrize("name", SESSIONS)
def test_session_updates(name: str) -> None:
    event = parse_client_event(json.dumps({"type": "session.update", "session": SESSIONS[name]}))
    assert isinstance(event, SessionUpdate)
    session = START.update(event.session)
    assert session.echo()["model"] == "demo"
    detection = session.echo()["audio"]["input"]["turn_detection"]
    assert detection is None or (detection["create_response"], detection["interrupt_response"]) == (True, True)


def test_a_session_may_be_updated_by_all_of_them_in_turn() -> None:
    session = START
    for name, patch in SESSIONS.items():
        if "tracing" not in name:
            session = session.update(patch)
    assert session.to_config().response.voice == "alloy"


@pytest.mark.parametrize("name", RESPONSES)
def test_responses(name: str) -> None:
    message = {"type": "response.create", "event_id": "agents_py_response_create_1", "response": RESPONSES[name]}
    event = parse_client_event(json.dumps(message))
    assert isinstance(event, ResponseCreate)
    asked = core_event(event, START)
    assert isinstance(asked, ResponseRequested)
    assert event.event_id == "agents_py_response_create_1"
    assert asked.metadata == (RESPONSES[name] or {}).get("metadata")


@pytest.mark.parametrize("name", ITEMS)
def test_items(name: str) -> None:
    event = parse_client_event(json.dumps({"type": "conversation.item.create", **ITEMS[name]}))
    assert not isinstance(event, SessionUpdate)
    asked = core_event(event, START)  # type: ignore[arg-type]
    assert isinstance(asked, ItemCreateRequested)
    assert asked.previous_item_id == ITEMS[name].get("previous_item_id")
    assert asked.item.id == ITEMS[name]["item"].get("id", "")
    if name == "agents-js, history without sound":
        assert asked.item == Message("item_3", "user", [InputText("hi")])
    if name == "agents-js, a reply":
        assert asked.item == Message("item_4", "assistant", [OutputText("Hello!")])
