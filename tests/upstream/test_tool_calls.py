"""Fragments of tool calls, as differently as servers number them."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.upstream.tool_calls import ToolCallReader


def fragment(index: int | None, call_id: str | None, name: str | None, arguments: object = "") -> dict[str, Any]:
    given: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    return given | ({} if index is None else {"index": index}) | ({} if call_id is None else {"id": call_id})


A, B = ("call_a", "f"), ("call_b", "g")


@pytest.mark.parametrize(
    "fragments",
    [
        pytest.param(
            [fragment(0, *A), fragment(0, None, None, "1"), fragment(1, *B), fragment(1, None, None, "2")], id="openai"
        ),
        pytest.param(
            [fragment(0, *A), fragment(1, *B), fragment(0, None, None, "1"), fragment(1, None, None, "2")], id="mixed"
        ),
        pytest.param(
            [fragment(1, *A), fragment(1, None, None, "1"), fragment(2, *B), fragment(2, None, None, "2")], id="from 1"
        ),
        pytest.param([fragment(0, *A), fragment(0, *A, "1"), fragment(1, *B), fragment(1, *B, "2")], id="repeated"),
        pytest.param([fragment(0, *A, "1"), fragment(0, *B, "2")], id="all 0"),
        pytest.param([fragment(None, *A), fragment(None, None, None, "1"), fragment(None, *B, "2")], id="no index"),
        pytest.param([fragment(0, *A), fragment(0, "other", None, "1"), fragment(1, *B, 2)], id="a new id every time"),
        pytest.param(
            [{"id": "call_a", "index": 0}, fragment(0, None, "f"), fragment(0, None, None, "1"), fragment(1, *B, "2")],
            id="the name later",
        ),
        pytest.param(
            [{"id": "call_a", "name": "f", "arguments": "1"}, {"id": "call_b", "name": "g", "arguments": "2"}],
            id="flat",
        ),
        pytest.param([fragment(0.0, *A, "1"), fragment("1", *B, "2")], id="numbers of other kinds"),  # type: ignore[arg-type]
    ],
)
def test_two_calls(fragments: list[dict[str, Any]]) -> None:
    reader = ToolCallReader()
    calls: dict[int, list[str | None]] = {}
    for piece in filter(None, map(reader.read, fragments)):
        if piece.index in calls:
            assert piece.call_id is None
            assert piece.name is None
            calls[piece.index][2] = f"{calls[piece.index][2]}{piece.arguments}"
        else:
            calls[piece.index] = [piece.call_id, piece.name, piece.arguments]
    assert calls == {0: [*A, "1"], 1: [*B, "2"]}
    assert reader


ONE, TWO = '{"a":1}', '{"b":2}'


@pytest.mark.parametrize(
    "fragments",
    [
        pytest.param([fragment(0, "call", "f", ONE), fragment(1, "call", "g", TWO)], id="at once"),
        pytest.param(
            [
                fragment(0, "call", "f"),
                fragment(0, None, None, ONE),
                fragment(1, "call", "g"),
                fragment(1, None, None, TWO),
            ],
            id="in fragments",
        ),
        pytest.param([fragment(0, "call", "f", ONE), fragment(0, "call", "g", TWO)], id="all 0"),
        pytest.param([fragment(None, "call", "f", ONE), fragment(None, "call", "g", TWO)], id="no index"),
        pytest.param([fragment(None, None, "f", ONE), fragment(None, None, "g", TWO)], id="no index, no id"),
    ],
)
def test_two_calls_with_one_id(fragments: list[dict[str, Any]]) -> None:
    reader = ToolCallReader()
    ids, told = dict[int, str | None](), dict[int, str]()
    for piece in filter(None, map(reader.read, fragments)):
        ids.setdefault(piece.index, piece.call_id)
        told[piece.index] = told.get(piece.index, piece.name or "") + piece.arguments
    assert told == {0: f"f{ONE}", 1: f"g{TWO}"}
    assert ids[0] != ids[1]


def test_the_same_function_twice_with_one_id() -> None:
    reader = ToolCallReader()
    pieces = [reader.read(fragment(0, "call", "f", arguments)) for arguments in (ONE, TWO)]
    assert [piece.index for piece in pieces] == [0, 1]


def test_a_call_that_is_told_again_whole_is_one_call() -> None:
    reader = ToolCallReader()
    pieces = [reader.read(fragment(0, *A, arguments)) for arguments in ('{"a":', "1}", "")]
    assert [piece.index for piece in pieces] == [0, 0, 0]


@pytest.mark.parametrize("nothing", [{}, {"function": None}, {"a": 1}, {"function": {"arguments": ""}, "index": 3}])
def test_what_is_no_call(nothing: dict[str, Any]) -> None:
    reader = ToolCallReader()
    assert reader.read(nothing) is None
    assert not reader


def test_a_call_without_id_gets_one() -> None:
    first, second = ToolCallReader().read(fragment(0, None, "f")), ToolCallReader().read(fragment(0, None, "f"))
    assert first.call_id
    assert first.call_id != second.call_id
    assert first.name == "f"


def test_arguments_that_are_no_text() -> None:
    assert ToolCallReader().read(fragment(0, *A, {"city": "Oslo"})).arguments == '{"city":"Oslo"}'
    assert ToolCallReader().read(fragment(0, *A, None)).arguments == ""
