"""Fragments of tool calls, put in order: servers differ in how much of ``index`` and ``id`` they send."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bargein.core.completion import ToolCallPiece
from bargein.upstream.lenient import as_json, whole_number


@dataclass(slots=True)
class _Call:
    call_id: str
    given_id: str | None
    """What the server calls it, if it does: two of its calls may share an id."""
    name: str | None = None
    arguments: str = ""
    index: int | None = None
    """Its number among the calls that were told; ``None`` while it has no name."""


class ToolCallReader:
    """One reply's tool calls. The first piece of every index carries an id and a name, the others neither.

    OpenAI gives the index always and the id once. Others repeat the id, leave the index out, number every call 0, give
    the same id to two calls, or no id at all. A call is told once its name is known.
    """

    __slots__ = ("_by_index", "_calls", "_told")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int | None, _Call] = {}
        self._told = 0

    def __bool__(self) -> bool:
        """Whether the reply has called a tool."""
        return self._told > 0

    def read(self, fragment: Mapping[str, Any]) -> ToolCallPiece | None:
        """One entry of ``delta.tool_calls``, or a ``delta.function_call`` under ``function``."""
        function = fragment.get("function")
        function = function if isinstance(function, dict) else fragment
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = as_json(arguments) if arguments else ""
        name, given, index = _text(function.get("name")), _text(fragment.get("id")), whole_number(fragment.get("index"))
        call = self._which(index, given, name, arguments)
        if call is None:
            if name is None and given is None and not arguments:
                return None
            call_id = given if given is not None and all(known.call_id != given for known in self._calls) else None
            call = _Call(call_id or f"call_{secrets.token_hex(12)}", given)
            self._calls.append(call)
            self._by_index[index] = call
        call.arguments += arguments
        if call.index is not None:
            return ToolCallPiece(call.index, None, None, arguments)
        if name is None:
            return None
        call.name, call.index, self._told = name, self._told, self._told + 1
        return ToolCallPiece(call.index, call.call_id, name, call.arguments)

    def _which(self, index: int | None, given: str | None, name: str | None, arguments: str) -> _Call | None:
        """The known call that a fragment belongs to, or ``None`` for a new one."""
        known = self._by_index.get(index)
        same = next((call for call in reversed(self._calls) if given is not None and call.given_id == given), None)
        if same is not None:
            # Its id again: more of it, or another call that the server gave the same id.
            numbered = index is not None and known is None
            return None if name is not None and (numbered or _is_another(same, name, arguments)) else same
        if known is not None and (given is None or name is None):
            return None if name is not None and _is_another(known, name, arguments) else known
        if known is None and given is None and name is None and self._calls:
            return self._calls[-1]
        return None


def _is_another(call: _Call, name: str, arguments: str) -> bool:
    """Whether a fragment that brings a name cannot belong to ``call``: it has another, or its arguments are whole."""
    return call.name is not None and (call.name != name or (bool(arguments) and _is_whole(call.arguments)))


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def _is_whole(arguments: str) -> bool:
    """Whether these are a call's arguments from beginning to end: no more can follow."""
    try:
        return isinstance(orjson.loads(arguments), dict)
    except orjson.JSONDecodeError:
        return False
