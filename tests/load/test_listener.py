"""The loudspeaker model, on literal times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.load.listener import Listener

RATE = 1000


def listener() -> Listener:
    return Listener(RATE)


def test_plays_in_real_time_from_arrival() -> None:
    speaker = listener()
    speaker.receive("a", 500, 10.0)
    speaker.advance(10.2)
    assert speaker.heard_samples("a") == 200
    assert speaker.sounding
    assert speaker.dry_at_s == pytest.approx(10.5)
    speaker.advance(11.0)
    assert speaker.heard_samples("a") == 500
    assert speaker.dry_at_s is None
    assert speaker.items["a"].last_heard_s == pytest.approx(10.5)
    assert speaker.items["a"].first_heard_s == 10.0


def test_a_gap_inside_an_item_is_an_underrun() -> None:
    speaker = listener()
    speaker.receive("a", 100, 0.0)
    speaker.receive("a", 100, 0.3)
    (gap,) = speaker.underruns
    assert gap.start_s == pytest.approx(0.1)
    assert gap.duration_s == pytest.approx(0.2)


def test_running_dry_at_the_end_is_no_underrun() -> None:
    speaker = listener()
    speaker.receive("a", 100, 0.0)
    speaker.advance(0.2)
    speaker.end("a", 0.25)
    speaker.receive("b", 100, 1.0)
    assert speaker.underruns == []
    assert speaker.items["a"].played_out


def test_a_hold_keeps_everything_and_resumes_at_the_held_sample() -> None:
    speaker = listener()
    speaker.receive("a", 500, 0.0)
    speaker.hold("a", 0.2)
    assert not speaker.sounding
    assert speaker.items["a"].last_heard_s == pytest.approx(0.2)
    speaker.receive("a", 100, 0.3)
    speaker.advance(0.9)
    assert speaker.heard_samples("a") == 200
    speaker.resume("a", 1.0)
    speaker.advance(1.1)
    assert speaker.heard_samples("a") == 300
    assert [(span.start_sample, span.sample_count) for span in speaker.spans] == [(0, 200), (200, 100)]
    assert speaker.underruns == []


def test_a_hold_of_an_item_that_has_not_begun_gates_its_sound() -> None:
    speaker = listener()
    speaker.hold("a", 0.0)
    speaker.receive("a", 100, 0.1)
    speaker.advance(1.0)
    assert speaker.heard_samples("a") == 0
    assert not speaker.sounding
    assert speaker.dry_at_s is None


def test_a_hold_further_back_in_the_queue_silences_when_it_is_reached() -> None:
    speaker = listener()
    speaker.receive("a", 100, 0.0)
    speaker.end("a", 0.0)
    speaker.receive("b", 100, 0.0)
    speaker.hold("b", 0.05)
    speaker.advance(0.5)
    assert not speaker.sounding
    assert speaker.items["a"].last_heard_s == pytest.approx(0.1)
    assert speaker.heard_samples("b") == 0


def test_flush_drops_what_was_not_heard() -> None:
    speaker = listener()
    speaker.receive("a", 500, 0.0)
    speaker.receive("b", 500, 0.0)
    assert speaker.flush("a", 0.123) == 123
    speaker.advance(0.2)
    assert speaker.heard_samples("b") == 77
    assert speaker.flush_all(0.3) == ["b"]
    assert not speaker.sounding
    assert speaker.items["b"].last_heard_s == pytest.approx(0.3)
    assert speaker.items["b"].flushed


def test_flush_after_a_hold_keeps_the_earlier_silence() -> None:
    speaker = listener()
    speaker.receive("a", 500, 0.0)
    speaker.hold("a", 0.1)
    speaker.flush("a", 0.3)
    assert speaker.items["a"].last_heard_s == pytest.approx(0.1)
    speaker.receive("b", 100, 0.4)
    assert speaker.sounding, "nothing is held any more"


def test_resuming_another_item_changes_nothing() -> None:
    speaker = listener()
    speaker.receive("a", 500, 0.0)
    speaker.hold("a", 0.1)
    speaker.resume("b", 0.2)
    assert not speaker.sounding


def test_sound_that_leaks_after_a_flush_is_heard_at_its_own_place() -> None:
    speaker = listener()
    speaker.receive("a", 500, 0.0)
    speaker.flush("a", 0.1)
    speaker.receive("a", 50, 0.2)
    speaker.advance(1.0)
    assert speaker.heard_samples("a") == 150
    assert speaker.spans[-1].start_sample == 500


STEPS = st.lists(
    st.tuples(st.sampled_from(["receive", "hold", "resume", "flush", "advance", "end"]), st.sampled_from("ab"),
              st.integers(1, 400), st.floats(0, 0.3)),
    max_size=40,
)  # fmt: skip


@given(STEPS)
def test_heard_never_exceeds_received_and_spans_never_overlap(steps: list[tuple[str, str, int, float]]) -> None:
    speaker = listener()
    now_s = 0.0
    for name, item, count, pause_s in steps:
        now_s += pause_s
        if name == "receive":
            speaker.receive(item, count, now_s)
        elif name == "advance":
            speaker.advance(now_s)
        else:
            getattr(speaker, name)(item, now_s)
        for state in speaker.items.values():
            assert 0 <= state.heard_samples <= state.received_samples
    speaker.advance(now_s + 100)
    heard = {item: sum(span.sample_count for span in speaker.spans if span.item_id == item) for item in speaker.items}
    assert heard == {item: state.heard_samples for item, state in speaker.items.items()}
    for before, after in zip(speaker.spans, speaker.spans[1:], strict=False):
        assert after.start_s >= before.start_s + before.sample_count / RATE - 1e-6
        assert after.start_s <= now_s + 100
