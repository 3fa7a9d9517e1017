"""Runs scenes, in this process or in several."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bargein.bench.call import Call
from bargein.bench.making import make_setup
from bargein.bench.outcome import Outcome
from bargein.bench.scene import Scene
from bargein.session.setup import Services

CHUNK = 16


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings under a name.

    :param settings: overrides, by the settings' names without their prefix.
    :param words: what is heard of an utterance is told by the scene's known text: no recogniser errs.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    words: bool = False


def run_scenes(scenes: Sequence[Scene], configuration: Configuration, processes: int = 1) -> Iterator[Outcome]:
    """Run them, and give what came of each, in order.

    :raises BargeinError: a setting is wrong, or a voice or a file is missing.
    """
    if processes <= 1:
        yield from _run(scenes, configuration)
        return
    chunks = [scenes[at : at + CHUNK] for at in range(0, len(scenes), CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        for outcomes in pool.map(_run_chunk, chunks, [configuration] * len(chunks)):
            yield from outcomes


def _run_chunk(scenes: Sequence[Scene], configuration: Configuration) -> list[Outcome]:
    return list(_run(scenes, configuration))


def _run(scenes: Iterable[Scene], configuration: Configuration) -> Iterator[Outcome]:
    setup = _setup(tuple(sorted(configuration.settings.items())), configuration.words)
    for scene in scenes:
        yield Call(scene, setup).run()


@functools.lru_cache(8)
def _setup(settings: tuple[tuple[str, Any], ...], words: bool) -> Services:  # a key of the cache
    return make_setup(dict(settings), words=words)
