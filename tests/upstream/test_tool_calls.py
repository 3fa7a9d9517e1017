"""Fragments of tool calls, as differently as servers number them."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.core.completion import ToolCallPiece
from bargein.upstream.tool_calls import ToolCallReader


def fragment(index: int | None, call_id: str | None, name: str | None, arguments: object = "") -> dict[str, Any]:
    given: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    return given | ({} if index is None else {"index": index}) | ({} if call_id is None else {"id": call_id})


def told(fragments: list[dict[str, Any]], *, tools: tuple[str, ...] = ()) -> list[ToolCallPiece]:
    """Every piece of a reply with these fragments."""
    reader = ToolCallReader(tools)
    return [piece for fragment in fragments for piece in reader.read(fragment)] + reader.end()


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
    calls: dict[int, list[str | None]] = {}
    for piece in told(fragments):
        if piece.index in calls:
            assert piece.call_id is None
            assert piece.name is None
            calls[piece.index][2] = f"{calls[piece.index][2]}{piece.arguments}"
        else:
            calls[piece.index] = [piece.call_id, piece.name, piece.arguments]
    assert calls == {0: [*A, "1"], 1: [*B, "2"]}


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
    ids, calls = dict[int, str | None](), dict[int, str]()
    for piece in told(fragments):
        ids.setdefault(piece.index, piece.call_id)
        calls[piece.index] = calls.get(piece.index, piece.name or "") + piece.arguments
    assert calls == {0: f"f{ONE}", 1: f"g{TWO}"}
    assert ids[0] != ids[1]


def test_the_same_function_twice_with_one_id() -> None:
    assert [piece.index for piece in told([fragment(0, "call", "f", ONE), fragment(0, "call", "f", TWO)])] == [0, 1]


def test_whole_arguments_with_half_a_letter_are_whole() -> None:
    """The model itself has written it so, escaped."""
    half = r'{"a":"\ud83d"}'
    assert [piece.index for piece in told([fragment(0, None, "f", half), fragment(0, None, "f", half)])] == [0, 1]


def test_blanks_behind_whole_arguments_are_no_other_call() -> None:
    """A server that gives the name with every fragment, and a model that ends with a line."""
    pieces = told([fragment(0, None, "f", arguments) for arguments in (ONE, "\n ")])
    assert [piece.index for piece in pieces] == [0, 0]


def test_a_call_that_is_told_again_whole_is_one_call() -> None:
    fragments = [fragment(0, *A, arguments) for arguments in ('{"a":', "1}", "")]
    assert told(fragments) == [ToolCallPiece(0, *A, '{"a":'), ToolCallPiece(0, None, None, "1}")]


@pytest.mark.parametrize("nothing", [{}, {"function": None}, {"a": 1}, {"function": {"arguments": ""}, "index": 3}])
def test_what_is_no_call(nothing: dict[str, Any]) -> None:
    reader = ToolCallReader()
    assert reader.read(nothing) == []
    assert reader.end() == []
    assert not reader


def test_a_call_without_id_gets_one() -> None:
    (first,), (second,) = told([fragment(0, None, "f")]), told([fragment(0, None, "f")])
    assert first.call_id
    assert first.call_id != second.call_id
    assert first.name == "f"


def test_arguments_that_are_no_text() -> None:
    assert told([fragment(0, *A, {"city": "Oslo"})])[0].arguments == '{"city":"Oslo"}'
    assert told([fragment(0, *A, None)])[0].arguments == ""


# Names in pieces.


TOOLS = ("get", "get_weather", "get_time", "gogo")


@pytest.mark.parametrize("tools", [(), TOOLS], ids=["unknown tools", "known tools"])
@pytest.mark.parametrize("call_id", ["call_a", None])
@pytest.mark.parametrize("repeats_id", [True, False])
@pytest.mark.parametrize(
    ("names", "whole"),
    [
        pytest.param(["get_weather"], "get_weather", id="at once"),
        pytest.param(["get_", "weather"], "get_weather", id="cut"),
        pytest.param(["g", "et", "_wea", "ther"], "get_weather", id="cut often"),
        pytest.param(["get", "_weather"], "get_weather", id="cut behind another tool's name"),
        pytest.param(["get_weather"] * 3, "get_weather", id="repeated"),
        pytest.param(["get_", "get_weather"], "get_weather", id="as it grows"),
        pytest.param(["do_", "some", "thing"], "do_something", id="cut, of no tool"),
    ],
)
def test_a_name_in_pieces(
    names: list[str], whole: str, repeats_id: bool, call_id: str | None, tools: tuple[str, ...]
) -> None:
    fragments = [fragment(0, call_id if repeats_id or not at else None, name) for at, name in enumerate(names)]
    pieces = told([*fragments, fragment(0, None, None, '{"a":'), fragment(0, None, None, "1}")], tools=tools)
    assert [(piece.index, piece.name, piece.arguments) for piece in pieces] == [(0, whole, '{"a":'), (0, None, "1}")]
    assert pieces[0].call_id == (call_id or pieces[0].call_id)


def test_a_name_of_two_equal_halves() -> None:
    assert [piece.name for piece in told([fragment(0, "call_a", "go"), fragment(0, None, "go")], tools=TOOLS)] == [
        "gogo"
    ]


def test_a_name_that_comes_with_every_piece_of_the_arguments() -> None:
    pieces = told([fragment(0, "call_a", "get_time", part) for part in ("", '{"a":', '"}"', "}")], tools=TOOLS)
    assert {piece.index for piece in pieces} == {0}
    assert pieces[0].name == "get_time"
    assert "".join(piece.arguments for piece in pieces) == '{"a":"}"}'


@pytest.mark.parametrize("end", [fragment(1, "call_b", "get_time"), None])
def test_a_name_in_pieces_without_arguments(end: dict[str, Any] | None) -> None:
    fragments = [fragment(0, "call_a", "get_"), fragment(0, None, "weather"), *([end] if end else [])]
    pieces = told(fragments, tools=TOOLS)
    assert pieces[0] == ToolCallPiece(0, "call_a", "get_weather", "")
    assert [piece.name for piece in pieces[1:]] == (["get_time"] if end else [])


def test_two_calls_without_arguments_that_share_a_number() -> None:
    pieces = told([fragment(0, None, "get_weather"), fragment(0, None, "get_time")], tools=TOOLS)
    assert [(piece.index, piece.name) for piece in pieces] == [(0, "get_weather"), (1, "get_time")]


def test_what_waits_for_its_name_is_counted() -> None:
    reader = ToolCallReader()
    reader.read(fragment(0, "call_a", None, "x" * 100))
    reader.read(fragment(0, None, "f" * 10))
    assert (reader.count, reader.characters) == (1, 110)
