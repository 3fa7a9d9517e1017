"""What is measured in a run, by name, and the samples themselves.

The names are what ``--fail-if`` and the JSON report use.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

DURATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "connect": "from dialling to session.updated",
        "response": "from the end of the caller's speech to the first sound of the reply heard",
        "barge_in": "from the onset of an interruption to silence heard",
        "hold": "from the onset of an interruption to the pause of the loudspeaker (bargein.v1)",
        "confirm": "from the onset of an interruption to speech_started",
        "speech_started": "from the onset of speech while the agent is silent to speech_started",
        "underrun": "length of a break in the middle of a reply",
        "false_hold": "from a hold that was no interruption to its resume",
    }
)
"""Measured in seconds, reported in milliseconds: count, p50, p90, p99 and max."""

COUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "calls": "calls that came about",
        "failed_connects": "calls that did not",
        "dropped_calls": "calls that the server ended",
        "turns": "turns of the callers",
        "replies": "replies heard",
        "missing_replies": "turns that were never answered",
        "failed_replies": "responses that ended failed, or without sound",
        "interruptions": "times that a caller talked over the agent",
        "barge_ins": "interruptions that silenced the agent",
        "missed_barge_ins": "interruptions that did not",
        "late_interruptions": "interruptions of a reply that ended by itself before they could count",
        "false_interruptions": "replies cut off although nobody spoke",
        "false_turns": "turns that the server heard while nobody spoke",
        "asides": "coughs, clicks and mm-hms while the agent spoke",
        "stale_samples_heard": "samples of an interrupted reply heard after its interruption",
        "stale_samples_received": "samples of an interrupted reply received after its interruption",
        "words_over": "words that the model was told were heard, and were not",
        "words_under": "words that were heard, and the model was not told",
        "words_checked": "cut-off replies whose words were compared",
        "errors": "error events",
        "set_aside": "measurements not counted because the load generator itself was late",
    }
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement."""

    caller: int
    at_s: float
    """When it ended, from the start of the run."""
    value_s: float


@dataclass(slots=True)
class Measurements:
    """All measurements of a run. Times are given on the run's clock."""

    began_s: float
    durations: dict[str, list[Sample]] = field(default_factory=lambda: {name: [] for name in DURATIONS})
    counts: Counter[str] = field(default_factory=Counter)
    by_caller: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    errors: Counter[str] = field(default_factory=Counter)
    """``error`` events by code."""
    closes: Counter[str] = field(default_factory=Counter)
    """Calls that the server ended, by close code and reason; calls that failed to connect, by what the server said."""
    false_causes: Counter[str] = field(default_factory=Counter)
    """What false interruptions and false turns were heard in."""
    missed_causes: Counter[str] = field(default_factory=Counter)
    """What interruptions that did not silence the agent said, and whether the server had noticed them."""

    def add(self, name: str, caller: int, now_s: float, value_s: float) -> None:
        """One duration that ended now."""
        self.durations[name].append(Sample(caller, now_s - self.began_s, value_s))

    def count(self, name: str, caller: int, number: int = 1) -> None:
        self.counts[name] += number
        self.by_caller[caller][name] += number


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that ``share`` of the sorted values do not exceed (nearest rank).

    :raises IndexError: there are no values.
    """
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]
