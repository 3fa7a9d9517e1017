"""What was looked at, and what was found."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    GOOD = "ok"
    DOUBTFUL = "warn"
    """Callers are served, but not as they could be."""
    BAD = "bad"
    """No caller can be served."""
    TOLD = "--"
    """Nothing to judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing.

    :ivar advice: what to do about it, or "".
    """

    what: str
    state: State
    found: str
    advice: str = ""
