"""Whether the model can be asked: what is everybody's trouble, and what is one request's."""

from __future__ import annotations

import pytest

from bargein.errors import (
    AudioGone,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnavailable,
)
from bargein.upstream.health import HOLD_S, Fault, ModelHealth, Trouble

KEY = UpstreamRefused("key", code="invalid_api_key", http_status=401)
DOWN = UpstreamUnavailable("down", http_status=500)
AWAY = UpstreamUnavailable("away", code="connect_failed")


def trouble(health: ModelHealth) -> Trouble | None:
    return health.trouble


AT_ONCE: list[tuple[UpstreamError, Fault]] = [
    (AWAY, "unreachable"),
    (UpstreamUnavailable("tls", code="tls_failed"), "unreachable"),
    (UpstreamTimedOut("slow", code="connect_timeout"), "unreachable"),
    (KEY, "key_refused"),
    (UpstreamRefused("no", http_status=403), "forbidden"),
    (UpstreamRefused("no such model", code="model_not_found", http_status=404), "not_found"),
    (UpstreamRefused("pay", http_status=402), "no_credit"),
    (UpstreamRateLimited("pay", code="insufficient_quota", http_status=429), "no_credit"),
]


@pytest.mark.parametrize(("error", "fault"), AT_ONCE)
def test_what_everybody_will_meet_is_trouble_at_once(error: UpstreamError, fault: Fault) -> None:
    health = ModelHealth()
    health.turn_failed(error, 5.0)
    assert trouble(health) == Trouble(fault, error.message, 5.0)
    health.turn_succeeded(6.0)
    assert trouble(health) is None


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRefused("bad request", http_status=400),
        UpstreamRefused("too large", http_status=413),
        UpstreamRateLimited("slower", http_status=429),
        AudioGone("gone", code="audio_not_found", http_status=404),
    ],
)
def test_what_one_request_gets_wrong_is_nobody_elses(error: UpstreamError) -> None:
    health = ModelHealth()
    for now_s in range(10):
        health.turn_failed(error, now_s)
    assert trouble(health) is None


@pytest.mark.parametrize(
    "error", [DOWN, UpstreamTimedOut("slow", code="first_byte_timeout"), UpstreamMalformed("?", code="invalid_json")]
)
def test_three_failures_in_a_row_are_trouble(error: UpstreamError) -> None:
    health = ModelHealth()
    for now_s in (1.0, 2.0):
        health.turn_failed(error, now_s)
    assert trouble(health) is None
    health.turn_succeeded(3.0)
    for now_s in (4.0, 5.0):
        health.turn_failed(error, now_s)
    assert trouble(health) is None, "not in a row"
    health.asked_well(5.5)
    health.turn_failed(error, 6.0)
    assert trouble(health) == Trouble("failing", error.message, 6.0)


def test_failures_of_different_hours_are_not_in_a_row() -> None:
    health = ModelHealth()
    for now_s in (0.0, 100.0, 200.0, 300.0):
        health.turn_failed(DOWN, now_s)
    assert trouble(health) is None


def test_a_light_question_that_is_answered_ends_what_it_can_know_of() -> None:
    health = ModelHealth()
    health.asked_badly(AWAY, 1.0)
    assert trouble(health) == Trouble("unreachable", "away", 1.0)
    health.asked_well(2.0)
    assert trouble(health) is None
    health.turn_failed(AWAY, 3.0)
    health.asked_well(4.0)
    assert trouble(health) is None


def test_turns_outweigh_light_questions_for_a_while_and_for_longer_each_time() -> None:
    """A server may list its models to anybody, and refuse everybody's turns."""
    health = ModelHealth()
    now_s = 100.0
    for times in (1, 2, 4):
        health.turn_failed(KEY, now_s)
        health.turn_failed(KEY, now_s + 1)
        health.asked_well(now_s + times * HOLD_S - 0.1)
        assert trouble(health) is not None
        now_s += times * HOLD_S
        health.asked_well(now_s)
        assert trouble(health) is None
    health.turn_succeeded(now_s)
    health.turn_failed(KEY, now_s)
    health.asked_well(now_s + HOLD_S)
    assert trouble(health) is None, "back to the shortest"


def test_changes_are_told_once_and_since_when_is_kept() -> None:
    told: list[Trouble | None] = []
    health = ModelHealth(told.append)
    health.turn_failed(AWAY, 1.0)
    health.asked_badly(AWAY, 2.0)
    health.asked_badly(KEY, 3.0)
    health.turn_succeeded(4.0)
    health.turn_succeeded(5.0)
    assert told == [Trouble("unreachable", "away", 1.0), Trouble("key_refused", "key", 1.0), None]


def test_a_question_that_fails_otherwise_is_trouble_too() -> None:
    health = ModelHealth()
    health.asked_badly(UpstreamUnavailable("overloaded", http_status=503), 1.0)
    assert trouble(health) == Trouble("failing", "overloaded", 1.0)
