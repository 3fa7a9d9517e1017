"""Fragments of tool calls, put in order: servers differ in how much of ``index`` and ``id`` they send."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from bargein.core.completion import ToolCallPiece


class ToolCallReader:
    """One reply's tool calls. The first piece of every index carries an id and a name, the others neither.

    OpenAI gives the index always and the id once. Others repeat the id, leave the index out, number every call 0, or
    give no id at all.
    """

    __slots__ = ("_by_index", "_ids")

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._by_index: dict[object, int] = {}

    def __bool__(self) -> bool:
        """Whether the reply has called a tool."""
        return bool(self._ids)

    def read(self, fragment: Mapping[str, Any]) -> ToolCallPiece:
        """One entry of ``delta.tool_calls``."""
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = orjson.dumps(arguments).decode() if arguments else ""
        name, call_id, given = function.get("name"), fragment.get("id"), fragment.get("index")
        index = self._which(given if isinstance(given, int) else None, call_id, name)
        if index is not None:
            return ToolCallPiece(index, None, None, arguments)
        index = len(self._ids)
        call_id = str(call_id) if call_id else f"call_{secrets.token_hex(12)}"
        self._ids.append(call_id)
        self._by_index[given if isinstance(given, int) else None] = index
        return ToolCallPiece(index, call_id, str(name or ""), arguments)

    def _which(self, given: int | None, call_id: object, name: object) -> int | None:
        """The known call that a fragment belongs to, or ``None`` for a new one."""
        if call_id in self._ids:
            return self._ids.index(str(call_id))
        known = self._by_index.get(given)
        if known is not None and not (call_id and name):
            return known
        if known is None and not call_id and not name and self._ids:
            return len(self._ids) - 1
        return None
