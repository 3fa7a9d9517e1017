"""Which turns are told by their sound, and which by their words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bargein.core.audio import PCM16_24K
from bargein.core.completion import ChatMessage, UserAudio, UserMessage, UserText
from bargein.core.context import messages
from bargein.core.in_words import NO_WORDS, step_on
from bargein.core.items import InputAudio, InputText, Item, Message


def turn(number: int, words: str | None = "words", audio: bytes = b"\0\0" * 2400) -> Message:
    transcript = words and f"{words} {number}"
    return Message(f"turn_{number}", "user", [InputAudio(audio, PCM16_24K, transcript)])


def told(items: Sequence[Item], in_words: set[str]) -> list[ChatMessage]:
    return [message for message, _ in messages(items, {}, "Be kind.", unix_s=0.0, in_words=in_words)]


def sounds(request: Sequence[ChatMessage]) -> int:
    parts = [part for message in request if isinstance(message, UserMessage) for part in message.parts]
    return sum(isinstance(part, UserAudio) for part in parts)


@pytest.mark.parametrize("kept", [1, 2, 3, 5])
def test_a_call_is_told_in_steps_that_share_their_beginning(kept: int) -> None:
    """Of a request, all but the newest turn was in the one before, but for one request in ``kept``."""
    items: list[Item] = []
    in_words: set[str] = set()
    before: list[ChatMessage] = []
    changed = 0
    for number in range(30):
        items.append(turn(number))
        step_on(items, in_words, kept)
        request = told(items, in_words)
        assert min(number + 1, kept) <= sounds(request) <= 2 * kept - 1
        changed += request[: len(before)] != before
        before = request
    assert changed == 30 // kept - 1


def test_the_newest_are_sound_and_the_oldest_words() -> None:
    items: list[Item] = [turn(number) for number in range(4)]
    in_words: set[str] = set()
    step_on(items, in_words, 2)
    assert in_words == {"turn_0", "turn_1"}
    assert told(items, in_words)[1:3] == [UserMessage((UserText(f"words {number}"),)) for number in range(2)]
    assert sounds(told(items, in_words)) == 2


def test_what_is_told_in_words_stays_so_whatever_is_deleted() -> None:
    items: list[Item] = [turn(number) for number in range(4)]
    in_words: set[str] = set()
    step_on(items, in_words, 2)
    del items[2:]
    step_on(items, in_words, 2)
    assert sounds(told(items, in_words)) == 0


def test_a_turn_that_nobody_has_written_down_stays_sound_and_holds_up_no_other() -> None:
    items: list[Item] = [turn(0, words=None), *(turn(number) for number in range(1, 7))]
    in_words: set[str] = set()
    step_on(items, in_words, 2)
    assert in_words == {"turn_1", "turn_2", "turn_3", "turn_4"}
    assert sounds(told(items, in_words)) == 3


def test_a_late_transcript_is_told_with_the_next_step() -> None:
    late = turn(0, words=None)
    items: list[Item] = [late, *(turn(number) for number in range(1, 4))]
    in_words: set[str] = set()
    step_on(items, in_words, 2)
    assert not in_words
    late.parts = turn(0).parts
    step_on(items, in_words, 2)
    assert in_words == {"turn_0", "turn_1"}


def test_a_turn_without_words_is_told_as_one() -> None:
    item = Message("turn_0", "user", [InputText("[mm-hm]"), InputAudio(b"\0\0", PCM16_24K, "")])
    assert told([item], {"turn_0"})[1:] == [UserMessage((UserText("[mm-hm]"), UserText(NO_WORDS)))]


def test_sound_that_is_not_kept_any_more_changes_nothing() -> None:
    items: list[Item] = [turn(number) for number in range(4)]
    in_words: set[str] = set()
    step_on(items, in_words, 2)
    before = told(items, in_words)
    items[0].parts[0].audio = b""
    assert told(items, in_words) == before
