"""When the demo model calls a tool, and with which arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bargein.demo.intents import Asked, Intent, numbers_in

_PLACE: Final = re.compile(r"\b(?:in|for|at|of|about|to)\s+(?:the\s+)?(?P<place>\w+(?: (?:york|francisco))?)\b")
_FRAGMENT_CHARS: Final = 7
_COMMON: Final = {"get", "set", "the", "fetch", "find", "lookup", "query", "current", "tool", "call", "me", "a"}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one tool.

    :ivar arguments: JSON.
    """

    name: str
    arguments: str

    def fragments(self) -> Iterator[str]:
        """The arguments as they are streamed: at least two pieces, cut without regard to JSON."""
        size = min(_FRAGMENT_CHARS, max(1, len(self.arguments) // 2))
        for at in range(0, len(self.arguments), size):
            yield self.arguments[at : at + size]


class Tools:
    """The tools that a request offers.

    :param functions: the ``function`` objects of the request.
    :param choice: its ``tool_choice``.
    """

    def __init__(self, functions: Sequence[Mapping[str, Any]], choice: str | Mapping[str, Any]) -> None:
        self._functions = {function["name"]: function for function in functions}
        self._choice = choice

    def forced(self, words: str) -> ToolCall | None:
        """The call that ``tool_choice`` demands."""
        match self._choice:
            case {"function": {"name": str(name)}} if name in self._functions:
                return self._call(name, words)
            case "required" if self._functions:
                named = (name for name in self._functions if _named(name, words))
                return self._call(next(named, next(iter(self._functions))), words)
            case _:
                return None

    def wanted(self, asked: Asked) -> ToolCall | None:
        """The tool that the caller's words ask for: ``get_time`` for the time, others by the words of their names."""
        if self._choice == "none":
            return None
        if asked.intent is Intent.TIME and "get_time" in self._functions:
            return self._call("get_time", asked.words)
        if asked.intent not in {Intent.TIME, Intent.WEATHER, Intent.ERRAND, Intent.UNKNOWN}:
            return None
        return next((self._call(name, asked.words) for name in self._functions if _named(name, asked.words)), None)

    def _call(self, name: str, words: str) -> ToolCall:
        schema = self._functions[name].get("parameters") or {}
        properties, required = schema.get("properties") or {}, schema.get("required") or []
        place = _PLACE.search(words)
        values = {key: _value(properties.get(key) or {}, key, place and place["place"], words) for key in required}
        return ToolCall(name, json.dumps(values))


def _named(name: str, words: str) -> bool:
    parts = [part for part in re.split(r"[^a-z]+", name.lower()) if part and part not in _COMMON]
    return any(re.search(rf"\b{re.escape(part)}", words) for part in parts)


def _value(schema: dict[str, Any], key: str, place: str | None, words: str) -> object:
    """Something that fits the parameter's schema; a place name or the caller's words for a text."""
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "integer" | "number":
            return next(numbers_in(words), 1)
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return {}
        case _:
            return "UTC" if "zone" in key else (place or "Paris").title() if key != "query" else words
