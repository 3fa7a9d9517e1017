"""What the observer measures and counts of the core's actions, on literal times."""

from __future__ import annotations

from typing import get_args

import pytest
from structlog.testing import LogCapture

from bargein.core import actions
from bargein.core.completion import CompletionRequest, Usage
from bargein.core.config import ResponseSettings
from bargein.core.decisions import HoldEnded, HoldEndReason, Interrupted
from bargein.core.items import Failure, Response
from bargein.errors import CallerError, CallerGone
from bargein.metrics import Metrics
from bargein.session.endings import too_slow
from bargein.session.latency import Measured
from bargein.session.observer import Observer
from support.money import observer_of

RATE_HZ = 24_000


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("test")


@pytest.fixture
def observer(metrics: Metrics) -> Observer:
    return observer_of(metrics)


def count(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def asked(response_id: str, *, conversation_id: str | None = "conv") -> actions.ResponseCreated:
    return actions.ResponseCreated(Response(response_id, ResponseSettings(), conversation_id))


def sent(observer: Observer, response_id: str, now: float, *, start_sample: int = 0) -> Measured | None:
    audio = actions.AudioSent(response_id, "item", 0, 1, start_sample, RATE_HZ // 2, b"")
    return observer.sound_sent(audio, RATE_HZ, now)


def interrupted(response_id: str, *, cancels: bool) -> Interrupted:
    cancelled = response_id if cancels else None
    return Interrupted(response_id, "confirmed", 240, 0, 160.0, cancelled, ("item",), None)


def ended_after(quiet_ms: float) -> actions.SpeechStopped:
    return actions.SpeechStopped("turn", 1000, quiet_ms)


BEGAN = actions.SpeechStarted("turn", 0)


def test_the_stages_of_an_answer_sum_to_the_time_since_the_last_word(observer: Observer, metrics: Metrics) -> None:
    observer.note(ended_after(500), 10.0)
    observer.note(asked("resp"), 10.0)
    observer.sound_came("resp", 10.3)
    observer.sound_came("resp", 10.4)
    measured = sent(observer, "resp", 10.35)
    assert measured is not None
    assert measured.stages_ms == pytest.approx({"endpointing": 500, "model": 300, "pacing": 50})
    assert count(metrics, "bargein_response_latency_seconds_count") == 1
    assert sent(observer, "resp", 10.5) is None


def test_a_response_out_of_band_does_not_take_the_turn_from_its_answer(observer: Observer, metrics: Metrics) -> None:
    observer.note(ended_after(500), 10.0)
    observer.note(asked("aside", conversation_id=None), 10.0)
    observer.note(asked("answer"), 10.0)
    for response_id in ("aside", "answer"):
        observer.sound_came(response_id, 10.2)
    aside, answer = sent(observer, "aside", 10.2), sent(observer, "answer", 10.2)
    assert aside is not None
    assert answer is not None
    assert "endpointing" not in aside.stages_ms
    assert "endpointing" in answer.stages_ms
    assert count(metrics, "bargein_response_latency_seconds_count") == 1


def test_an_interruption_is_measured_to_the_closed_stream(observer: Observer, metrics: Metrics) -> None:
    observer.speech_noticed(20.0, 20.08)
    observer.note(actions.Held("resp", "item", 0), 20.08)
    assert observer.note(interrupted("resp", cancels=True), 20.24) is None
    measured = observer.stream_closed("resp", 0.002)
    assert measured is not None
    assert measured.stages_ms == pytest.approx({"evidence": 80, "confirm": 160, "cancel": 2})
    assert observer.stream_closed("another", 0.002) is None
    assert count(metrics, "bargein_barge_ins_total") == 1
    assert count(metrics, "bargein_cancel_seconds_count") == 2
    assert count(metrics, "bargein_hold_delay_seconds_sum") == pytest.approx(0.08)
    assert count(metrics, "bargein_confirm_delay_seconds_sum") == pytest.approx(0.24)


def test_who_goes_on_after_a_pause_interrupts_at_once(observer: Observer, metrics: Metrics) -> None:
    observer.speech_noticed(20.0, 20.08)
    observer.note(BEGAN, 20.08)
    observer.speech_noticed(20.0, 29.0)
    assert observer.note(interrupted("resp", cancels=True), 29.0) is None
    assert observer.stream_closed("resp", 0.002) is None
    assert count(metrics, "bargein_barge_ins_total") == 1
    assert count(metrics, "bargein_confirm_delay_seconds_count") == 0
    # The next one is measured again.
    observer.note(ended_after(500), 30.0)
    observer.speech_noticed(31.0, 31.08)
    assert observer.note(interrupted("another", cancels=False), 31.24) is not None


def test_holds_are_counted_by_their_ends(observer: Observer, metrics: Metrics) -> None:
    for reason in get_args(HoldEndReason):
        observer.note(HoldEnded(reason, 100.0, "resp"), 1.0)
        observer.note(HoldEnded(reason, 100.0, None), 1.0)  # Nothing was heard that could have been held.
    found = {
        outcome: count(metrics, "bargein_holds_total", outcome=outcome)
        for outcome in ("resumed", "expired", "confirmed")
    }
    others = len(get_args(HoldEndReason)) - len(("expired", "confirmed", "stopped"))
    assert found == {"resumed": others, "expired": 1, "confirmed": 1}


def test_a_reply_that_waits_for_the_caller_says_nothing_about_us(observer: Observer, metrics: Metrics) -> None:
    observer.note(ended_after(500), 10.0)
    observer.note(BEGAN, 10.0)
    observer.note(asked("greeting"), 12.0)
    observer.sound_came("greeting", 12.5)
    observer.note(ended_after(500), 20.0)
    measured = sent(observer, "greeting", 20.0)
    assert measured is not None
    assert measured.stages_ms == {"model": 500.0, "pacing": 7500.0}
    assert count(metrics, "bargein_first_delta_delay_seconds_count") == 0
    assert count(metrics, "bargein_response_latency_seconds_count") == 0


def test_what_happened_is_counted_from_the_actions(lines: LogCapture, observer: Observer, metrics: Metrics) -> None:
    usage = Usage(
        input_text_tokens=1, input_audio_tokens=2, cached_tokens=3, output_text_tokens=4, output_audio_tokens=5
    )
    done = Response("resp", ResponseSettings(), "conv", status="completed", usage=usage)
    request = CompletionRequest((), audio=True, voice="alloy")
    observer.note(actions.StartStream("resp", request, again=True), 1.0)
    sent(observer, "resp", 1.0)
    sent(observer, "resp", 1.5, start_sample=RATE_HZ // 2)
    observer.note(actions.ResponseDone(done), 2.0)
    observer.note(actions.TranscriptionDone("turn", "hello", 1.0), 2.0)
    observer.note(actions.TranscriptionFailure("turn", Failure("server_error", "internal_error", "")), 2.0)
    observer.note(actions.InputMissing("turn", 10, 20), 2.0)
    observer.refused(CallerError("No such item.", code="item_retrieve_invalid_item_id"))
    observer.closing(too_slow(CallerGone(4408, "too slow")))
    observer.ended(4408, "too slow", 7.0, 3.0)
    assert count(metrics, "bargein_responses_total", status="completed") == 1
    assert count(metrics, "bargein_silent_replies_total", outcome="asked_again") == 1
    assert count(metrics, "bargein_tokens_total", direction="output", kind="audio") == 5
    assert count(metrics, "bargein_cached_tokens_total") == 3
    assert count(metrics, "bargein_transcriptions_total", outcome="completed") == 1
    assert count(metrics, "bargein_transcriptions_total", outcome="failed") == 1
    assert count(metrics, "bargein_caller_errors_total", code="input_audio_buffer_overflow") == 1
    assert count(metrics, "bargein_caller_errors_total", code="item_retrieve_invalid_item_id") == 1
    assert count(metrics, "bargein_slow_callers_closed_total") == 1
    assert count(metrics, "bargein_audio_seconds_total", direction="out") == 1.0
    assert [line["event"] for line in lines.entries] == [
        "the model answered without sound",
        "response done",
        "closing",
        "turn",
        "session used",
    ]
    used = lines.entries[-1]
    assert (used["responses"], used["barge_ins"], used["audio_in_s"], used["audio_out_s"]) == (1, 0, 7.0, 1.0)
    assert (used["input_audio_tokens"], used["output_text_tokens"], used["transcribed_s"]) == (2, 4, 1.0)
    kinds = ("input_text", "input_audio", "cached", "output_text", "output_audio")
    assert [lines.entries[1][f"{kind}_tokens"] for kind in kinds] == [1, 2, 3, 4, 5]
