"""Where the time of a turn goes, on literal times."""

from __future__ import annotations

import pytest

from bargein.metrics import Metrics
from bargein.session.latency import TurnClock


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("test")


@pytest.fixture
def clock(metrics: Metrics) -> TurnClock:
    return TurnClock(metrics)


def count(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(name)


def test_the_stages_of_an_answer_sum_to_the_time_since_the_last_word(clock: TurnClock, metrics: Metrics) -> None:
    clock.speech_ended(0.5, 10.0)
    clock.asked("resp", 10.0)
    clock.audio_came("resp", 10.3)
    clock.audio_came("resp", 10.4)
    measured = clock.audio_sent("resp", 10.35)
    assert measured is not None
    assert measured.stages_ms == pytest.approx({"endpointing": 500, "model": 300, "pacing": 50})
    assert count(metrics, "bargein_response_latency_seconds_count") == 1
    assert clock.audio_sent("resp", 10.5) is None


def test_a_response_out_of_band_does_not_take_the_turn_from_its_answer(clock: TurnClock, metrics: Metrics) -> None:
    clock.speech_ended(0.5, 10.0)
    for response_id, answers_turn in (("aside", False), ("answer", True)):
        clock.asked(response_id, 10.0, answers_turn=answers_turn)
        clock.audio_came(response_id, 10.2)
    aside, answer = clock.audio_sent("aside", 10.2), clock.audio_sent("answer", 10.2)
    assert aside is not None
    assert answer is not None
    assert "endpointing" not in aside.stages_ms
    assert "endpointing" in answer.stages_ms
    assert count(metrics, "bargein_response_latency_seconds_count") == 1


def test_an_interruption_is_measured_to_the_closed_stream(clock: TurnClock, metrics: Metrics) -> None:
    clock.evidence(20.0, 20.08)
    clock.held(20.08)
    assert clock.barged_in("resp", 20.24, cancels=True) is None
    measured = clock.stream_closed("resp", 0.002)
    assert measured is not None
    assert measured.stages_ms == pytest.approx({"evidence": 80, "confirm": 160, "cancel": 2})
    assert clock.stream_closed("another", 0.002) is None
    assert count(metrics, "bargein_barge_ins_total") == 1
    assert count(metrics, "bargein_cancel_seconds_count") == 2


def test_who_goes_on_after_a_pause_interrupts_at_once(clock: TurnClock, metrics: Metrics) -> None:
    clock.evidence(20.0, 20.08)
    clock.speech_began()
    clock.evidence(20.0, 29.0)
    assert clock.barged_in("resp", 29.0, cancels=True) is None
    assert clock.stream_closed("resp", 0.002) is None
    assert count(metrics, "bargein_barge_ins_total") == 1
    assert count(metrics, "bargein_confirm_delay_seconds_count") == 0
    # The next one is measured again.
    clock.speech_ended(0.5, 30.0)
    clock.evidence(31.0, 31.08)
    assert clock.barged_in("another", 31.24, cancels=False) is not None


def test_holds_are_counted_by_their_ends(clock: TurnClock, metrics: Metrics) -> None:
    for reason in ("misfire", "echo", "announced", "waiting", "failed", "expired", "confirmed", "stopped"):
        clock.hold_ended(reason)
    found = {
        outcome: metrics.registry.get_sample_value("bargein_holds_total", {"outcome": outcome})
        for outcome in ("resumed", "expired", "confirmed")
    }
    assert found == {"resumed": 5, "expired": 1, "confirmed": 1}


def test_a_reply_that_waits_for_the_caller_says_nothing_about_us(clock: TurnClock, metrics: Metrics) -> None:
    clock.speech_ended(0.5, 10.0)
    clock.speech_began()
    clock.asked("greeting", 12.0)
    clock.audio_came("greeting", 12.5)
    clock.speech_ended(0.5, 20.0)
    measured = clock.audio_sent("greeting", 20.0)
    assert measured is not None
    assert measured.stages_ms == {"model": 500.0, "pacing": 7500.0}
    assert count(metrics, "bargein_first_delta_delay_seconds_count") == 0
    assert count(metrics, "bargein_response_latency_seconds_count") == 0
