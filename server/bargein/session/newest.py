"""What a session remembers of things that come one after the other, bounded."""

from __future__ import annotations

from typing import Any


def keep_newest(kept: dict[str, Any], most: int) -> None:
    """Forget the oldest entries, so that at most ``most`` are left."""
    while len(kept) > most:
        del kept[next(iter(kept))]
