"""The board and the alerts that ship: they name metrics that there are, and a real Prometheus has data for them."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
import websockets
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bargein.demo.process import DemoModelProcess
from bargein.metrics import Metrics
from support.programs import require_program
from support.server_process import serve
from support.stock_clients import REPOSITORY

OBSERVE = REPOSITORY / "observe"
BOARD: dict[str, Any] = json.loads((OBSERVE / "grafana/dashboards/bargein.json").read_text(encoding="utf-8"))
ADDED_BY_PROMETHEUS = {"instance", "job", "worker", "le"}
QUERIES = [(panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel["targets"]]
LATENESS_S = 120.0
"""Only turns a hang into a failure."""


def metrics_of_a_server() -> dict[str, set[str]]:
    """Every sample's name, with the labels that it has; those that begin with their first increment are begun."""
    metrics = Metrics()
    metrics.caller_error("invalid_value")
    metrics.http_request("/", 200)
    metrics.cost_dollars.labels("model")
    metrics.unpriced.labels("model")
    metrics.tool_called("tool", "ok", 0.1)
    names: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            names.setdefault(sample.name, set()).update(sample.labels)
    return names


def alert_expressions() -> list[str]:
    text = (OBSERVE / "alerts.yml").read_text(encoding="utf-8")
    return re.findall(r"expr: (?:\|\n)?(.*?)\n +(?:for|labels):", text, re.DOTALL)


@pytest.mark.parametrize("expression", [*(query for _, query in QUERIES), *alert_expressions()])
def test_every_metric_and_label_that_is_asked_for_exists(expression: str) -> None:
    there = metrics_of_a_server()
    asked = re.findall(r"\b((?:bargein|process)_\w+)(?:\{([^}]*)\})?", expression)
    assert asked or "ALERTS" in expression or "up{" in expression
    for name, selector in asked:
        assert name in there
        assert set(re.findall(r"(\w+)=~?\"", selector)) <= there[name] | ADDED_BY_PROMETHEUS
    labels = {label for name, _ in asked for label in there[name]}
    for by in re.findall(r"\bby \(([^)]*)\)", expression):
        assert set(re.split(r", *", by)) <= labels | ADDED_BY_PROMETHEUS


def test_nothing_on_the_board_has_no_title_no_text_or_another_source() -> None:
    assert len({(panel["title"], panel["type"]) for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for panel in BOARD["panels"]:
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    source = (OBSERVE / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    assert "uid: prometheus" in source


def test_the_alerts_are_raised_by_what_must_raise_them_and_by_nothing_else() -> None:
    promtool = require_program("promtool")
    done = subprocess.run(
        [promtool, "test", "rules", "alerts_test.yml"], cwd=OBSERVE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tested = (OBSERVE / "alerts_test.yml").read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", (OBSERVE / "alerts.yml").read_text(encoding="utf-8"))
    assert [alert for alert in alerts if f"alertname: {alert}," not in tested] == []
    assert f"value: {len(alerts)}}}" in tested


@contextmanager
def prometheus(scraped: str, directory: Path) -> Iterator[str]:
    """A real Prometheus with the configuration that ships, but for where the server is and how often it is asked."""
    program = require_program("prometheus")
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(OBSERVE / name, directory)
    config = directory / "prometheus.yml"
    (directory / "key").write_text("none")
    text = config.read_text()
    for ships, here in (
        ("bargein:8765", scraped),
        ("/tmp/metrics-key", str(directory / "key")),  # noqa: S108 - as it ships
        ("scrape_interval: 5s", "scrape_interval: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
    ):
        assert text.count(ships) == 1
        text = text.replace(ships, here)
    config.write_text(text)
    options = [
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield f"http://{address_in(process.stderr)}"
        finally:
            process.terminate()


def address_in(log: IO[str]) -> str:
    """Where Prometheus says that it listens. What it says after that is read and thrown away."""
    lines = []
    for line in log:
        lines.append(line)
        if found := re.search(r"Listening on.*address=(127\.\S+)", line):
            threading.Thread(target=log.read, daemon=True).start()
            return found[1]
    raise AssertionError("".join(lines))


def ask(url: str, query: str) -> list[float]:
    """The values that Prometheus has for a query, now."""
    answer = httpx.get(f"{url}/api/v1/query", params={"query": query})
    if answer.status_code == 503:  # It reads what it has stored.
        return []
    assert answer.status_code == 200, f"{query}: {answer.text}"
    result = answer.json()["data"]["result"]
    return [float(sample["value"][1]) for sample in result]


def as_grafana_asks(expression: str) -> str:
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


async def make_a_mistake(url: str) -> None:
    async with websockets.connect(url) as socket:
        await socket.send('{"type": "nonsense"}')
        async for message in socket:
            if json.loads(message)["type"] == "error":
                return


async def test_every_panel_has_data_after_some_calls(demo_model: DemoModelProcess, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[models."gpt-audio-1.5"]\ntext_in = 1\naudio_in = 1\ntext_out = 1\naudio_out = 1\n')
    priced = serve("--upstream", demo_model.base_url, settings={"BARGEIN_PRICES": str(prices)})
    with priced as server, prometheus(server.address, tmp_path) as url:
        await make_a_mistake(server.realtime_url)
        load = ["load", "--url", server.realtime_url, "--callers", "4", "--duration", "20", "--ramp", "1"]
        command = [sys.executable, "-m", "bargein", *load, "--scenario", "barge-in"]
        calling = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
        assert await calling.wait() == 0
        missing = QUERIES
        until = time.monotonic() + LATENESS_S
        while missing and time.monotonic() < until:
            missing = [
                (title, query)
                for title, query in missing
                if not any(map(math.isfinite, ask(url, as_grafana_asks(query))))
            ]
            await asyncio.sleep(0.5)  # Prometheus has no way to be waited for.
        assert missing == []
        assert sum(ask(url, "bargein_barge_ins_total")) > 0
        assert sum(ask(url, "bargein_cost_dollars_total")) > 0
        assert ask(url, 'up{job="bargein"}') == [1.0]
