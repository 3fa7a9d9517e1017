"""Conditions that make a run a gate: ``barge_in_p99>250ms``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from bargein.load.errors import UsageError
from bargein.load.summary import FIGURES, Summary, Unit

_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_SHAPE: Final = re.compile(r"\s*([a-z0-9_]+)\s*(>=|<=|==|!=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|%|MB)?\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """Fails the run when it holds."""

    text: str
    figure: str
    compare: str
    limit: float
    """In the unit of the figure: milliseconds, percent, megabytes, or a number."""


@dataclass(frozen=True, slots=True)
class CheckedCondition:
    condition: Condition
    failed: bool
    value: float | None
    """``None``: nothing was measured, which fails as well: a gate that saw nothing has not passed."""
    unit: Unit


def parse_condition(text: str) -> Condition:
    """Read ``NAME OPERATOR NUMBER UNIT``.

    :raises UsageError: it is no condition, or names no figure; the message says what is.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise UsageError(
            f"--fail-if {text!r}: write it as NAME>NUMBER, such as barge_in_p99>250ms or missing_replies>0"
        )
    figure, compare, number, unit = shape.groups()
    if figure not in FIGURES:
        close = get_close_matches(figure, FIGURES, 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`bargein load --figures` lists them all"
        raise UsageError(f"--fail-if {text!r}: there is no figure {figure!r}; {hint}")
    wanted = _unit_of(figure)
    if unit == "s" and wanted == "ms":
        return Condition(text, figure, compare, 1000 * float(number))
    if unit != (wanted or None):
        need = f"its unit is {wanted}" if wanted else "it is a plain number"
        raise UsageError(f"--fail-if {text!r}: {figure}: {need}")
    return Condition(text, figure, compare, float(number))


def judge(condition: Condition, summary: Summary) -> CheckedCondition:
    unit = _unit_of(condition.figure)
    found = summary.figures().get(condition.figure)
    if found is None:
        return CheckedCondition(condition, failed=True, value=None, unit=unit)
    value = found[0]
    return CheckedCondition(condition, _OPERATORS[condition.compare](value, condition.limit), value, unit)


def _unit_of(figure: str) -> Unit:
    if figure.startswith("server_cpu_"):
        return "%"
    if figure == "server_memory_max":
        return "MB"
    return "ms" if figure.rpartition("_")[2] in ("p50", "p90", "p99", "max") else ""
