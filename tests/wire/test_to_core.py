"""Client events as events of the core: items, responses, and everything smaller."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.core.completion import ForcedFunction, ToolChoice
from bargein.core.config import ResponseSettings
from bargein.core.events import (
    CancelRequested,
    ClearRequested,
    CommitRequested,
    ItemCreateRequested,
    ItemDeleteRequested,
    ItemRetrieveRequested,
    ItemTruncateRequested,
    PlaybackFlushed,
    PlaybackReported,
    ResponseRequested,
)
from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    ItemReference,
    Message,
    OutputText,
)
from bargein.errors import CallerError
from bargein.wire import client_events as client
from bargein.wire.session_object import SessionObject
from bargein.wire.to_core import CoreClientEvent, core_event

SESSION = SessionObject.begin(id="sess_1", model="demo", expires_at=1).update(
    {
        "type": "realtime",
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "f"}],
        "max_output_tokens": 100,
        "audio": {"input": {"format": {"type": "audio/pcmu"}}, "output": {"voice": "ash"}},
    }
)
SETTINGS = ResponseSettings(
    instructions="Be brief.",
    voice="ash",
    voice_chosen=True,
    tools=({"type": "function", "name": "f"},),
    max_output_tokens=100,
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (client.InputAudioBufferCommit(), CommitRequested()),
        (client.InputAudioBufferClear(), ClearRequested()),
        (client.OutputAudioBufferClear(), None),
        (client.ConversationItemRetrieve(item_id="i"), ItemRetrieveRequested("i")),
        (client.ConversationItemDelete(item_id="i"), ItemDeleteRequested("i")),
        (
            client.ConversationItemTruncate(item_id="i", content_index=0, audio_end_ms=7),
            ItemTruncateRequested("i", 0, 7),
        ),
        (client.ResponseCreate(), ResponseRequested(SETTINGS)),
        (client.ResponseCancel(), CancelRequested()),
        (client.ResponseCancel(response_id=""), CancelRequested()),
        (client.ResponseCancel(response_id="r"), CancelRequested("r")),
        (
            client.BargeinPlayed(response_id="r", item_id="i", samples=9, playing=True),
            PlaybackReported("r", "i", 9, True),
        ),
        (client.BargeinFlushed(response_id="r", item_id="i", samples=9), PlaybackFlushed("r", "i", 9)),
    ],
)
def test_plain_requests(event: CoreClientEvent, expected: object) -> None:
    assert core_event(event, SESSION) == expected


def created(item: dict[str, Any], previous_item_id: str | None = None) -> ItemCreateRequested:
    event = client.ConversationItemCreate(item=item, previous_item_id=previous_item_id, event_id="mine")
    asked = core_event(event, SESSION)
    assert isinstance(asked, ItemCreateRequested)
    return asked


def message(role: str, *content: dict[str, Any], **members: object) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(content), **members}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (message("system", {"type": "input_text", "text": "x"}), Message("", "system", [InputText("x")])),
        (
            message("user", {"type": "input_text", "text": "x"}, {"type": "input_audio", "audio": "/w=="}),
            Message("", "user", [InputText("x"), InputAudio(b"\xff", PCMU_8K)]),
        ),
        (
            message("user", {"type": "input_audio", "audio": "", "transcript": "t"}, id="a", object="realtime.item"),
            Message("a", "user", [InputAudio(b"", PCMU_8K, "t")]),
        ),
        (
            message("assistant", {"type": "output_text", "text": "x"}, status="incomplete"),
            Message("", "assistant", [OutputText("x")], "incomplete"),
        ),
        (
            message("assistant", {"type": "output_text", "text": "x"}, status="in_progress"),
            Message("", "assistant", [OutputText("x")]),
        ),
        (
            # As the types of OpenAI's SDK write it, which have one class for parts of all kinds.
            message("user", {"type": "input_text", "text": "x"} | dict.fromkeys(("audio", "transcript", "image_url"))),
            Message("", "user", [InputText("x")]),
        ),
        (
            message("assistant", {"type": "output_text", "text": "x", "audio": None, "transcript": None}),
            Message("", "assistant", [OutputText("x")]),
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            FunctionCall("", "c", "f", "{}"),
        ),
        ({"type": "function_call_output", "call_id": "c", "output": ""}, FunctionCallOutput("", "c", "")),
    ],
)
def test_items(item: dict[str, Any], expected: Item) -> None:
    assert created(item).item == expected


def test_where_an_item_goes() -> None:
    item = message("user", {"type": "input_text", "text": "x"})
    assert [created(item, where).previous_item_id for where in (None, "", "root", "item_1")] == [
        None,
        None,
        "root",
        "item_1",
    ]


@pytest.mark.parametrize(
    ("item", "code", "param", "words"),
    [
        ({}, "missing_required_parameter", "item.type", "'item.type'"),
        ({"type": "item_reference", "id": "x"}, "invalid_value", "item.type", "'item_reference'"),
        ({"type": 5}, "invalid_value", "item.type", "'message', 'function_call', and 'function_call_output'"),
        ({"type": "mcp_approval_response"}, "unsupported_value", "item.type", "it has no MCP tools"),
        ({"type": "message"}, "missing_required_parameter", "item.role", "'item.role'"),
        (message("developer"), "invalid_value", "item.role", "'system', 'user', and 'assistant'"),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content", "'item.content'"),
        ({"type": "message", "role": "user", "content": "hi"}, "invalid_type", "item.content", "expected an array"),
        (message("user", id="x" * 513), "string_above_max_length", "item.id", "maximum length 512"),
        (message("user", status="done"), "invalid_value", "item.status", "'in_progress', 'completed' or 'incomplete'"),
        (message("user", name="Ada"), "unknown_parameter", "item.name", "Unknown parameter: 'item.name'."),
        (message("user", {"text": "x"}), "missing_required_parameter", "item.content[0].type", "content[0].type"),
        (
            message("user", {"type": "output_text", "text": "x"}),
            "invalid_value",
            "item.content[0].type",
            "'input_text', 'input_audio'",
        ),
        (
            message("user", {"type": "input_text", "text": "x", "audio": "AAAA"}),
            "unknown_parameter",
            "item.content[0].audio",
            "Unknown parameter",
        ),
        (
            message("user", {"type": "input_text", "text": "x", "txet": None}),
            "unknown_parameter",
            "item.content[0].txet",
            "Unknown parameter",
        ),
        (message("user", {"type": "input_text"}), "missing_required_parameter", "item.content[0].text", "Missing"),
        (message("user", {"type": "input_audio"}), "missing_required_parameter", "item.content[0].audio", "Missing"),
        (
            message("user", {"type": "input_text", "text": "x"}, {"type": "input_audio", "audio": "?"}),
            "invalid_value",
            "item.content[1].audio",
            "base64",
        ),
        (
            message("user", {"type": "input_image", "image_url": "data:image/png;base64,"}),
            "unsupported_content_type",
            "item.content[0]",
            "The model behind this server takes no images",
        ),
        (
            message("assistant", {"type": "output_audio", "audio": "AAAA"}),
            "unsupported_content_type",
            "item.content[0]",
            "Give its words",
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": {"a": 1}},
            "invalid_type",
            "item.output",
            "expected a string, but got an object",
        ),
        ({"type": "function_call", "name": "f"}, "missing_required_parameter", "item.call_id", "'item.call_id'"),
        (
            {"type": "function_call", "call_id": "", "name": "f", "arguments": "{}"},
            "string_below_min_length",
            "item.call_id",
            "minimum length 1",
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "", "arguments": "{}"},
            "string_below_min_length",
            "item.name",
            "minimum length 1",
        ),
    ],
)
def test_refused_items(item: dict[str, Any], code: str, param: str, words: str) -> None:
    with pytest.raises(CallerError) as caught:
        created(item)
    assert (caught.value.code, caught.value.param, caught.value.event_id) == (code, param, "mine")
    assert words in caught.value.message


def asked_for(response: dict[str, Any], *, audio_produced: bool = False) -> ResponseRequested:
    event = client.ResponseCreate(response=response, event_id="mine")
    asked = core_event(event, SESSION, audio_produced=audio_produced)
    assert isinstance(asked, ResponseRequested)
    return asked


def test_a_response_overrides_the_session() -> None:
    asked = asked_for(
        {
            "conversation": "none",
            "instructions": "",
            "output_modalities": ["text"],
            "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_2"}}},
            "tools": [{"type": "function", "name": "g"}],
            "tool_choice": {"type": "function", "name": "g"},
            "max_output_tokens": "inf",
            "metadata": {"k": "v"},
            "parallel_tool_calls": True,
            "prompt": {"id": "pmpt_1"},
            "reasoning": {"effort": "high"},
        }
    )
    assert asked == ResponseRequested(
        ResponseSettings(
            instructions="",
            audio=False,
            voice="voice_2",
            voice_chosen=True,
            output_format=PCMU_8K,
            tools=({"type": "function", "name": "g"},),
            tool_choice=ForcedFunction("g"),
            max_output_tokens=None,
            parallel_tool_calls=True,
            reasoning_effort="high",
        ),
        out_of_band=True,
        metadata={"k": "v"},
    )


F, G = {"type": "function", "name": "f"}, {"type": "function", "name": "g"}


@pytest.mark.parametrize(
    ("session", "response", "choice"),
    [
        ({"tools": [F]}, {"tool_choice": F}, ForcedFunction("f")),
        ({"tools": [F]}, {"tools": [G], "tool_choice": G}, ForcedFunction("g")),
        ({}, {"tools": [G], "tool_choice": G}, ForcedFunction("g")),
        ({"tools": [F], "tool_choice": F}, {"instructions": "Hi."}, ForcedFunction("f")),
        ({"tools": [F], "tool_choice": F}, {"tools": [G, F]}, ForcedFunction("f")),
        ({"tools": [F], "tool_choice": F}, {"tools": [G]}, "auto"),
        ({"tools": [F], "tool_choice": F}, {"tools": []}, "auto"),
        ({"tools": [F], "tool_choice": "required"}, {"tools": []}, "required"),
    ],
)
def test_the_function_that_a_response_must_call(
    session: dict[str, Any], response: dict[str, Any], choice: ToolChoice
) -> None:
    asked = core_event(client.ResponseCreate(response=response), SESSION.update({"tools": []}).update(session))
    assert isinstance(asked, ResponseRequested)
    assert asked.settings.tool_choice == choice


@pytest.mark.parametrize(
    ("session", "response"),
    [
        ({}, {"tool_choice": F}),
        ({"tools": [G]}, {"tool_choice": F}),
        ({"tools": [F]}, {"tools": [G], "tool_choice": F}),
        ({"tools": [F], "tool_choice": F}, {"tools": [], "tool_choice": F}),
    ],
)
def test_a_function_that_a_response_must_call_and_does_not_have(
    session: dict[str, Any], response: dict[str, Any]
) -> None:
    with pytest.raises(CallerError, match=r"'response\.tools'") as caught:
        core_event(client.ResponseCreate(response=response), SESSION.update({"tools": []}).update(session))
    assert (caught.value.code, caught.value.param) == ("invalid_value", "response.tool_choice")


def test_what_a_response_does_not_say_is_the_sessions() -> None:
    empty: dict[str, Any] = {"instructions": None, "conversation": "auto", "audio": {}, "metadata": None, "input": None}
    assert asked_for(empty) == asked_for({}) == ResponseRequested(SETTINGS)
    assert SETTINGS.output_format == PCM16_24K


def test_the_old_name_of_the_limit_is_understood() -> None:
    assert asked_for({"max_response_output_tokens": 7}).settings.max_output_tokens == 7
    assert asked_for({"max_response_output_tokens": "inf"}).settings.max_output_tokens is None


def test_input_replaces_the_context() -> None:
    assert asked_for({"input": []}).input == ()
    asked = asked_for(
        {"input": [{"type": "item_reference", "id": "i"}, message("user", {"type": "input_audio", "audio": "/w=="})]}
    )
    assert asked.input == (ItemReference("i"), Message("", "user", [InputAudio(b"\xff", PCMU_8K)]))


@pytest.mark.parametrize(
    ("response", "code", "param", "words"),
    [
        ({"foo": 1}, "unknown_parameter", "foo", "'response.foo'"),
        ({"temperature": 1}, "unknown_parameter", "temperature", "'response.temperature'"),
        ({"conversation": "conv_1"}, "invalid_value", "conversation", "'auto' or 'none'"),
        ({"output_modalities": ["audio", "text"]}, "invalid_value", "output_modalities", "['text'] and ['audio']"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "max_output_tokens", ">= 1"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "unsupported_value", "tools[0]", "MCP"),
        ({"metadata": {"k": 5}}, "invalid_type", "metadata.k", "expected a string, but got an integer"),
        ({"metadata": {"k": "v" * 513}}, "string_above_max_length", "metadata.k", "maximum length 512"),
        ({"metadata": {"k" * 65: "v"}}, "string_above_max_length", f"metadata.{'k' * 65}", "maximum length 64"),
        ({"metadata": {str(n): "" for n in range(17)}}, "above_max_length", "metadata", "at most 16, but got 17"),
        ({"metadata": []}, "invalid_type", "metadata", "expected an object, but got an array"),
        ({"input": {}}, "invalid_type", "input", "expected an array"),
        ({"input": [5]}, "invalid_type", "input[0]", "expected an object"),
        ({"input": [{"type": "item_reference"}]}, "missing_required_parameter", "input[0].id", "Missing"),
        ({"input": [{"type": "mcp_call"}]}, "unsupported_value", "input[0].type", "MCP"),
    ],
)
def test_refused_responses(response: dict[str, Any], code: str, param: str, words: str) -> None:
    with pytest.raises(CallerError) as caught:
        asked_for(response)
    assert (caught.value.code, caught.value.param, caught.value.event_id) == (code, f"response.{param}", "mine")
    assert words in caught.value.message


def test_a_response_keeps_the_voice_that_was_heard() -> None:
    assert asked_for({"audio": {"output": {"voice": "ash"}}}, audio_produced=True).settings.voice == "ash"
    with pytest.raises(CallerError) as caught:
        asked_for({"audio": {"output": {"voice": "cedar"}}}, audio_produced=True)
    assert (caught.value.code, caught.value.param) == ("cannot_update_voice", "response.audio.output.voice")
