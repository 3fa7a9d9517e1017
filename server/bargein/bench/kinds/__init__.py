"""The scenes that there are: a file for what people say, for other sounds, for echo, for turns, for folders."""

from __future__ import annotations

from collections.abc import Iterator

from bargein.bench.kinds.echoes import echoes
from bargein.bench.kinds.noises import noises
from bargein.bench.kinds.people import people
from bargein.bench.kinds.turns import turns
from bargein.bench.scene import Scene


def seeded_scenes(seeds: int) -> Iterator[Scene]:
    """All that are made by calculation.

    :param seeds: how many of each that only chance tells apart.
    """
    yield from people(seeds)
    yield from noises(seeds)
    yield from echoes(seeds)
    yield from turns(seeds)
