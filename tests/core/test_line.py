"""How steadily a caller's sound comes, and how far ahead of the loudspeaker a reply is sent for it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bargein.core import actions, events
from bargein.core.config import CorePolicy
from bargein.core.line import BLOCKS, KNOWN_BLOCKS, Line
from support.conversation_script import Script, detecting

FRAME_S = 0.02
POLICY = CorePolicy(lead_ms=400, least_lead_ms=200)


def feed(line: Line, lates_s: Iterable[float], *, begin: int = 0) -> int:
    """Frames of 20 ms, each so much later than it was spoken. Returns how many came in all."""
    number = begin
    for late_s in lates_s:
        number += 1
        line.came(number * FRAME_S, 100.0 + number * FRAME_S + late_s)
    return number


def test_a_steady_line_has_no_jitter_and_is_known_after_a_second() -> None:
    line = Line()
    feed(line, [0.01] * int((KNOWN_BLOCKS - 0.1) / FRAME_S))
    assert line.jitter_s is None
    feed(line, [0.01] * 20, begin=int((KNOWN_BLOCKS - 0.1) / FRAME_S))
    assert line.jitter_s == pytest.approx(0.0, abs=1e-9)


def test_the_jitter_is_from_the_earliest_to_the_latest() -> None:
    line = Line()
    feed(line, [0.0, 0.03, 0.12, 0.05] * 60)
    assert line.jitter_s == pytest.approx(0.12)


def test_a_bad_moment_is_remembered_for_ten_seconds_and_no_longer() -> None:
    line = Line()
    count = feed(line, [0.0] * 200 + [0.15] + [0.0] * 300)
    assert line.jitter_s == pytest.approx(0.15)
    feed(line, [0.0] * int((BLOCKS + 1) / FRAME_S), begin=count)
    assert line.jitter_s == pytest.approx(0.0, abs=1e-9)


def test_the_latest_counts_while_it_lasts() -> None:
    """It is not waited for until the second is over: the next slice must not come too late."""
    line = Line()
    feed(line, [0.0] * 200 + [0.2, 0.2, 0.2])
    assert line.jitter_s == pytest.approx(0.2)


def test_what_comes_at_once_is_one_piece() -> None:
    """Messages of 100 ms are heard in five steps at one time: that is no jitter."""
    line = Line()
    for number in range(1, 60):
        for step in range(5):
            line.came((number - 1) * 0.1 + (step + 1) * 0.02, 100 + number * 0.1)
    assert line.jitter_s == pytest.approx(0.0, abs=1e-9)


def test_who_was_muted_begins_anew() -> None:
    line = Line()
    count = feed(line, [0.0] * 200)
    feed(line, [7.0], begin=count)
    assert line.jitter_s is None
    feed(line, [7.0] * 200, begin=count + 1)
    assert line.jitter_s == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("jitter_s", "lead_ms"),
    [(None, 400), (0.0, 200), (0.05, 200), (0.1, 250), (0.2, 350), (0.25, 400), (2.0, 400)],
)
def test_the_lead_is_what_the_jitter_needs(jitter_s: float | None, lead_ms: int) -> None:
    """A slice of 100 ms, 50 ms to spare, and the jitter."""
    assert POLICY.lead_on(jitter_s) == lead_ms


@pytest.mark.parametrize(
    "policy", [CorePolicy(), CorePolicy(least_lead_ms=400), CorePolicy(least_lead_ms=900)], ids=repr
)
def test_a_lead_can_be_fixed(policy: CorePolicy) -> None:
    assert policy.lead_on(0.0) == policy.lead_on(0.3) == policy.lead_on(None) == 400


def sent_ahead(script: Script) -> float:
    """What was sent and not played yet, in ms."""
    sent = sum(sound.sample_count for sound in script.all(actions.AudioSent))
    item_id = script.last(actions.OutputItemAdded).item.id
    heard = script.conversation.agent.playout.heard_now(item_id, script.now)
    assert heard is not None
    return (sent - heard) / 24


@pytest.mark.parametrize(
    ("policy", "reports", "most_ms"),
    [
        (POLICY, False, 200),
        (CorePolicy(), False, 400),
        (POLICY, True, 400),
        (CorePolicy(least_lead_ms=400), False, 400),
    ],
)
def test_a_reply_is_sent_so_far_ahead(policy: CorePolicy, reports: bool, most_ms: int) -> None:
    script = Script(detecting(), policy, reports=reports)
    script.silence(5000)
    script.ask()
    script.say("one two three four five six", 6000)
    assert sent_ahead(script) == pytest.approx(most_ms, abs=1)
    script.silence(1000)
    assert most_ms - 101 <= sent_ahead(script) <= most_ms + 1


def test_the_lead_grows_within_a_reply() -> None:
    script = Script(detecting(), POLICY)
    script.silence(5000)
    script.ask()
    script.say("one two three four five six", 9000)
    script.silence(1000)
    assert sent_ahead(script) <= 201
    # 150 ms late, once: what was held up in the network comes behind it.
    script.advance(170)
    fmt = script.config.input_format
    script.do(events.AudioAppended(bytes(fmt.bytes_of(fmt.samples_in_ms(20)))))
    script.advance(30)
    script.do(events.AudioAppended(bytes(fmt.bytes_of(fmt.samples_in_ms(180)))))
    script.advance(300)
    assert 250 <= sent_ahead(script) <= 301


def test_a_process_that_stood_still_says_nothing_about_the_line() -> None:
    script = Script(detecting(), POLICY)
    script.silence(5000)
    script.advance(300)
    script.conversation.forgive(0.3, script.now)
    assert script.conversation.caller.line.jitter_s is None
    fmt = script.config.input_format
    script.do(events.AudioAppended(bytes(fmt.bytes_of(fmt.samples_in_ms(300)))))
    script.silence(4000)
    assert script.conversation.caller.line.jitter_s == pytest.approx(0.0, abs=0.001)
