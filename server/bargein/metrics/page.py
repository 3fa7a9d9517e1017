"""All metrics as a Markdown table, for ``docs/metrics.md``: written from the registry itself.

``scripts/write_docs.py`` writes it; ``python -m bargein.metrics.page`` prints it.
"""

from __future__ import annotations

from typing import Final

from prometheus_client.metrics_core import Metric

from bargein.metrics.metrics import Metrics

_BEGIN_WITH_USE: Final = {
    "bargein_caller_errors",
    "bargein_cost_dollars",
    "bargein_http_requests",
    "bargein_tool_calls",
    "bargein_tool_call_seconds",
    "bargein_unpriced",
}
"""Families whose labels have values of their own: they are begun here to learn the labels' names."""
_OF_THE_LIBRARY: Final = "process_"
_SUFFIXES: Final = {"counter": "_total", "info": "_info"}


def table() -> str:
    """One row for each metric: its name as it is scraped, its type, its labels with their values, its meaning."""
    metrics = Metrics()
    metrics.caller_error(None)
    metrics.http_request("", 0)
    metrics.tool_called("", "", 0)
    metrics.cost_dollars.labels("")
    metrics.unpriced.labels("")
    families = metrics.registry.collect()
    rows = sorted(_row(family) for family in families if not family.name.startswith(_OF_THE_LIBRARY))
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *rows]) + "\n"


def _row(family: Metric) -> str:
    name = family.name + _SUFFIXES.get(family.type, "")
    return f"| `{name}` | {family.type} | {_labels(family)} | {family.documentation} |"


def _labels(family: Metric) -> str:
    values: dict[str, list[str]] = {}
    for sample in family.samples:
        for label, value in sample.labels.items():
            if label != "le" and value not in values.setdefault(label, []):
                values[label].append(value)
    if family.type == "info" or family.name in _BEGIN_WITH_USE:
        return ", ".join(f"`{label}`" for label in values)
    return "; ".join(f"`{label}`: {', '.join(shown)}" for label, shown in values.items())


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - it is what this is for
