"""What all outcomes say together: for each class of scenes, in the field's words.

*Yield rate* and *latency* (tau-voice) are what became of callers who wanted to speak; *selectivity*, how many of the
backchannels a reply survived. *Recall*, *false positives* and *median delay* (TurnBench) are the same of all scenes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bargein.bench.outcome import Outcome
from bargein.bench.scene import Wanted

HOUR_S: Final = 3600.0
LONG_ENOUGH_MS: Final = 600.0
PERCENTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations in milliseconds: nearest ranks."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


def spread(values: Iterable[float | None]) -> Spread:
    known = sorted(value for value in values if value is not None)
    ranks = [_rank(known, share) for share in PERCENTILES.values()]
    return Spread(len(known), *ranks)


def _rank(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else None


@dataclass(frozen=True, slots=True)
class Row:
    """A class of scenes."""

    name: str
    wanted: str
    scenes: int
    void: int
    right: int
    """Yielded, survived, stayed quiet, or answered once: as it was wanted."""
    hold: Spread
    confirm: Spread
    silence_plain: Spread
    """Onset to silence at the loudspeaker of a plain client."""
    silence_v1: Spread
    quiet_v1: Spread
    """Onset to silence, or to being ducked for good."""
    survived_silence_plain: Spread
    """Silence heard in a reply that survived."""
    survived_silence_v1: Spread
    survived_quiet_v1: Spread
    """For how long it was ducked."""
    answer: Spread
    early: int
    false_interruptions_per_h: float | None
    """An hour of calls in which the agent speaks and nobody else."""
    false_turns_per_h: float | None
    holds_per_h: float | None
    cut_off: int
    """Turns that became more than one; what of them was healed again counts as right."""
    requests: int
    lost_samples: int
    repeated_samples: int
    resumes: int
    samples_sent: int
    judged: dict[str, int]

    @property
    def share(self) -> float | None:
        counted = self.scenes - self.void
        return None if counted == 0 else self.right / counted


def row(name: str, outcomes: Sequence[Outcome]) -> Row:
    """One class."""
    told = [one for one in outcomes if one.void is None]
    wanted = {one.scene.wanted for one in outcomes}
    survived = [one for one in told if one.scene.wanted is Wanted.SURVIVE and one.right]
    unasked = [one for one in outcomes if one.scene.wanted is Wanted.SURVIVE]
    unasked_s = sum(one.lasted_s for one in unasked)
    quiet = [one for one in outcomes if one.scene.wanted is Wanted.QUIET]
    quiet_s = sum(one.lasted_s for one in quiet)
    judged: dict[str, int] = {}
    for one in outcomes:
        for verdict in one.judged:
            judged[verdict] = judged.get(verdict, 0) + 1

    def of(client: str, what: Callable[[Outcome], float | None], among: Sequence[Outcome]) -> Spread:
        return spread(what(one) for one in among if one.scene.client == client)

    return Row(
        name=name,
        wanted="/".join(sorted(one.value for one in wanted)),
        scenes=len(outcomes),
        void=len(outcomes) - len(told),
        right=sum(one.right for one in told),
        hold=spread(one.hold_ms for one in told),
        confirm=spread(one.confirm_ms for one in told),
        silence_plain=of("plain", lambda one: one.silence_ms, told),
        silence_v1=of("bargein.v1", lambda one: one.silence_ms, told),
        quiet_v1=of("bargein.v1", lambda one: one.quiet_ms, told),
        survived_silence_plain=of("plain", lambda one: one.silence_heard_ms, survived),
        survived_silence_v1=of("bargein.v1", lambda one: one.silence_heard_ms, survived),
        survived_quiet_v1=of("bargein.v1", lambda one: one.quiet_heard_ms, survived),
        answer=spread(one.answer_ms for one in told if one.right),
        early=sum(one.early for one in outcomes),
        false_interruptions_per_h=_rate(sum(one.interruptions + one.early for one in unasked), unasked_s),
        false_turns_per_h=_rate(sum(one.turns + one.early for one in quiet), quiet_s),
        holds_per_h=_rate(sum(one.holds for one in unasked), unasked_s),
        cut_off=sum(one.cut_off for one in told),
        requests=sum(one.requests for one in outcomes),
        lost_samples=sum(one.lost_samples for one in outcomes),
        repeated_samples=sum(one.repeated_samples for one in outcomes),
        resumes=sum(one.resumes for one in outcomes),
        samples_sent=sum(one.samples_sent for one in outcomes),
        judged=judged,
    )


def _rate(count: int, seconds: float) -> float | None:
    return round(count * HOUR_S / seconds, 1) if seconds else None


@dataclass(frozen=True, slots=True)
class Summary:
    """One configuration's run."""

    configuration: str
    set: str
    families: list[Row]
    kinds: dict[str, list[Row]]
    """Within each family."""
    goals: list[Row]
    """Rows that join or part families as the goals do."""
    recall: float | None
    false_positives: float | None
    median_delay_ms: float | None
    selectivity: float | None
    """Of backchannels."""
    hours: float
    took_s: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summarize(configuration: str, set_: str, outcomes: Sequence[Outcome], took_s: float) -> Summary:
    """All of them."""
    families = _grouped(outcomes, lambda one: one.scene.family)
    wanted = [one for one in outcomes if one.void is None and one.scene.wanted is Wanted.YIELD]
    unwanted = [one for one in outcomes if one.void is None and one.scene.wanted is Wanted.SURVIVE]
    nods = [one for one in unwanted if one.scene.family == "backchannel"]
    return Summary(
        configuration=configuration,
        set=set_,
        families=[row(name, some) for name, some in families.items()],
        kinds={
            name: [row(kind, few) for kind, few in _grouped(some, lambda one: one.scene.kind).items()]
            for name, some in families.items()
        },
        goals=[row(name, some) for name, some in _goals(outcomes).items() if some],
        recall=_share(sum(one.right for one in wanted), len(wanted)),
        false_positives=_share(sum(not one.right for one in unwanted), len(unwanted)),
        median_delay_ms=spread(one.confirm_ms for one in wanted).p50,
        selectivity=_share(sum(one.right for one in nods), len(nods)),
        hours=round(sum(one.lasted_s for one in outcomes) / HOUR_S, 2),
        took_s=round(took_s, 1),
    )


def _goals(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    spoken = [one for one in outcomes if one.scene.family.startswith("interruption")]
    usual = [one for one in spoken if one.scene.noise is None or one.scene.snr_db >= 10]
    long_enough = [one for one in spoken if 1000 * (one.end_s - one.onset_s) >= LONG_ENOUGH_MS]
    words = [one for one in usual if "<" not in one.scene.family]
    return {
        "speech, quiet to 10 dB": usual,
        "speech of 0.6 s or more": long_enough,
        "0.45 s or more, quiet to 10 dB, no babble": [one for one in words if "babble" not in one.scene.kind],
        "0.45 s or more, babble 10 dB": [one for one in words if one.scene.kind == "babble 10 dB"],
        "noise of 5 dB": [one for one in spoken if one.scene.noise is not None and one.scene.snr_db < 10],
    }


def _grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    grouped: dict[str, list[Outcome]] = {}
    for one in sorted(outcomes, key=key):
        grouped.setdefault(key(one), []).append(one)
    return grouped


def _share(count: int, total: int) -> float | None:
    return round(count / total, 4) if total else None
