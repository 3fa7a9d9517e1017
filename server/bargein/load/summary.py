"""The figures of a run: what the table, the JSON, the report and the conditions all read."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bargein.load.measurements import COUNTS, DURATIONS, Sample, percentile
from bargein.load.run import Run
from bargein.load.ticker import LATE_S

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
SERVER_HISTOGRAMS: Final[Mapping[str, str]] = {
    "event_loop_lag": "how late the server's event loop ran what was due",
    "first_delta_delay": "from the model's first audio byte to the first audio byte on its way to the caller",
    "cancel": "from the decision to cancel to the closed connection to the model",
}

Unit = Literal["ms", "", "%", "MB"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """In milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of one run."""

    run: Run
    durations: Mapping[str, Distribution]
    """Of the measurements that were made at all."""
    samples: Mapping[str, list[Sample]]
    """Those that count: none was noticed while the generator was late."""
    counts: Mapping[str, int]
    lateness: Distribution
    """Of the generator itself."""
    streams_left_open: int | None
    server_cpu: Distribution | None
    """Percent of one core, over the readings."""
    server_memory_mb: float | None
    """At most."""

    @property
    def generator_was_late(self) -> bool:
        """The generator had not enough time of its own: what was measured says too little about the server."""
        return self.lateness.p99 > 1000 * LATE_S

    def figures(self) -> dict[str, tuple[float, Unit]]:
        """Every figure by its name, as conditions use it."""
        found: dict[str, tuple[float, Unit]] = {name: (float(number), "") for name, number in self.counts.items()}
        for name, spread in self.durations.items():
            found |= {f"{name}_{at}": (getattr(spread, at), "ms") for at in PERCENTILES}
        found |= {f"generator_lateness_{at}": (getattr(self.lateness, at), "ms") for at in PERCENTILES}
        if self.streams_left_open is not None:
            found["streams_left_open"] = (float(self.streams_left_open), "")
        if self.server_cpu is not None:
            found |= {f"server_cpu_{at}": (getattr(self.server_cpu, at), "%") for at in PERCENTILES}
        if self.server_memory_mb is not None:
            found["server_memory_max"] = (self.server_memory_mb, "MB")
        for name in SERVER_HISTOGRAMS:
            for at in ("p50", "p99"):
                value_s = self.run.server.percentile(name, PERCENTILES[at]) if self.run.server is not None else None
                if value_s is not None:
                    found[f"server_{name}_{at}"] = (1000 * value_s, "ms")
        return found

    def as_json(self) -> dict[str, Any]:
        plan, measurements = self.run.plan, self.run.measurements
        return {
            "bargein_load": 1,
            "began_at_unix_s": round(self.run.began_at, 3),
            "elapsed_s": round(self.run.elapsed_s, 3),
            "interrupted": self.run.interrupted,
            "machine": {"python": platform.python_version(), "system": platform.platform()},
            "plan": {
                "url": plan.url,
                "scenario": plan.scenario,
                "callers": plan.callers,
                "duration_s": plan.duration_s,
                "ramp_s": plan.ramp_s,
                "frame_ms": plan.frame_ms,
                "format": plan.audio_format.encoding.value,
                "binary": plan.bargein,
                "seed": plan.seed,
                "speech": str(plan.speech) if plan.speech else None,
                "scenarios": {name: scenario.model_dump(mode="json") for name, _, scenario in plan.parts},
            },
            "figures": {name: {"value": value, "unit": unit} for name, (value, unit) in self.figures().items()},
            "errors": dict(measurements.errors),
            "closes": dict(measurements.closes),
            "false_causes": dict(measurements.false_causes),
            "missed_causes": dict(measurements.missed_causes),
            "generator_was_late": self.generator_was_late,
            "by_kind": {kind: dict(own) for kind, own in self.by_kind().items()},
            "by_caller": [
                {"caller": caller, "kind": self.run.kinds[caller], **dict(own)}
                for caller, own in sorted(measurements.by_caller.items())
            ],
        }

    def by_kind(self) -> dict[str, Counter[str]]:
        """The counts of each kind of caller, in the order of the plan."""
        found: dict[str, Counter[str]] = {name: Counter() for name, _, _ in self.run.plan.parts}
        for caller, own in self.run.measurements.by_caller.items():
            found[self.run.kinds[caller]].update(own)
        return found


def summarize(run: Run) -> Summary:
    """Work out the figures. Measurements made while the generator was late are set aside, and counted."""
    samples = {name: list(_counting(run, taken)) for name, taken in run.measurements.durations.items()}
    counts = {name: run.measurements.counts[name] for name in COUNTS}
    counts["set_aside"] = sum(len(taken) - len(samples[name]) for name, taken in run.measurements.durations.items())
    durations = {name: _spread([1000 * s.value_s for s in kept]) for name, kept in samples.items() if kept}
    cpu = [100 * share for _, share in run.server.cpu_shares()] if run.server is not None else []
    memory = [number for _, number in run.server.series("memory_bytes")] if run.server is not None else []
    return Summary(
        run=run,
        durations=durations,
        samples=samples,
        counts=counts,
        lateness=_spread([1000 * max(0.0, late_s) for late_s in run.ticker.lateness_s] or [0.0]),
        streams_left_open=run.server.streams_left_open if run.server is not None else None,
        server_cpu=_spread(cpu) if cpu else None,
        server_memory_mb=max(memory) / 1e6 if memory else None,
    )


def _counting(run: Run, taken: list[Sample]) -> Iterator[Sample]:
    """Those whose beginning and end the generator did on time."""
    for sample in taken:
        end_s = sample.at_s + run.began_s
        if not (run.ticker.was_late(end_s) or run.ticker.was_late(end_s - sample.value_s)):
            yield sample


def _spread(values: list[float]) -> Distribution:
    ordered = sorted(values)
    return Distribution(
        len(ordered), **{name: round(percentile(ordered, share), 3) for name, share in PERCENTILES.items()}
    )


FIGURES: Final = {
    **{f"{name}_{at}": f"{about} ({at})" for name, about in DURATIONS.items() for at in PERCENTILES},
    **COUNTS,
    **{f"generator_lateness_{at}": f"how late the load generator itself was ({at})" for at in PERCENTILES},
    "streams_left_open": "streams of the model still open after the last caller had hung up",
    **{f"server_cpu_{at}": f"percent of one core ({at} of the readings)" for at in PERCENTILES},
    "server_memory_max": "resident memory at most",
    **{f"server_{name}_{at}": f"{about} ({at})" for name, about in SERVER_HISTOGRAMS.items() for at in ("p50", "p99")},
}
"""Every name that a condition can use, and what it means."""
