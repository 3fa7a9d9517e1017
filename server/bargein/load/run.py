"""A whole run: many callers for some time, and everything that was measured."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from bargein.core.audio import PCM16_24K, AudioFormat
from bargein.load.caller import Caller, Instructions, Number
from bargein.load.dialogue import AudioWatcher
from bargein.load.frames import FrameCutter
from bargein.load.measurements import Measurements
from bargein.load.phrasebook import Phrasebook, Speech
from bargein.load.scenario import Scenario
from bargein.load.server_side import ServerSide
from bargein.load.ticker import Ticker
from bargein.load.timeline import Timeline
from bargein.load.words import WordLog

PROGRESS_S: Final = 0.5
GC_THRESHOLDS: Final = (2_000, 1_000, 1_000)
"""What was measured only grows, and looking through all of it would make the callers late."""
SAMPLED_CALLERS: Final = 12
"""Callers whose every sound is kept for the report."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    url: str
    scenario: str
    parts: Sequence[tuple[str, float, Scenario]]
    """Name, share and scenario of each kind of caller."""
    callers: int
    duration_s: float
    """Of full load: the ramp comes before it."""
    ramp_s: float
    key: str | None = None
    frame_ms: int = 20
    audio_format: AudioFormat = PCM16_24K
    bargein: bool = False
    seed: int = 0
    speech: Path | None = None
    metrics_url: str | None = None
    metrics_key: str | None = field(default=None, repr=False)
    demo_log_url: str | None = None
    instructions: str | None = None
    """What every session is told; ``None`` leaves that to the server."""
    sign: Instructions | None = None
    """Instructions that differ from call to call, instead."""
    on_audio: AudioWatcher | None = None


@dataclass(slots=True)
class Run:
    """What came of a run."""

    plan: Plan
    began_at: float
    """Unix seconds."""
    began_s: float
    """The same on the run's clock."""
    measurements: Measurements
    ticker: Ticker
    server: ServerSide | None
    timelines: list[Timeline]
    callers: list[Caller] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """Of the callers, by their numbers: names of scenarios."""
    ended_s: float | None = None
    interrupted: bool = False

    @property
    def elapsed_s(self) -> float:
        return (self.ended_s or time.monotonic()) - self.began_s

    def phases(self) -> Counter[str]:
        """What the callers are doing now."""
        return Counter(caller.phase.value if caller.phase is not None else "away" for caller in self.callers)


async def run(plan: Plan, stop: asyncio.Event, on_progress: Callable[[Run], None]) -> Run:
    """Run the plan to its end, or until ``stop`` is set; what was measured by then is returned either way.

    :raises UsageError: the plan's speech cannot be read.
    """
    phrasebooks = _phrasebooks(plan)
    began_s = time.monotonic()
    this = Run(
        plan=plan,
        began_at=time.time(),
        began_s=began_s,
        measurements=Measurements(began_s),
        ticker=Ticker(plan.frame_ms),
        server=ServerSide(plan.metrics_url, began_s, plan.metrics_key) if plan.metrics_url else None,
        timelines=[],
    )
    words = WordLog(plan.demo_log_url, this.measurements, plan.instructions) if plan.demo_log_url else None
    _staff(this, phrasebooks, words)
    gc.collect()
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    helpers = [asyncio.create_task(this.ticker.run()), asyncio.create_task(_tell(this, on_progress))]
    if this.server is not None:
        helpers.append(asyncio.create_task(this.server.watch()))
    if words is not None:
        helpers.append(asyncio.create_task(words.watch()))
    lives = [asyncio.create_task(_join(this, caller)) for caller in this.callers]
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.ramp_s + plan.duration_s):
                await _stopped_or_broken(stop, helpers)
        this.interrupted = stop.is_set()
    finally:
        this.ended_s = time.monotonic()
        await _cancel(lives)
        await _cancel(helpers)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
    if this.server is not None:
        await this.server.settle()
    if words is not None:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            await words.read(client)
        words.compare()
    return this


def _phrasebooks(plan: Plan) -> dict[str, Phrasebook]:
    speech = Speech(plan.audio_format, plan.seed, plan.speech)
    cutter = FrameCutter(plan.audio_format, plan.frame_ms, plan.bargein)
    return {name: speech.phrasebook(scenario, cutter) for name, _, scenario in plan.parts}


def _staff(this: Run, phrasebooks: dict[str, Phrasebook], words: WordLog | None) -> None:
    """Make the callers, each kind by its share, evenly mixed."""
    plan = this.plan
    number = Number(
        plan.url,
        plan.key,
        plan.audio_format,
        plan.frame_ms,
        plan.bargein,
        words.instructions if words is not None else plan.sign or (lambda caller, call: plan.instructions),
        words.cut if words is not None else None,
        plan.on_audio,
    )
    staffed: Counter[str] = Counter()
    step = max(1, plan.callers // SAMPLED_CALLERS)
    for index in range(plan.callers):
        name, _, scenario = max(plan.parts, key=lambda part: part[1] * (index + 1) - staffed[part[0]])
        staffed[name] += 1
        this.kinds.append(name)
        timeline = None
        if index % step == 0 and len(this.timelines) < SAMPLED_CALLERS:
            timeline = Timeline(index, name, this.began_s)
            this.timelines.append(timeline)
        book = phrasebooks[name]
        this.callers.append(Caller(index, number, scenario, book, this.ticker, this.measurements, plan.seed, timeline))


async def _join(this: Run, caller: Caller) -> None:
    """Callers come one after the other, evenly over the ramp."""
    await asyncio.sleep(this.plan.ramp_s * caller.index / max(1, this.plan.callers))
    await caller.live()


async def _tell(this: Run, on_progress: Callable[[Run], None]) -> None:
    while True:
        on_progress(this)
        await asyncio.sleep(PROGRESS_S)


async def _stopped_or_broken(stop: asyncio.Event, helpers: Sequence[asyncio.Task[None]]) -> None:
    """Wait for ``stop``; an error of a helper is an error of the run."""
    stopping = asyncio.create_task(stop.wait())
    waiting: set[asyncio.Task[None] | asyncio.Task[bool]] = {stopping, *helpers}
    try:
        while not stopping.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        stopping.cancel()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
