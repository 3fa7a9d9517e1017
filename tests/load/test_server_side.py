"""What is read of ``/metrics``."""

from __future__ import annotations

import math

import pytest
from prometheus_client import generate_latest

from bargein.load.server_side import Reading, ServerSide, bucket_percentile, metrics_url, parse_metrics
from bargein.metrics import Metrics
from support.http import http_client
from support.scripted_upstream import Exchange, scripted


def test_the_servers_own_metrics_are_understood() -> None:
    metrics = Metrics("test")
    metrics.sessions_open.set(7)
    metrics.upstream_streams_open.set(3)
    for value_s in (0.0002, 0.003, 0.003, 0.04):
        metrics.event_loop_lag_s.observe(value_s)
    reading = parse_metrics(generate_latest(metrics.registry).decode(), 1.5)
    assert reading.at_s == 1.5
    assert reading.values["sessions_open"] == 7
    assert reading.values["streams_open"] == 3
    assert reading.values["memory_bytes"] > 1e6
    assert bucket_percentile({}, reading.buckets["event_loop_lag"], 0.5) == 0.005
    assert bucket_percentile({}, reading.buckets["event_loop_lag"], 0.99) == 0.05


async def test_a_server_that_asks_for_a_key_is_given_it() -> None:
    given = []

    async def script(exchange: Exchange) -> None:
        given.append(exchange.headers.get("authorization"))
        await exchange.answer(200, b"bargein_sessions_open 1")

    async with scripted(script, lists=script) as server, http_client() as client:
        url = server.url.replace("/v1", "/metrics")
        assert await ServerSide(url, 0.0, "a-key").read(client)
        assert await ServerSide(url, 0.0).read(client)
    assert given == ["Bearer a-key", None]


@pytest.mark.parametrize("page", ["<!doctype html><title>Metrics</title>", 'x{le="0.1', "x y"])
async def test_a_page_that_is_none_of_metrics_gives_nothing(page: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, page.encode())

    async with scripted(script, lists=script) as server, http_client() as client:
        side = ServerSide(server.url, 0.0)
        assert not await side.read(client)
        assert side.readings == []


def test_workers_are_added_up() -> None:
    text = """# TYPE x gauge
process_cpu_seconds_total{worker="0"} 1.5
process_cpu_seconds_total{worker="1"} 2.5
bargein_cancel_seconds_bucket{le="0.1",worker="0"} 3.0
bargein_cancel_seconds_bucket{worker="1",le="0.1"} 4.0
bargein_cancel_seconds_sum{worker="0"} 0.1
something_else{text="a } b"} 9
"""
    reading = parse_metrics(text, 0.0)
    assert reading.values == {"cpu_s": 4.0}
    assert reading.buckets == {"cancel": {0.1: 7.0}}


def test_percentiles_are_of_what_happened_in_between() -> None:
    before = {0.1: 5.0, 1.0: 10.0, math.inf: 10.0}
    after = {0.1: 5.0, 1.0: 12.0, math.inf: 12.0}
    assert bucket_percentile(before, after, 0.5) == 1.0
    assert bucket_percentile(after, after, 0.5) is None


def test_cpu_is_a_share_of_the_time_between_two_readings() -> None:
    server = ServerSide("", 0.0)
    server.readings = [Reading(at_s, {"cpu_s": cpu_s}, {}) for at_s, cpu_s in ((0, 10.0), (2, 11.0), (4, 11.5))]
    assert server.cpu_shares() == [(2, 0.5), (4, 0.25)]


@pytest.mark.parametrize(
    ("url", "metrics"),
    [
        ("ws://127.0.0.1:8765/v1/realtime?model=x", "http://127.0.0.1:8765/metrics"),
        ("wss://voice.example/v1/realtime", "https://voice.example/metrics"),
    ],
)
def test_metrics_are_at_the_same_address(url: str, metrics: str) -> None:
    assert metrics_url(url) == metrics
