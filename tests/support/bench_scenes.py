"""Scenes that tests of the bench begin with."""

from __future__ import annotations

from bargein.bench.scene import Scene, Spoken, Wanted

INTERRUPTION = Scene(
    name="test/interruption",
    family="interruption",
    kind="quiet",
    wanted=Wanted.YIELD,
    set="tune",
    sound=Spoken("adam", "can I ask you something else"),
    at_s=2.0,
    level_db=-24,
    seconds=7.0,
    reply="bella",
    client="bargein.v1",
)
"""Somebody talks over a reply, in a quiet room."""
