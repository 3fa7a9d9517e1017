"""How much may be spent, and how far it is to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Scope = Literal["response", "session", "key_day", "day"]

WARNING_SHARE: Final = 0.8
"""Of a cap, from which on it is warned of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """In US dollars; ``None``: there is none. Days are those of UTC."""

    response: float | None = None
    session: float | None = None
    key_day: float | None = None
    """Of one key in a day."""
    day: float | None = None
    """Of everybody in a day."""

    @property
    def any(self) -> bool:
        return self != Caps()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a cap stands."""

    scope: Scope
    limit: float
    """In dollars."""
    spent: float
    resets_at: int | None
    """When it is free again, in Unix seconds; ``None``: never, as within one session."""

    @property
    def share(self) -> float:
        return self.spent / self.limit if self.limit else 1.0

    @property
    def warning(self) -> bool:
        return self.share >= WARNING_SHARE


@dataclass(frozen=True, slots=True)
class Full:
    """A cap that has no room for another turn."""

    standing: Standing
    held: float
    """Of it, what turns in progress may come to at most: it may be free again as soon as they end."""

    @property
    def is_spent(self) -> bool:
        return self.standing.spent >= self.standing.limit
