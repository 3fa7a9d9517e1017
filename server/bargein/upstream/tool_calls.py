"""Fragments of tool calls, put in order: servers differ in how much of ``index`` and ``id`` they send."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bargein.core.completion import ToolCallPiece, is_whole
from bargein.upstream.lenient import as_json, whole_number
from bargein.upstream.letters import Letters


@dataclass(slots=True)
class _Call:
    call_id: str
    given_id: str | None
    """What the server calls it, if it does: two of its calls may share an id."""
    name: str | None = None
    arguments: str = ""
    index: int | None = None
    """Its number among the calls that were told; ``None`` before."""
    letters: Letters = field(default_factory=Letters)


class ToolCallReader:
    """One reply's tool calls. The first piece of every index carries an id and a name, the others neither.

    OpenAI gives the index always and the id once. Others repeat the id, leave the index out, number every call 0, give
    the same id to two calls, or no id at all. Some cut the name, others give it again with every fragment, and nothing
    but its arguments says that it is whole: a call is told once they begin, or another call, or at the end.

    :param tools: names of the tools that there are, where they are known: the model calls these, as a rule.
    """

    __slots__ = ("_by_index", "_calls", "_told", "_tools", "characters")

    def __init__(self, tools: Collection[str] = ()) -> None:
        self._tools = tools
        self._calls: list[_Call] = []
        self._by_index: dict[int | None, _Call] = {}
        self._told = 0
        self.characters = 0
        """Of all names and arguments, those too that were not told yet."""

    @property
    def count(self) -> int:
        """How many calls there are, those too that were not told yet."""
        return len(self._calls)

    def __bool__(self) -> bool:
        """Whether the reply has called a tool."""
        return any(call.name is not None for call in self._calls)

    def read(self, fragment: Mapping[str, Any]) -> list[ToolCallPiece]:
        """One entry of ``delta.tool_calls``, or a ``delta.function_call`` under ``function``."""
        function = fragment.get("function")
        function = function if isinstance(function, dict) else fragment
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = as_json(arguments) if arguments else ""
        name, given, index = _text(function.get("name")), _text(fragment.get("id")), whole_number(fragment.get("index"))
        pieces: list[ToolCallPiece] = []
        call = self._which(index, given, name, arguments)
        if call is None:
            if name is None and given is None and not arguments:
                return []
            pieces = self.end()
            call_id = given if given is not None and all(known.call_id != given for known in self._calls) else None
            call = _Call(call_id or f"call_{secrets.token_hex(12)}", given)
            self._calls.append(call)
            self._by_index[index] = call
        if name is not None and call.index is None:
            call.name = name if call.name is None else self._grown(call.name, name)
            self.characters += len(name)
        self.characters += len(arguments)
        arguments = call.letters.feed(arguments)
        call.arguments += arguments
        if call.index is None:
            if call.name is not None and call.arguments:
                pieces.append(self._tell(call, call.name))
        elif arguments:
            pieces.append(ToolCallPiece(call.index, None, None, arguments))
        return pieces

    def end(self) -> list[ToolCallPiece]:
        """The calls that only have a name, which is whole now, and halves of letters: no more of them will come."""
        pieces: list[ToolCallPiece] = []
        for call in self._calls:
            half = call.letters.end()
            call.arguments += half
            if call.index is not None:
                pieces += [ToolCallPiece(call.index, None, None, half)] if half else []
            elif call.name is not None:
                pieces.append(self._tell(call, call.name))
        return pieces

    def _tell(self, call: _Call, name: str) -> ToolCallPiece:
        call.index, self._told = self._told, self._told + 1
        return ToolCallPiece(call.index, call.call_id, name, call.arguments)

    def _which(self, index: int | None, given: str | None, name: str | None, arguments: str) -> _Call | None:
        """The known call that a fragment belongs to, or ``None`` for a new one."""
        known = self._by_index.get(index)
        same = next((call for call in reversed(self._calls) if given is not None and call.given_id == given), None)
        if same is not None:
            # Its id again: more of it, or another call that the server gave the same id.
            numbered = index is not None and known is None
            return None if name is not None and (numbered or self._is_another(same, name, arguments)) else same
        if known is not None and (given is None or name is None):
            return None if name is not None and self._is_another(known, name, arguments) else known
        if known is None and given is None and name is None and self._calls:
            return self._calls[-1]
        return None

    def _is_another(self, call: _Call, name: str, arguments: str) -> bool:
        """Whether a fragment that brings a name cannot belong to ``call``."""
        if call.name is None:
            return False
        if call.index is None and not call.arguments:
            return self._grown(call.name, name) is None
        return call.name != name or (bool(arguments.strip()) and _is_whole(call.arguments))

    def _grown(self, name: str, more: str) -> str | None:
        """The name so far, of a call without arguments, and what comes next as a name: ``None`` where that is another
        call's.
        """
        ways = [name + more]
        if more.startswith(name):
            ways.insert(0, more)  # The same again, or as far as it is known by now.
        for way in ways:
            if way in self._tools:
                return way
        for way in ways:
            if any(tool.startswith(way) for tool in self._tools):
                return way
        return None if more in self._tools else ways[0]


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def _is_whole(arguments: str) -> bool:
    """Whether these are a call's arguments from beginning to end: no more can follow."""
    return arguments.rstrip().endswith("}") and is_whole(arguments)
