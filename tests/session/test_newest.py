"""What is remembered is bounded."""

from __future__ import annotations

from bargein.session.newest import keep_newest


def test_the_oldest_are_forgotten() -> None:
    kept = {"a": 1, "b": 2, "c": 3}
    keep_newest(kept, 3)
    assert list(kept) == ["a", "b", "c"]
    kept["d"] = 4
    keep_newest(kept, 3)
    assert list(kept) == ["b", "c", "d"]
