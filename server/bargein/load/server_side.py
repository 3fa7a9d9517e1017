"""What the server says of itself: ``/metrics``, read every few seconds during a run.

Any server that exposes the Prometheus text format is understood as far as its names are known here; others give
nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

INTERVAL_S: Final = 2.0
SETTLE_S: Final = 3.0
"""How long the server has, after the last caller hung up, to close what is still open."""

_GAUGES: Final = {
    "process_cpu_seconds_total": "cpu_s",
    "process_resident_memory_bytes": "memory_bytes",
    "bargein_sessions_open": "sessions_open",
    "bargein_upstream_streams_open": "streams_open",
}
_HISTOGRAMS: Final = {
    "bargein_event_loop_lag_seconds": "event_loop_lag",
    "bargein_first_delta_delay_seconds": "first_delta_delay",
    "bargein_cancel_seconds": "cancel",
}

Buckets = Mapping[float, float]
"""Cumulative counts by upper bound in seconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at ``/metrics``."""

    at_s: float
    """From the start of the run."""
    values: Mapping[str, float]
    buckets: Mapping[str, Buckets]


@dataclass(slots=True)
class ServerSide:
    """Readings of one run, oldest first; none where the server exposes nothing."""

    url: str
    began_s: float
    key: str | None = field(default=None, repr=False)
    """Where the server asks for one."""
    readings: list[Reading] = field(default_factory=list)

    async def watch(self) -> None:
        """Read until cancelled. Ends at once where the server has no metrics."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            while await self.read(client):  # noqa: ASYNC110  # time has to pass; there is no condition
                await asyncio.sleep(INTERVAL_S)  # it waits for time to pass, not for a condition

    async def read(self, client: httpx.AsyncClient) -> bool:
        """Take one reading. False: there is none to be had."""
        try:
            answer = await client.get(self.url, headers={"Authorization": f"Bearer {self.key}"} if self.key else None)
        except httpx.HTTPError:
            # A server under load may miss one; one that never answered has none.
            return bool(self.readings)
        if answer.status_code != httpx.codes.OK:
            return False
        try:
            self.readings.append(parse_metrics(answer.text, time.monotonic() - self.began_s))
        except ValueError:
            return False
        return True

    async def settle(self) -> None:
        """After the last caller hung up: read until no stream is open any more, or :data:`SETTLE_S` have passed."""
        if not self.readings:
            return
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            give_up_s = time.monotonic() + SETTLE_S
            while await self.read(client) and self.streams_left_open and time.monotonic() < give_up_s:  # noqa: ASYNC110
                await asyncio.sleep(0.2)  # the condition is in another process

    @property
    def streams_left_open(self) -> int | None:
        """Streams of the model that were open at the last reading."""
        value = self.readings[-1].values.get("streams_open") if self.readings else None
        return None if value is None else int(value)

    def cpu_shares(self) -> list[tuple[float, float]]:
        """Time and share of one core, between each reading and the next."""
        return [
            (after.at_s, (after.values["cpu_s"] - before.values["cpu_s"]) / (after.at_s - before.at_s))
            for before, after in zip(self.readings, self.readings[1:], strict=False)
            if "cpu_s" in before.values and "cpu_s" in after.values and after.at_s > before.at_s
        ]

    def series(self, name: str) -> list[tuple[float, float]]:
        """Time and value of ``memory_bytes``, ``sessions_open`` or ``streams_open``."""
        return [(reading.at_s, reading.values[name]) for reading in self.readings if name in reading.values]

    def percentiles(self, name: str, share: float) -> list[tuple[float, float]]:
        """Time and percentile of a histogram, between each reading and the next, where anything was observed."""
        found = []
        for before, after in zip(self.readings, self.readings[1:], strict=False):
            value = bucket_percentile(before.buckets.get(name, {}), after.buckets.get(name, {}), share)
            if value is not None:
                found.append((after.at_s, value))
        return found

    def percentile(self, name: str, share: float) -> float | None:
        """A histogram's percentile over the whole run: the upper bound of its bucket, in seconds."""
        if len(self.readings) < 2:
            return None
        first, last = self.readings[0].buckets.get(name, {}), self.readings[-1].buckets.get(name, {})
        return bucket_percentile(first, last, share)


def metrics_url(url: str) -> str:
    """Where the server at a WebSocket address has its metrics: ``/metrics`` of the same host and port."""
    parts = urlsplit(url)
    return urlunsplit(("https" if parts.scheme == "wss" else "http", parts.netloc, "/metrics", "", ""))


def parse_metrics(text: str, at_s: float) -> Reading:
    """The samples of the Prometheus text format that are of use here.

    Series that differ in other labels, such as the worker process, are added up.

    :raises ValueError: it is another format.
    """
    values: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    for sample in (sample for family in text_string_to_metric_families(text) for sample in family.samples):
        if sample.name in _GAUGES:
            values[_GAUGES[sample.name]] = values.get(_GAUGES[sample.name], 0.0) + sample.value
        elif sample.name.removesuffix("_bucket") in _HISTOGRAMS and "le" in sample.labels:
            counts = buckets.setdefault(_HISTOGRAMS[sample.name.removesuffix("_bucket")], {})
            bound = float(sample.labels["le"])
            counts[bound] = counts.get(bound, 0.0) + sample.value
    return Reading(at_s, values, buckets)


def bucket_percentile(before: Buckets, after: Buckets, share: float) -> float | None:
    """The upper bound below which ``share`` of what was observed in between lies; ``None`` where nothing was."""
    counts = {bound: count - before.get(bound, 0.0) for bound, count in sorted(after.items())}
    total = max(counts.values(), default=0.0)
    if total <= 0:
        return None
    return next(bound for bound, count in counts.items() if count >= share * total)
