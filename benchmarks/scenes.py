"""A short run of ``bargein bench``, against its floors: what a good server does in so many of each class of scenes.

Every class's share of scenes in which the right thing was done must reach its floor in ``floors.json`` (``scenes``),
no delay may be above its ceiling, and no sample may be lost or repeated. Everything is on a virtual clock: the figures
are the same on every machine that has the same voices.

Run: ``python -m benchmarks.scenes`` (a minute).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bargein.bench.kinds import seeded_scenes
from bargein.bench.run import Configuration, run_scenes
from bargein.bench.scene import Spoken
from bargein.bench.summary import Row, Summary, summarize
from bargein.bench.table import WIDE, family_tables
from bargein.bench.voices import VOICES

FLOORS: Final = Path(__file__).with_name("floors.json")
EVERY: Final = 4
"""Of the scenes: so many are left out between two."""


def main() -> int:
    scenes = [scene for scene in seeded_scenes(1) if not _needs_flite(scene.sound)][::EVERY]
    summary = summarize("default", "all", list(run_scenes(scenes, Configuration("default"))), 0.0)
    console = Console(width=WIDE)
    console.print(*family_tables(summary, kinds=False))
    complaints = below(summary, json.loads(FLOORS.read_text(encoding="utf-8"))["scenes"])
    for complaint in complaints:
        console.print(f"[red]{complaint}[/]")
    return 1 if complaints else 0


def _needs_flite(sound: object) -> bool:
    """It may not be there, and then its scenes would be others."""
    return isinstance(sound, Spoken) and VOICES[sound.voice].program != "espeak-ng"


def below(summary: Summary, floors: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What is not as good as it must be, in words.

    :param floors: by class: ``right``, the least share; ``hold_p95`` and such, the most milliseconds; ``false_per_h``.
    """
    rows = {row.name: row for row in [*summary.families, *summary.goals]}
    complaints = []
    for name, limits in floors.items():
        row = rows.get(name)
        if row is None:
            complaints.append(f"{name}: there are no such scenes")
            continue
        complaints += [complaint for key, limit in limits.items() if (complaint := _beyond(row, key, limit))]
    changed = sum(row.lost_samples + row.repeated_samples for row in summary.families)
    return [*complaints, f"{changed} samples were lost or repeated"] if changed else complaints


def _beyond(row: Row, key: str, limit: float) -> str | None:
    value = _figure(row, key)
    if value is None:
        return f"{row.name}: {key} was not measured"
    fails = value < limit if key == "right" else value > limit
    return (
        f"{row.name}: {key} is {value:g}, and must be {'at least' if key == 'right' else 'at most'} {limit:g}"
        if fails
        else None
    )


def _figure(row: Row, key: str) -> float | None:
    if key == "right":
        return row.share
    if key == "false_per_h":
        return row.false_interruptions_per_h if row.false_turns_per_h is None else row.false_turns_per_h
    what, _, at = key.rpartition("_")
    spread: Any = getattr(row, what)
    value: float | None = getattr(spread, at)
    return value


if __name__ == "__main__":
    sys.exit(main())
