"""Words that the model was told, against words heard."""

from __future__ import annotations

from dataclasses import dataclass

from bargein.load.measures import Measures


@dataclass(slots=True)
class WordLog:
    url: str
    measures: Measures

    def instructions(self, caller: int, call: int) -> str | None:
        return f"caller {caller}, call {call}"

    async def compare(self) -> None:
        return None
