"""The table of what each field does: complete, and of use to the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from bargein.wire import session_models
from bargein.wire.beta import without_counterpart
from bargein.wire.field_effects import Kind, field_effects, without_effect

MODELS: dict[str, type[BaseModel]] = {
    "session": session_models.SessionFields,
    "response": session_models.ResponseFields,
}


def nested(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from nested(part)


def without_row(model: type[BaseModel], path: str, known: set[str]) -> Iterator[str]:
    """Fields that have neither a row of their own nor rows for what is in them."""
    for name, field in model.model_fields.items():
        here = f"{path}{name}"
        inside_listed = any(row.startswith(f"{here}.") for row in known)
        if here not in known and not inside_listed:
            yield here
        elif inside_listed:
            for inner in nested(field.annotation):
                yield from (left for left in without_row(inner, f"{here}.", known) if left != f"{here}.type")


@pytest.mark.parametrize("kind", MODELS)
def test_every_field_has_its_row(kind: str) -> None:
    known = {row.field for row in field_effects() if row.kind == kind}
    assert list(without_row(MODELS[kind], "", known)) == []


@pytest.mark.parametrize("kind", MODELS)
def test_every_row_has_its_field(kind: str) -> None:
    for row in field_effects():
        if row.kind == kind and not row.only_beta:
            models = [MODELS[kind]]
            for name in row.field.split("."):
                fields = [model.model_fields[name] for model in models if name in model.model_fields]
                assert fields, row.field
                models = [inner for field in fields for inner in nested(field.annotation)]


def told(kind: Any, given: dict[str, Any], server: str = "openai") -> list[str]:  # noqa: ANN401
    return [row.field for row in without_effect(kind, given, server)]


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, []),
        ({"instructions": "x", "audio": {"input": {"turn_detection": None}}}, []),
        ({"audio": {"output": {"speed": 1.5}}}, ["audio.output.speed"]),
        ({"audio": {"output": {"speed": 1.0}}}, []),
        ({"audio": {"output": {"speed": 1}}}, []),
        ({"audio": {"input": {"noise_reduction": {"type": "near_field"}}}}, ["audio.input.noise_reduction"]),
        ({"audio": {"input": {"noise_reduction": None}}, "tracing": None, "prompt": None}, []),
        ({"tracing": "auto", "prompt": {"id": "p"}}, ["tracing", "prompt"]),
        ({"audio": {"input": {"transcription": {"model": "m", "delay": "low"}}}}, ["audio.input.transcription.delay"]),
        ({"reasoning": {"effort": "low"}, "parallel_tool_calls": False}, []),
    ],
)
def test_what_a_session_sets_in_vain(given: dict[str, Any], fields: list[str]) -> None:
    assert told("session", given) == fields


def test_what_some_servers_have_nothing_like() -> None:
    given = {"reasoning": {"effort": "low"}, "parallel_tool_calls": False}
    assert told("session", given, "sglang-omni") == ["parallel_tool_calls", "reasoning"]
    assert told("response", given, "sglang-omni") == ["parallel_tool_calls", "reasoning"]


@pytest.mark.parametrize("kind", MODELS)
def test_what_only_the_beta_has_is_in_the_table_too(kind: Kind) -> None:
    dropped = {row.field for row in field_effects() if row.kind == kind and row.only_beta}
    assert dropped == without_counterpart({kind: {"temperature": 0.6, "voice": "echo"}}).keys() == {"temperature"}
    assert told(kind, {"temperature": 0.6}) == ["temperature"]
    assert not dropped & MODELS[kind].model_fields.keys()


def test_what_a_response_sets_in_vain() -> None:
    assert told("response", {"prompt": {"id": "p"}, "metadata": {"a": "b"}}) == ["prompt"]
