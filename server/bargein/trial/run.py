"""Several scenarios, one after the other or some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bargein.trial.playing import Agent, Result, play, sounds_of
from bargein.trial.reading import Script

PLAYED_AGAIN: Final = 2
"""Times that a scenario is played again because this machine was too busy to play it properly."""


async def run(
    scripts: Sequence[Script],
    agent: Agent,
    *,
    at_once: int = 1,
    folder: Path | None = None,
    heard: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Play all of them.

    :param at_once: how many at the same time; each is a call of its own.
    :param heard: told of each result when it is there.
    :returns: the results in the order of ``scripts``.
    :raises UsageError: something cannot be said here; then nobody was called.
    :raises OSError: a file cannot be written.
    """
    sounds = {script.name: sounds_of(script) for script in scripts}
    room = asyncio.Semaphore(at_once)

    async def one(script: Script) -> Result:
        async with room:
            result = await play(script, sounds[script.name], agent, folder)
            for _ in range(PLAYED_AGAIN):
                if not result.is_doubtful:
                    break
                result = await play(script, sounds[script.name], agent, folder)
        heard(result)
        return result

    return await asyncio.gather(*(one(script) for script in scripts))
