"""A sample of the scenes over a real server, in real time, with other callers on: does it decide the same?"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bargein.bench.call import SILENT_VOICE
from bargein.bench.live_call import LiveCall
from bargein.bench.live_model import LiveModel
from bargein.bench.outcome import Outcome
from bargein.bench.rendering import render
from bargein.bench.run import Configuration
from bargein.errors import BargeinError
from bargein.load.run import Plan, run
from bargein.load.scenario import load_scenario

AT_ONCE: Final = 8
"""Scenes that run at the same time."""
RAMP_S: Final = 5.0
_ADDRESS: Final = re.compile(rb"ws://\S+")


class LiveError(BargeinError):
    """The server could not be started."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One scene, both ways."""

    virtual: Outcome
    live: Outcome | None
    error: str | None = None

    @property
    def same(self) -> bool:
        """Whether the same was decided: what a client of that kind can know of it."""
        live = self.live
        if live is None or self.error is not None:
            return False
        same = self.virtual.interruptions == live.interruptions and self.virtual.turns == live.turns
        return same and (self.virtual.scene.client == "plain" or self.virtual.holds == live.holds)


async def compare_live(outcomes: Sequence[Outcome], configuration: Configuration, callers: int) -> list[Compared]:
    """Run the scenes of ``outcomes`` once more, on a server of their own with ``callers`` others on.

    Cancellation ends the server too.

    :raises LiveError: the server could not be started.
    """
    rendered = [render(one.scene) for one in outcomes]  # Before anything has to be in time.
    async with LiveModel(SILENT_VOICE) as model, _serving(model.url, configuration) as url:
        stop = asyncio.Event()
        others = asyncio.create_task(_others(url, callers, stop)) if callers else None
        if others is not None:
            await asyncio.sleep(RAMP_S)
        places = asyncio.Semaphore(AT_ONCE)

        async def one(virtual: Outcome, number: int) -> Compared:
            async with places:
                call = LiveCall(virtual.scene, rendered[number], SILENT_VOICE)
                try:
                    live = await call.run(url)
                except (BargeinError, TimeoutError) as error:
                    return Compared(virtual, None, str(error) or "no answer in time")
                return Compared(virtual, live, call.error)

        try:
            return await asyncio.gather(*[one(virtual, number) for number, virtual in enumerate(outcomes)])
        finally:
            stop.set()
            if others is not None:
                await others


def sample(outcomes: Sequence[Outcome], count: int) -> list[Outcome]:
    """So many of them, from all classes alike."""
    by_family: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_family.setdefault(outcome.scene.family, []).append(outcome)
    chosen: list[Outcome] = []
    while len(chosen) < count and any(by_family.values()):
        for some in by_family.values():
            if some and len(chosen) < count:
                chosen.append(some.pop(len(some) // 2))
    return chosen


async def _others(url: str, callers: int, stop: asyncio.Event) -> None:
    parts = load_scenario("barge-in")
    plan = Plan(url, "barge-in", parts, callers, duration_s=3600, ramp_s=RAMP_S - 1, bargein=True)
    await run(plan, stop, lambda _: None)


@asynccontextmanager
async def _serving(model_url: str, configuration: Configuration) -> AsyncIterator[str]:
    """``bargein serve`` with the configuration's settings; gives its WebSocket address."""
    settings = {f"BARGEIN_{name.upper()}": str(value) for name, value in configuration.settings.items()}
    environment = os.environ | {"BARGEIN_LOG_LEVEL": "warning", "BARGEIN_MODEL": "bench", **settings}
    command = ["-m", "bargein", "serve", "--port", "0", "--upstream", model_url]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    reading: asyncio.Task[None] | None = None
    try:
        said = b""
        while not (found := _ADDRESS.search(said)):
            line = await process.stdout.readline()
            if not line:
                raise LiveError(f"the server ended before it listened: {said.decode(errors='replace').strip()}")
            said += line
        reading = asyncio.create_task(_drain(process.stdout))
        yield found[0].decode()
    finally:
        if reading is not None:
            reading.cancel()
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass
