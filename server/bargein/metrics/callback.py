"""A counter that something else keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class CallbackCounter(Collector):
    """Asks for its value at the moment of a scrape.

    :param name: without ``_total``.
    """

    def __init__(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        self._name = name
        self._documentation = documentation
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the one family."""
        yield CounterMetricFamily(self._name, self._documentation, self._read())
