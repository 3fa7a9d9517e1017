"""What one sampled caller said and heard, second by second, for the report's picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from bargein.load.listener import Span


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds from the start of the run."""

    kind: str
    """``question``, ``interruption``, ``cough``, ``mm-hm``, ``click`` or ``heard``."""
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Moment:
    kind: str
    at_s: float


@dataclass(slots=True)
class Timeline:
    """One caller's. Times are given on the run's clock."""

    caller: int
    scenario: str
    began_s: float
    stretches: list[Stretch] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def said(self, kind: str, start_s: float, end_s: float) -> None:
        self.stretches.append(Stretch(kind, start_s - self.began_s, end_s - self.began_s))

    def heard(self, spans: list[Span], rate_hz: int) -> None:
        for span in spans:
            start_s = span.start_s - self.began_s
            self.stretches.append(Stretch("heard", start_s, start_s + span.sample_count / rate_hz))

    def until(self, end_s: float) -> Timeline:
        """The part before ``end_s`` seconds of the run."""
        stretches = [stretch for stretch in self.stretches if stretch.start_s < end_s]
        moments = [moment for moment in self.moments if moment.at_s < end_s]
        return Timeline(self.caller, self.scenario, self.began_s, stretches, moments)

    def mark(self, kind: str, now_s: float) -> None:
        self.moments.append(Moment(kind, now_s - self.began_s))
