"""Tallies of what happens per message: plain numbers, read only when somebody scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


@dataclass(slots=True)
class Traffic:
    """What crossed the callers' sockets. Add to the fields directly, on the event loop's thread.

    A Prometheus counter takes a lock for every increment; these are touched for every 20 ms frame of every caller.
    """

    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    """Payload bytes, without the WebSocket framing."""
    bytes_out: int = 0
    audio_in_s: float = 0.0
    """Seconds of sound, whatever their format."""
    audio_out_s: float = 0.0


class TrafficCollector(Collector):
    """Turns the tallies into counters at the moment of a scrape."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one family for each kind of tally."""
        traffic = self._traffic
        yield _by_direction(
            "bargein_messages",
            "WebSocket messages from (in) and to (out) callers.",
            traffic.messages_in,
            traffic.messages_out,
        )
        yield _by_direction(
            "bargein_message_bytes",
            "Payload bytes of WebSocket messages from (in) and to (out) callers.",
            traffic.bytes_in,
            traffic.bytes_out,
        )
        yield _by_direction(
            "bargein_audio_seconds",
            "Seconds of sound from (in) and to (out) callers.",
            traffic.audio_in_s,
            traffic.audio_out_s,
        )


def _by_direction(name: str, documentation: str, incoming: float, outgoing: float) -> CounterMetricFamily:
    family = CounterMetricFamily(name, documentation, labels=["direction"])
    family.add_metric(["in"], incoming)
    family.add_metric(["out"], outgoing)
    return family
