"""The names that dashboards are built on, and what the tallies turn into."""

from __future__ import annotations

import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bargein.metrics import Metrics

UNITS = ("_seconds", "_bytes", "_total", "_info")
COUNTS = {"bargein_sessions_open", "bargein_upstream_streams_open", "bargein_draining", "bargein_model_ready"}


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_name_has_the_prefix_and_a_base_unit() -> None:
    text = generate_latest(Metrics().registry).decode()
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    ours = [name for name in names if not name.startswith("process_")]
    assert len(ours) > 20
    for name in ours:
        assert name.startswith("bargein_")
        assert name in COUNTS or name.endswith(UNITS), name


def test_two_servers_in_one_process_do_not_share_numbers() -> None:
    first, second = Metrics(), Metrics()
    first.barge_ins.inc()
    assert samples(first)["bargein_barge_ins_total", ()] == 1
    assert samples(second)["bargein_barge_ins_total", ()] == 0


def test_tallies_are_read_at_the_scrape() -> None:
    metrics = Metrics()
    metrics.traffic.bytes_in += 640
    metrics.traffic.audio_out_s += 0.02
    found = samples(metrics)
    assert found["bargein_message_bytes_total", (("direction", "in"),)] == 640
    assert found["bargein_audio_seconds_total", (("direction", "out"),)] == pytest.approx(0.02)


def test_every_labelled_child_is_there_before_its_first_increment() -> None:
    found = samples(Metrics())
    for outcome in ("confirmed", "resumed", "expired"):
        assert found["bargein_holds_total", (("outcome", outcome),)] == 0
    for kind in ("text", "audio"):
        assert found["bargein_tokens_total", (("direction", "output"), ("kind", kind))] == 0


def test_a_close_code_that_a_caller_invents_makes_no_label() -> None:
    metrics = Metrics()
    metrics.session_ended(1000, 12.0)
    metrics.session_ended(4777, 1.0)
    metrics.session_ended(4778, 1.0)
    found = samples(metrics)
    assert found["bargein_sessions_closed_total", (("code", "1000"),)] == 1
    assert found["bargein_sessions_closed_total", (("code", "other"),)] == 2
    assert not any("4777" in str(key) for key in found)
    assert found["bargein_session_duration_seconds_count", ()] == 3
