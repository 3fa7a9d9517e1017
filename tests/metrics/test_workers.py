"""Several workers' metrics as one exposition."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bargein.metrics import Metrics
from bargein.metrics.workers import merge_expositions


def test_every_sample_says_whose_it_is_and_none_is_lost() -> None:
    first, second = Metrics("1.0"), Metrics("1.0")
    first.barge_ins.inc(2)
    second.barge_ins.inc(3)
    second.caller_error("invalid_value")
    second.response_latency_s.observe(0.4)
    texts = {number: generate_latest(metrics.registry).decode() for number, metrics in ((0, first), (1, second))}
    merged = merge_expositions(texts).decode()
    families = list(text_string_to_metric_families(merged))
    assert len({family.name for family in families}) == len(families)
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
    assert samples["bargein_barge_ins_total", (("worker", "0"),)] == 2
    assert samples["bargein_barge_ins_total", (("worker", "1"),)] == 3
    assert samples["bargein_caller_errors_total", (("code", "invalid_value"), ("worker", "1"))] == 1
    assert samples["bargein_response_latency_seconds_bucket", (("le", "0.4"), ("worker", "1"))] == 1
    own = sum(len(family.samples) for text in texts.values() for family in text_string_to_metric_families(text))
    assert len(samples) == own
