"""What counts as sound that was lost or put in."""

from __future__ import annotations

from bargein.bench.checking import ReplyCheck
from bargein.bench.reply import reply_of
from bargein.bench.waves import pcm16

REPLY = reply_of("adam")


def raw(start: int, count: int) -> bytes:
    return pcm16(REPLY.sound[start : start + count]).astype("<i2").tobytes()


def test_a_reply_is_intact_in_order_and_not_with_a_hole() -> None:
    check = ReplyCheck(REPLY)
    assert check.is_intact("one", 0, raw(0, 2400))
    assert check.is_intact("one", 2400, raw(2400, 2400))
    assert not check.is_intact("one", 4800, raw(7200, 2400))
    assert not check.is_intact("one", 4800, raw(2400, 2400))


def test_a_reply_that_is_taken_up_begins_where_it_was_cut() -> None:
    check = ReplyCheck(REPLY)
    assert check.is_intact("one", 0, raw(0, 2400))
    assert check.is_intact("two", 0, raw(48_000, 2400))
    assert check.is_intact("two", 2400, raw(50_400, 2400))
    assert check.sound("two", 2400, 5).tolist() == REPLY.sound[50_400:50_405].tolist()


def test_sound_that_the_model_never_said_is_not_intact() -> None:
    check = ReplyCheck(REPLY)
    assert not check.is_intact("one", 0, bytes(range(1, 201)))
