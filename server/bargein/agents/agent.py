"""One agent: the session that it begins with, and what callers may change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Json = dict[str, Any]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

PATHS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "instructions": (("instructions",),),
    "voice": (("audio", "output", "voice"),),
    "turn_detection": (("audio", "input", "turn_detection"),),
    "transcription": (("audio", "input", "transcription"),),
    "tools": (("tools",), ("tool_choice",)),
    "max_output_tokens": (("max_output_tokens",), ("max_response_output_tokens",)),
    "reasoning_effort": (("reasoning",),),
}
"""What an agent can keep to itself: where it stands in a session, or in the ``response`` of a ``response.create``."""
ALWAYS_KEPT: Final = frozenset({"instructions", "tools"})
"""Kept unless callers may change it, whether the file says it or not."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the server calls: an HTTP endpoint."""

    name: str
    description: str
    parameters: Json
    """JSON schema of an object."""
    method: Method
    url: str
    """``{name}`` in its path or query stands for the argument of that name."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 10.0

    def described(self) -> Json:
        """As the model is told of it, and as a session holds it."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as sessions use it. Immutable: all sessions share it."""

    name: str
    title: str
    description: str
    greeting: str
    """What it does first, for the model; empty: callers begin."""
    session: Json
    """What its sessions begin with, as ``session.update`` would have it, without its tools."""
    tools: tuple[Tool, ...]
    callers_may_change: frozenset[str]
    """Names out of :data:`PATHS`."""

    @property
    def kept(self) -> frozenset[str]:
        """What callers cannot change."""
        said = {name for name, paths in PATHS.items() if _value(self.session, paths[0]) is not _ABSENT}
        return (ALWAYS_KEPT | said) - self.callers_may_change

    @property
    def shows_instructions(self) -> bool:
        """Whether callers are shown what it is told: only those who may change it anyway."""
        return "instructions" in self.callers_may_change

    def tool(self, name: str) -> Tool | None:
        """The tool of that name that the server calls."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def demanded(self, choice: object) -> Tool | None:
        """The tool of these that a ``tool_choice``, not checked yet, says the model must call."""
        name = choice.get("name") if isinstance(choice, dict) else None
        return self.tool(name) if isinstance(name, str) else None

    def beginning(self) -> Json:
        """The whole session that it begins with."""
        return {**self.session, "tools": [tool.described() for tool in self.tools]}

    def allowed(self, patch: Json) -> tuple[Json, tuple[str, ...]]:
        """What a caller may change of a session.

        :param patch: the ``session`` of a ``session.update``, not checked yet. It stays as it is.
        :returns: what is left of it, and the names of what was asked for and is not done.
        """
        left, ignored = self._without_kept(patch)
        if isinstance(left.get("tools"), list):
            left["tools"] = [*(tool.described() for tool in self.tools), *self._foreign(left["tools"])]
        return left, ignored

    def allowed_response(self, params: Json | None) -> tuple[Json | None, tuple[str, ...]]:
        """The same for the ``response`` of a ``response.create``. Without tools may be asked for by everybody."""
        if params is None:
            return None, ()
        left, ignored = self._without_kept(params)
        if params.get("tool_choice") == "none":
            left["tool_choice"] = "none"
            ignored = tuple(name for name in ignored if name != "tools" or params.get("tools"))
        if isinstance(left.get("tools"), list):
            left["tools"] = self._foreign(left["tools"])
        return left, ignored

    def _without_kept(self, patch: Json) -> tuple[Json, tuple[str, ...]]:
        left, ignored = patch, []
        for name in sorted(self.kept):
            for path in PATHS[name]:
                given = _value(left, path)
                if given is _ABSENT:
                    continue
                left = _without(left, path)
                # SDKs send nothing as null, "" or []: no wish.
                if given not in (None, "", []) and given != _value(self.session, path) and name not in ignored:
                    ignored.append(name)
        return dict(left), tuple(ignored)

    def _foreign(self, tools: list[Any]) -> list[Any]:
        """A caller's tools, not checked yet, but those that have the name of one of the agent's."""
        return [tool for tool in tools if not (isinstance(tool, dict) and self.tool(str(tool.get("name"))))]


class _Absent:
    pass


_ABSENT: Final = _Absent()


def _value(patch: object, path: tuple[str, ...]) -> object:
    value: object = patch
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _without(patch: Json, path: tuple[str, ...]) -> Json:
    """A copy without the member at ``path``, which is there."""
    step, *rest = path
    copy = dict(patch)
    if rest:
        copy[step] = _without(copy[step], tuple(rest))
    else:
        del copy[step]
    return copy
