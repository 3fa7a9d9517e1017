"""The sound of one reply on literal times."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargein.alignment.heard_words import Transcript
from bargein.core.audio import PCM16_24K, audio_bytes
from bargein.core.items import OutputAudio
from bargein.core.playback import AssumedPosition, Playback, Position, ReportedPosition

SAMPLES_100_MS = 2400


def playback(position: Position | None = None, lead_ms: int | None = 400) -> Playback:
    lead = None if lead_ms is None else PCM16_24K.samples_in_ms(lead_ms)
    audio = OutputAudio(PCM16_24K, Transcript(24_000))
    return Playback(audio, position or AssumedPosition(24_000), lead_samples=lead, slice_samples=SAMPLES_100_MS)


def drain(sound: Playback, now: float) -> int:
    count = 0
    while (due := sound.take(now)) is not None:
        count += due[1]
    return count


def test_starved_time_is_not_heard() -> None:
    sound = playback()
    sound.add(bytes(2 * SAMPLES_100_MS), SAMPLES_100_MS)
    drain(sound, 10.0)
    assert sound.heard(10.5) == SAMPLES_100_MS
    sound.add(bytes(2 * SAMPLES_100_MS), SAMPLES_100_MS)
    drain(sound, 11.0)
    assert sound.heard(11.05) == SAMPLES_100_MS + 1200


def test_a_report_is_carried_on_by_one_interval_at_most() -> None:
    position = ReportedPosition(24_000, 0.1)
    sound = playback(position)
    sound.add(bytes(2 * 24_000), 24_000)
    drain(sound, 0.0)
    position.report(2400, 0.2, playing=True)
    assert sound.heard(0.25) == 2400 + 1200
    assert sound.heard(5.0) == 2400 + 2400
    position.report(2400, 5.1, playing=False)
    assert sound.heard(6.0) == 4800


@pytest.mark.parametrize(("playing", "patience_s"), [(True, 2.0), (False, 10.0)])
def test_a_player_that_reports_no_more_is_assumed_to_play_on(playing: bool, patience_s: float) -> None:
    came_at = 0.0
    position = ReportedPosition(24_000, 0.1, lambda: came_at)
    sound = playback(position)
    sound.add(bytes(2 * 48_000), 48_000)
    drain(sound, 0.0)
    position.report(2400, 0.2, playing=playing)
    reported = sound.heard(1.0)
    came_at = 0.2 + patience_s - 0.1
    assert sound.heard(60.0) == reported, "its line is gone: who knows what it plays"
    came_at = at = 0.2 + patience_s
    assert sound.heard(at) == reported
    assert sound.heard(at + 0.1) == reported + 2400
    position.report(3000, at + 0.2, playing=False)
    assert sound.heard(at + 0.2) == 3000, "what was assumed is not held against it"


def test_the_last_word_of_the_caller_may_correct_downwards() -> None:
    position = ReportedPosition(24_000, 0.1)
    sound = playback(position)
    sound.add(bytes(2 * 24_000), 24_000)
    drain(sound, 0.0)
    position.report(2400, 0.2, playing=True)
    assert sound.heard(0.3) == 4800
    position.report(3000, 0.3, playing=False, final=True)
    assert sound.heard(9.0) == 3000


@settings(deadline=None)
@given(
    pieces=st.lists(st.integers(1, 5000), min_size=1, max_size=12),
    as_text=st.booleans(),
    steps=st.lists(st.floats(0, 0.5), max_size=30),
    lead_ms=st.sampled_from([None, 100, 400]),
)
def test_every_sample_is_sent_once_and_in_order_never_beyond_the_lead(
    pieces: list[int], as_text: bool, steps: list[float], lead_ms: int | None
) -> None:
    sound = playback(lead_ms=lead_ms)
    total = sum(pieces)
    whole = b"".join(index.to_bytes(2, "little") for index in (i % 65536 for i in range(total)))
    at = 0
    for count in pieces:
        raw = whole[2 * at : 2 * (at + count)]
        sound.add(base64.b64encode(raw).decode() if as_text else raw, count)
        at += count
    now, sent = 0.0, b""
    for step in [*steps, 10_000.0, 10_000.0]:
        now += step
        while (due := sound.take(now)) is not None:
            start, count, audio = due
            assert 2 * start == len(sent)
            sent += audio_bytes(audio)
            assert len(sent) == 2 * (start + count)
            if lead_ms is not None:
                assert sound.sent_samples - sound.heard(now) <= PCM16_24K.samples_in_ms(lead_ms) + 1
    # Each delta is a slice of one piece and waits for room for a whole one.
    for _ in range(total // SAMPLES_100_MS + 2 * len(pieces)):
        now += 1.0
        while (due := sound.take(now)) is not None:
            sent += audio_bytes(due[2])
    assert sent == whole
