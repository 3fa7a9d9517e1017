"""What is held in memory by what a test has made."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """What was allocated and not freed."""

    blocks: int
    size_bytes: int


def held_after(make: Callable[[], object]) -> Held:
    """What is held once ``make`` has returned, besides what it returns to nobody."""
    tracemalloc.start()
    try:
        make()
        statistics = tracemalloc.take_snapshot().statistics("filename")
    finally:
        tracemalloc.stop()
    return Held(sum(one.count for one in statistics), sum(one.size for one in statistics))
