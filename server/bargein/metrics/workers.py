"""One exposition for several workers: each sample says which worker it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class _Workers(Collector):
    def __init__(self, expositions: Mapping[int, str]) -> None:
        self._expositions = expositions

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for worker, text in self._expositions.items():
            for family in text_string_to_metric_families(text):
                merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    merged.add_sample(sample.name, {**sample.labels, "worker": str(worker)}, sample.value)
        yield from families.values()

    def describe(self) -> Iterable[Metric]:
        return ()


def merge_expositions(expositions: Mapping[int, str]) -> bytes:
    """The workers' text expositions as one, with a ``worker`` label on every sample.

    Numbers are not added up: Prometheus does that (``sum without (worker)``), and what must not be added stays apart.
    """
    registry = CollectorRegistry()
    registry.register(_Workers(expositions))
    return generate_latest(registry)
