"""The callers of the capacity benchmark, and what they noticed in one run."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bargein.load.measurements import percentile
from bargein.load.run import Plan, Run, run
from bargein.load.scenario import Calls, Interruptions, Noise, Scenario
from bargein.load.server_side import metrics_url
from bargein.load.summary import Summary, summarize
from benchmarks.model import PIECE_S, stamp_of, stamp_of_text
from benchmarks.processes import Process

PROBES = 24
"""Callers among the crowd who speak bargein.v1, and so notice the hold."""
RAMP_PER_S = 80

SCENARIO = Scenario(
    about="Half of the time spoken to; an interruption every few seconds; in a room, so that every frame is judged.",
    call=Calls(turns=(1000, 1000), pause_s=(3.4, 5.0), patience_s=10.0),
    interrupt=Interruptions(share=0.6, after_s=(1.5, 4.0)),
    noise=Noise(level_db=-60.0),
)
LISTENING = Scenario(
    about="Says nothing: for a relay, which speaks by itself.",
    call=Calls(turns=(1, 1), pause_s=(3600.0, 3600.0), patience_s=10.0),
)
PROBING = SCENARIO.model_copy(
    update={
        "call": Calls(turns=(1000, 1000), pause_s=(0.3, 0.6), patience_s=10.0),
        "interrupt": Interruptions(share=1.0, after_s=(0.8, 2.0)),
    }
)


@dataclass(slots=True)
class Seen:
    """What one run showed. Times in milliseconds."""

    callers: int
    cpu_percent: float
    """Of the server, of one core, while all callers were there."""
    memory_mb: float
    spoken_to: float
    """Sound that arrived, as a share of all the time of all callers."""
    delta_p50: float
    delta_p99: float
    """From the model's sending of a piece of sound to its arrival at the caller."""
    reaction_p99: float | None
    """From the onset of an interruption to the hold, or to ``speech_started`` where there is no hold."""
    lost: int
    """Calls that failed or ended, replies missing or failed."""
    generator_p99: float
    full_from_s: float
    full_to_s: float
    """While all callers were there, on ``time.monotonic``."""
    core_sum_ms: float = float("nan")
    """What a small sum took on the server's core meanwhile; see :mod:`benchmarks.core_speed`."""
    figures: dict[str, float] = field(default_factory=dict)
    """What the server said of itself, where it does."""

    @property
    def cpu_ms_per_caller_second(self) -> float:
        return 10 * self.cpu_percent / self.callers


@dataclass(slots=True)
class _Watch:
    """Stamped sound as it arrives, and the server's CPU and the callers' phases meanwhile."""

    server: Process
    full_from_s: float
    delays: list[tuple[float, float]] = field(default_factory=list)
    first: tuple[float, float] | None = None
    last: tuple[float, float] | None = None

    def on_audio(self, item_id: str, audio: bytes | str, now_s: float) -> None:
        sent_s = stamp_of_text(audio) if isinstance(audio, str) else stamp_of(audio)
        if sent_s is not None:
            self.delays.append((now_s, now_s - sent_s))

    def look(self, this: Run) -> None:
        now_s = time.monotonic()
        if this.elapsed_s < self.full_from_s:
            return
        reading = (now_s, self.server.cpu_s())
        self.first = self.first or reading
        self.last = reading

    @property
    def full_s(self) -> float:
        """How long all callers were there and watched."""
        assert self.first is not None
        assert self.last is not None
        return self.last[0] - self.first[0]

    @property
    def cpu_percent(self) -> float:
        assert self.first is not None
        assert self.last is not None
        return 100 * (self.last[1] - self.first[1]) / self.full_s

    @property
    def pieces_at_full(self) -> int:
        assert self.first is not None
        assert self.last is not None
        return sum(self.first[0] <= at_s <= self.last[0] for at_s, _ in self.delays)


async def see(
    server: Process,
    callers: int,
    seconds: float,
    *,
    binary: bool,
    probes: bool,
    scenario: Scenario = SCENARIO,
    tell: Callable[[str], None] = lambda text: None,
) -> Seen:
    """Let a crowd talk with a server for some seconds.

    :param binary: all of them speak bargein.v1; otherwise base64 in JSON.
    :param probes: some of them speak bargein.v1 in any case, to notice the hold.
    """
    ramp_s = max(2.0, callers / RAMP_PER_S)
    watch = _Watch(server, ramp_s + 1)
    probe_count = PROBES if probes and not binary else 0

    def plan(number: int, kind: Scenario, *, binary: bool, metrics: bool) -> Plan:
        return Plan(
            url=server.url,
            scenario="capacity",
            parts=[("capacity", 1.0, kind)],
            callers=number,
            duration_s=seconds,
            ramp_s=ramp_s,
            bargein=binary,
            metrics_url=metrics_url(server.url) if metrics else None,
            on_audio=watch.on_audio,
        )

    stop = asyncio.Event()
    memory = 0

    def look(this: Run) -> None:
        nonlocal memory
        watch.look(this)
        memory = max(memory, server.memory_bytes())

    runs = [run(plan(callers - probe_count, scenario, binary=binary, metrics=probes), stop, look)]
    if probe_count:
        runs.append(run(plan(probe_count, PROBING, binary=True, metrics=False), stop, lambda this: None))
    summaries = [summarize(this) for this in await asyncio.gather(*runs)]
    seen = _seen(summaries, watch, callers, memory, noticed="hold" if probes or binary else "confirm")
    tell(f"{callers} callers: {seen.cpu_percent:.0f} % CPU, delta p99 {seen.delta_p99:.1f} ms")
    return seen


def _seen(summaries: list[Summary], watch: _Watch, callers: int, memory: int, noticed: str) -> Seen:
    assert watch.first is not None
    assert watch.last is not None
    main = summaries[0]
    late = main.run.ticker
    from_s = watch.full_from_s + main.run.began_s
    delays = sorted(1000 * delay_s for at_s, delay_s in watch.delays if at_s > from_s and not late.was_late(at_s))
    reactions = sorted(
        1000 * sample.value_s
        for summary in summaries
        for sample in summary.samples[noticed]
        if sample.at_s > watch.full_from_s
    )
    lost = ("failed_connects", "dropped_calls", "missing_replies", "failed_replies", "missed_barge_ins")
    return Seen(
        callers=callers,
        cpu_percent=watch.cpu_percent,
        memory_mb=memory / 1e6,
        spoken_to=PIECE_S * watch.pieces_at_full / (callers * watch.full_s),
        delta_p50=percentile(delays, 0.5) if delays else float("inf"),
        delta_p99=percentile(delays, 0.99) if delays else float("inf"),
        reaction_p99=percentile(reactions, 0.99) if reactions else None,
        lost=sum(summary.counts[name] for summary in summaries for name in lost),
        generator_p99=main.lateness.p99,
        full_from_s=watch.first[0],
        full_to_s=watch.last[0],
        figures={
            name: value for name, (value, _) in main.figures().items() if name.startswith(("server_", "streams_"))
        },
    )


def pin(cpu: int) -> None:
    """Keep this process, the load generator, on one core."""
    os.sched_setaffinity(0, {cpu})
