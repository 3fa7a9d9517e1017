"""Conditions: what they accept, and what they say when they do not."""

from __future__ import annotations

import pytest

from bargein.load.conditions import parse_condition
from bargein.load.errors import UsageError


@pytest.mark.parametrize(
    ("text", "figure", "limit"),
    [
        ("barge_in_p99>250ms", "barge_in_p99", 250),
        ("response_p50 >= 1.2s", "response_p50", 1200),
        ("missing_replies>0", "missing_replies", 0),
        ("server_cpu_max>90%", "server_cpu_max", 90),
        ("server_memory_max>500MB", "server_memory_max", 500),
    ],
)
def test_conditions_are_read_in_the_unit_of_their_figure(text: str, figure: str, limit: float) -> None:
    condition = parse_condition(text)
    assert (condition.figure, condition.limit) == (figure, limit)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("barge_in_p99", "write it as"),
        ("bargein_p99>250ms", "did you mean barge_in_p99"),
        ("barge_in_p99>250", "its unit is ms"),
        ("missing_replies>0ms", "plain number"),
    ],
)
def test_a_wrong_condition_says_what_is_wrong(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        parse_condition(text)
