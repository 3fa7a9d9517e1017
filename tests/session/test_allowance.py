"""How much of something may be used over time."""

from __future__ import annotations

import pytest

from bargein.session.allowance import Allowance

BURST = 100
PER_S = 50


def used_up() -> Allowance:
    """At time 0."""
    allowance = Allowance(PER_S, BURST)
    assert sum(allowance.take(1, 0.0) for _ in range(2 * BURST)) == BURST
    return allowance


def test_it_comes_back_over_time() -> None:
    allowance = used_up()
    assert allowance.take(PER_S, 1.0)
    assert not allowance.take(1, 1.0)
    assert allowance.take(BURST, 60.0)
    assert not allowance.take(1, 60.0)


@pytest.mark.parametrize("stalled_s", [1.0, 5.0, 11.0, 60.0])
def test_what_waited_during_a_stall_is_allowed_when_it_comes_at_once(stalled_s: float) -> None:
    """However much of it there is: it is forgiven when the first of it is too much, before the rest is seen."""
    waited = int(PER_S * stalled_s)
    allowance = used_up()
    now = 0.0
    assert not allowance.take(1, now)
    allowance.forgive(stalled_s)
    assert sum(allowance.take(1, now) for _ in range(2 * waited)) == waited

    allowance = used_up()
    assert allowance.spend(1, now) > 0.0
    allowance.forgive(stalled_s)
    assert allowance.spend(waited - 1, now) == 0.0
    assert allowance.spend(1, now) == pytest.approx(1 / PER_S, abs=1e-3)


def test_what_is_forgiven_is_used_last() -> None:
    allowance = Allowance(PER_S, BURST)
    allowance.forgive(2.0)
    assert sum(allowance.take(1, 0.0) for _ in range(1000)) == BURST + 2 * PER_S
    assert sum(allowance.take(1, 10.0) for _ in range(1000)) == BURST
