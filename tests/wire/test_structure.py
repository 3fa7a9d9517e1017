"""What an event may hold: counted before it is parsed, and again before it is validated."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import PCM16_24K
from bargein.errors import CallerError
from bargein.wire import item_models, session_models, structure
from bargein.wire.client_events import parse_client_event
from bargein.wire.item_models import parse_item
from bargein.wire.session_object import SessionObject
from bargein.wire.structure import MAX_TEXT, MAX_VALUES, Survey, check_structure

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.sampled_from('ab"\\,[]{}:\n\0é😀'), max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.sampled_from('a"\\,[{'), max_size=4), inner),
    max_leaves=20,
)


def separators(value: object) -> int:
    """Opening brackets and braces, and commas between values."""
    match value:
        case dict():
            return 1 + max(0, len(value) - 1) + sum(map(separators, value.values()))
        case list():
            return 1 + max(0, len(value) - 1) + sum(map(separators, value))
        case _:
            return 0


@given(JSON, st.integers(1, 9), st.booleans())
def test_what_strings_hold_is_not_counted(value: object, piece_bytes: int, escaped: bool) -> None:
    """A limit just above what it holds lets it through, and the next lower one does not."""
    message = json.dumps(value, ensure_ascii=escaped).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(structure, "SMALL_BYTES", 0)
        patched.setattr(structure, "PIECE_BYTES", piece_bytes)
        patched.setattr(structure, "MAX_VALUES", separators(value) + 1)
        surveyed(message)
        patched.setattr(structure, "MAX_VALUES", separators(value))
        with pytest.raises(CallerError):
            surveyed(message)


def surveyed(message: bytes) -> None:
    survey = Survey(message)
    while not survey.done:
        survey.step()


def test_a_long_text_may_hold_anything() -> None:
    for text in ("," * MAX_TEXT, '{"a": [1, 2]}, ' * 20_000, "\\" * 40_000, '"' * 40_000):
        surveyed(orjson.dumps({"type": "conversation.item.create", "item": {"text": text}}))


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"type": "session.update", "session": {"tools": [[]] * 1_000_000}}, "session.tools"),
        ({"type": "response.create", "response": {"input": [{"type": "item_reference"}] * 50_000}}, "response.input"),
        ({"type": "conversation.item.create", "item": {"content": [{"type": "x"}] * 30_000}}, "item.content"),
        ({"type": "session.update", "session": {f"f{n}": n for n in range(300_000)}}, "session"),
        (
            {"type": "response.create", "response": {"metadata": {str(n): "" for n in range(300_000)}}},
            "response.metadata",
        ),
    ],
)
def test_too_many_values_are_refused_before_they_are_parsed(event: dict[str, Any], param: str) -> None:
    with pytest.raises(CallerError) as refused:
        surveyed(orjson.dumps(event))
    assert (refused.value.code, refused.value.param) == ("event_above_max_values", param)
    assert str(MAX_VALUES) in refused.value.message
    assert "Send less" in refused.value.message


def test_text_is_counted_without_sound_and_images() -> None:
    part = {"audio": "A" * MAX_TEXT, "image_url": "A" * MAX_TEXT, "text": "x" * (MAX_TEXT - 1000)}
    check_structure({"item": {"content": [part]}}, 10_000_000)
    with pytest.raises(CallerError) as refused:
        check_structure({"item": {"content": [part | {"transcript": "y" * 2000}]}}, 10_000_000)
    assert (refused.value.code, refused.value.param) == ("string_above_max_length", "item.content[0].text")
    assert str(MAX_TEXT) in refused.value.message


def test_values_of_small_messages_are_counted_too() -> None:
    with pytest.raises(CallerError) as refused:
        check_structure({"a": [{}] * MAX_VALUES}, 1000)
    assert refused.value.code == "event_above_max_values"


def session(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def response(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"type": "response.create", "response": fields}


def tool(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"type": "function", "name": "f", **fields}


SCHEMA = {"type": "object", "properties": {"f": {"description": "x" * 10_000}}}
LONG = "x" * 600_000
TOO_LARGE = "above_max_size"


@pytest.mark.parametrize(
    ("event", "code", "param", "limit"),
    [
        (session(tools=[tool()] * 129), "above_max_length", "session.tools", 128),
        (session(tools=[tool(parameters={"x": "x" * 140_000})]), TOO_LARGE, "session.tools[0].parameters", 131_072),
        (session(tools=[tool(parameters=SCHEMA)] * 30), TOO_LARGE, "session.tools", session_models.MAX_TOOLS_BYTES),
        (session(tools=[tool(name="n" * 513)]), "string_above_max_length", "session.tools[0].name", 512),
        (session(instructions=LONG), "string_above_max_length", "session.instructions", 500_000),
        (session(prompt={"id": "p", "variables": {"v": LONG}}), TOO_LARGE, "session.prompt.variables", 131_072),
        (session(tracing={"metadata": {"v": LONG}}), TOO_LARGE, "session.tracing.metadata", 16_384),
        (session(tracing={"group_id": "g" * 513}), "string_above_max_length", "session.tracing.group_id", 512),
        (session(id={"v": LONG}), TOO_LARGE, "session.id", 16_384),
        (session(model="m" * 513), "string_above_max_length", "session.model", 512),
        (session(include=["item.input_audio_transcription.logprobs"] * 17), "above_max_length", "session.include", 16),
        (
            session(audio={"input": {"transcription": {"model": "m", "keywords": ["k"] * 257}}}),
            "above_max_length",
            "session.audio.input.transcription.keywords",
            256,
        ),
        (
            session(audio={"input": {"transcription": {"model": "m", "prompt": "p" * 16_385}}}),
            "string_above_max_length",
            "session.audio.input.transcription.prompt",
            16_384,
        ),
        (
            session(audio={"output": {"voice": "v" * 513}}),
            "string_above_max_length",
            "session.audio.output.voice",
            512,
        ),
        (response(input=[{"type": "item_reference", "id": "x"}] * 1001), "above_max_length", "response.input", 1000),
        (
            response(input=[{"type": "item_reference", "id": "x" * 513}]),
            "string_above_max_length",
            "response.input[0].id",
            512,
        ),
        (response(instructions=LONG), "string_above_max_length", "response.instructions", 500_000),
        (response(tools=[tool(parameters=SCHEMA)] * 30), TOO_LARGE, "response.tools", session_models.MAX_TOOLS_BYTES),
        (response(metadata={str(n): "" for n in range(5000)}), "above_max_length", "response.metadata", 16),
        ({"type": "conversation.item.delete", "item_id": "x" * 513}, "string_above_max_length", "item_id", 512),
        ({"type": "conversation.item.retrieve", "item_id": "x" * 513}, "string_above_max_length", "item_id", 512),
        ({"type": "response.cancel", "response_id": "x" * 513}, "string_above_max_length", "response_id", 512),
        (
            {"type": "conversation.item.create", "previous_item_id": "x" * 513, "item": {}},
            "string_above_max_length",
            "previous_item_id",
            512,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_bound_is_a_named_error(event: dict[str, Any], code: str, param: str, limit: int) -> None:
    with pytest.raises(CallerError) as refused:
        take(event)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert str(limit) in refused.value.message


def take(event: dict[str, Any]) -> None:
    parsed = parse_client_event(orjson.dumps(event))
    begun = SessionObject.begin(id="sess", model="m", expires_at=0)
    if parsed.type == "session.update":
        begun.update(parsed.session)
    elif parsed.type == "response.create":
        begun.merge_response(parsed.response)


def test_a_message_has_so_many_parts() -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": ""}] * 129}
    with pytest.raises(CallerError) as refused:
        parse_item(item, "item", PCM16_24K)
    assert (refused.value.code, refused.value.param) == ("above_max_length", "item.content")
    assert str(item_models.MAX_PARTS) in refused.value.message


def test_many_unknown_fields_are_one_error() -> None:
    with pytest.raises(CallerError) as refused:
        take(session(**{f"x{number}": number for number in range(15_000)}))
    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "session.x0")
    with pytest.raises(CallerError) as refused:
        take({"type": "response.cancel", **{f"x{number}": number for number in range(15_000)}})
    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "x0")


def test_what_is_told_of_a_value_is_short() -> None:
    for event in (
        session(**{"x" * 300_000: 1}),
        session(output_modalities=["text", "audio"] * 5000),
        session(tool_choice="x" * 300_000),
        response(conversation=["x" * 300_000] * 3),
        {"type": "x" * 300_000},
    ):
        with pytest.raises(CallerError) as refused:
            take(event)
        assert len(refused.value.message) + len(refused.value.param or "") < 2000


def test_what_was_written_once_is_not_written_again() -> None:
    begun = SessionObject.begin(id="sess", model="m", expires_at=0)
    large = begun.update(session(instructions="x" * 100_000, tools=[tool(parameters=SCHEMA)] * 20)["session"])
    first = large.echo()
    again = large.update({"type": "realtime"}).update({"type": "realtime", "tool_choice": "none"})
    second = again.echo()
    assert first["tools"] is second["tools"]
    assert first["instructions"] is second["instructions"]
    assert again.to_config().response.tools is large.to_config().response.tools
    shown = orjson.loads(orjson.dumps(second))
    assert shown["instructions"] == "x" * 100_000
    assert shown["tools"] == [tool(parameters=SCHEMA)] * 20
    other = again.update({"type": "realtime", "tools": [tool()]})
    assert orjson.loads(orjson.dumps(other.echo()))["tools"] == [tool()]
    assert orjson.loads(orjson.dumps(again.echo()))["tools"] == [tool(parameters=SCHEMA)] * 20
