"""What is known of what was heard on the telephone, on literal times: seconds, and samples of 8 kHz."""

from __future__ import annotations

from bargein.protocols.twilio_playout import ALL, Heard, MarkedPlayOut

DELAY_S = 0.05
"""Each way."""


def sounding() -> tuple[MarkedPlayOut, list[str]]:
    """Three pieces of 100 ms, sent at 0 s; they are played from 0.05 s on, and so is known from 0.1 s on."""
    out = MarkedPlayOut(8000)
    marks: list[str] = []
    for start in (0, 800, 1600):
        marks += [piece.mark for piece in out.send("resp", "item", start, bytes([start // 800]) * 800, 0.0)]
    assert len(marks) == 4
    assert out.mark(marks[0], 0.1) == Heard("resp", "item", 0, playing=True)
    return out, marks


def clear(out: MarkedPlayOut, now: float) -> str:
    """The mark behind a clear that is sent."""
    last = out.clear(now)
    assert last is not None
    return last


def test_marks_tell_what_was_heard_one_by_one() -> None:
    out, marks = sounding()
    assert out.mark(marks[1], 0.2) == Heard("resp", "item", 800, playing=True)
    assert out.mark(marks[2], 0.3) == Heard("resp", "item", 1600, playing=True)
    assert out.mark(marks[3], 0.4) == Heard("resp", "item", 2400, playing=False)
    assert out.mark(marks[3], 0.5) is None


def test_what_was_heard_before_a_clear_is_exact_though_its_marks_come_back_too() -> None:
    out, marks = sounding()
    out.mark(marks[1], 0.2)
    last = clear(out, 0.21)
    # Twilio has it at 0.26, when it has played 0.21 s of sound.
    assert out.mark(marks[2], 0.3) is None
    assert out.mark(marks[3], 0.31) is None
    assert out.waits
    assert out.mark(last, 0.31) == Heard("resp", "item", 1680, playing=False)
    assert out.drop("item") == 1680
    assert out.drop("item") == ALL


def test_a_clear_at_the_very_end_of_a_piece() -> None:
    out, marks = sounding()
    out.clear(0.13)
    # At 0.18 all but 10 ms of the second piece are left: 1040 samples of 800 and 240 were heard.
    last = "1.last"
    for mark in marks[1:]:
        out.mark(mark, 0.23)
    assert out.mark(last, 0.23) == Heard("resp", "item", 1040, playing=False)


def test_what_was_not_heard_is_sent_again_from_the_sample_on() -> None:
    out, marks = sounding()
    last = clear(out, 0.11)
    for mark in [*marks[1:], last]:
        out.mark(mark, 0.21)
    again = out.resend(0.5)
    assert [piece.start_sample for piece in again] == [880, 880, 1600]
    assert b"".join(piece.audio for piece in again) == bytes([1]) * 720 + bytes([2]) * 800
    # Its marks are new ones; the old come too late to mean anything.
    assert out.mark(marks[2], 0.55) is None
    assert out.mark(again[0].mark, 0.6) == Heard("resp", "item", 880, playing=True)


def test_a_hold_that_ends_before_the_answer_goes_on_when_that_is_there() -> None:
    """What is sent before it is known what was heard would be said twice, or not at all."""
    out, marks = sounding()
    last = clear(out, 0.11)
    assert out.resend(0.15) == []
    assert out.send("resp", "item", 2400, bytes([3]) * 800, 0.15) == []
    assert out.resume(0.15) == []
    for mark in [*marks[1:], last]:
        out.mark(mark, 0.21)
    again = out.resume(0.21)
    assert [piece.start_sample for piece in again] == [880, 880, 1600, 2400]
    assert b"".join(piece.audio for piece in again)[-801:] == bytes([2]) + bytes([3]) * 800
    assert out.resume(0.21) == []
    assert [piece.start_sample for piece in out.send("resp", "item", 3200, b"x", 0.25)] == [3200]


def test_another_hold_before_the_answer_needs_no_other_clear() -> None:
    out, marks = sounding()
    last = clear(out, 0.11)
    out.resend(0.5)
    out.send("resp", "item", 2400, bytes([3]) * 800, 0.13)
    assert out.clear(0.14) is None
    for mark in [*marks[1:], last]:
        out.mark(mark, 0.21)
    assert out.resume(1.2) == []
    assert [piece.start_sample for piece in out.resend(0.5)] == [880, 880, 1600, 2400]


def test_what_waited_behind_a_hold_that_ends_in_an_interruption_was_not_heard() -> None:
    out, marks = sounding()
    out.mark(marks[1], 0.2)
    out.mark(marks[2], 0.3)
    out.mark(marks[3], 0.4)
    last = clear(out, 0.5)
    out.resend(0.5)
    out.send("resp", "item", 2400, bytes(800), 0.51)
    assert out.clear(0.52) is None
    out.mark(last, 0.6)
    assert out.drop("item") == 2400
    assert out.resend(0.5) == []


def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    out, _ = sounding()
    out.clear(0.11)
    out.resend(0.5)
    assert out.stop_waiting(1.15) == Heard("resp", "item", 2400, playing=False)
    assert out.resume(1.2) == []
    assert out.stop_waiting(1.2) is None


def test_who_has_heard_everything_has_nothing_to_drop() -> None:
    out, marks = sounding()
    for mark, at in zip(marks[1:], (0.2, 0.3, 0.4), strict=True):
        out.mark(mark, at)
    last = clear(out, 0.5)
    assert out.mark(last, 0.6) is None
    assert not out.waits
    assert out.drop("item") == ALL
    assert out.resend(0.5) == []


def test_what_was_played_to_its_end_while_a_clear_was_on_its_way_is_told() -> None:
    """Else nothing would be sent any more: it would not be known that there is room."""
    out, marks = sounding()
    last = clear(out, 0.39)
    for mark, at in zip(marks[1:], (0.2, 0.3, 0.4), strict=True):
        out.mark(mark, at)
    assert out.mark(last, 0.49) == Heard("resp", "item", 2400, playing=False)


def test_a_piece_that_may_follow_upon_silence_has_a_mark_in_front_of_it() -> None:
    """Marks of what is before it may still be on their way back when it is sent."""
    out, _ = sounding()
    assert [len(piece.audio) for piece in out.send("resp", "item", 2400, bytes(800), 0.2)] == [800]
    assert [len(piece.audio) for piece in out.send("resp", "item", 3200, bytes(800), 0.39)] == [0, 800]
    assert [len(piece.audio) for piece in out.send("resp", "item", 4000, bytes(800), 0.40)] == [800]
    assert [len(piece.audio) for piece in out.send("resp", "item", 4800, bytes(800), 0.70)] == [0, 800]


def test_marks_that_come_twice_or_were_never_sent_are_nothing() -> None:
    out, marks = sounding()
    last = clear(out, 0.11)
    for mark in (marks[1], marks[1], "9.9", "", last, last):
        out.mark(mark, 0.2)
    assert out.drop("item") == 800
