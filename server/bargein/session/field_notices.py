"""Says in the log, once in a process's life, which fields callers set that do nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from structlog.typing import FilteringBoundLogger

from bargein.wire.field_effects import without_effect

Json = dict[str, Any]


class FieldNotices:
    """One for all sessions: whoever runs the server wants to know it, not a thousand times.

    :param server: the flavour of the model's server.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._told: set[str] = set()

    def note_kept(self, agent: str, ignored: Iterable[str], log: FilteringBoundLogger) -> None:
        """A caller would change what an agent keeps to itself."""
        for name in ignored:
            if (told := f"{agent} {name}") not in self._told:
                self._told.add(told)
                log.info(
                    "an agent keeps what a caller would change", agent=agent, field=name, unless="callers_may_change"
                )

    def note(self, kind: Literal["session", "response"], given: Json | None, log: FilteringBoundLogger) -> None:
        """Look at what a caller has sent, after it has been accepted."""
        for effect in without_effect(kind, given or {}, self._server):
            if effect.path not in self._told:
                self._told.add(effect.path)
                why = f"{self._server} has nothing like it" if effect.effect == "model" else effect.does
                log.info("a field has no effect", field=effect.path, why=why)
