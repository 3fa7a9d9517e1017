"""Calls of ten minutes to the demo model, which counts its tokens: what the server says that they cost."""

from __future__ import annotations

import pytest
from benchmarks.cost import GPT_AUDIO, POLICIES, Policy, call, call_by_arithmetic, dollars


@pytest.mark.parametrize(("sound_turns", "policy"), [(0, POLICIES[1]), (2, POLICIES[3])], ids=["sound", "in words"])
async def test_what_a_call_of_ten_minutes_costs(sound_turns: int, policy: Policy) -> None:
    """Within 1 % of what the model's own log comes to; and near what the arithmetic of the docs says, which knows
    nothing of the demo model's way of counting, nor what a recogniser takes.
    """
    measured = await call(sound_turns, turns=30)
    assert measured.turns == 30
    assert measured.minutes == pytest.approx(10.0, abs=0.2)
    assert measured.shown == pytest.approx(measured.counted, rel=0.01)
    expected = dollars(call_by_arithmetic(policy, minutes=10), GPT_AUDIO)
    assert measured.shown == pytest.approx(expected, rel=0.1)


def test_by_arithmetic_sound_that_is_kept_costs_most() -> None:
    """The figures of docs/what-it-costs.md."""
    ten = {policy.name: dollars(call_by_arithmetic(policy, 10), GPT_AUDIO) for policy in POLICIES}
    everything, _, slides, steps, _ = ten.values()
    assert everything == pytest.approx(4.42, abs=0.01)
    assert steps == pytest.approx(0.66, abs=0.01)
    assert slides < steps < everything / 6
