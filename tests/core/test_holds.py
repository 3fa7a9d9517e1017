"""What is held while it is decided whether the caller interrupts."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.audio import PCM16_24K
from bargein.core.history import Heard
from support.conversation_script import Script, detecting, manual


def test_what_was_gated_is_told_in_the_order_in_which_the_model_said_it() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.cough(80)
    for word in ("one ", "two ", "three "):
        script.say(word, 300)
    script.finish()
    assert not script.words_told()
    script.silence(200)
    script.advance(2000)
    assert script.words_told() == "one two three "
    assert script.last(actions.ResponseDone).response.status == "completed"


@pytest.mark.parametrize("second_ms", [700, 5000])
def test_a_second_cut_never_tells_more_as_heard_than_the_first(second_ms: int) -> None:
    script = Script(manual())
    script.ask()
    script.say("one two three four", 2000)
    script.finish()
    item_id = script.last(actions.OutputItemAdded).item.id
    script.advance(3000)
    script.do(events.ItemTruncateRequested(item_id, 0, 600))
    script.do(events.ItemTruncateRequested(item_id, 0, second_ms))
    assert script.conversation.history.heard[item_id] == Heard(PCM16_24K.samples_in_ms(600), "one")
    script.do(events.ItemTruncateRequested(item_id, 0, 100))
    assert script.conversation.history.heard[item_id] == Heard(PCM16_24K.samples_in_ms(100), "")


def test_the_idle_timeout_is_exact() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    script.silence(200)
    script.ask()
    script.say("are you there", 1000)
    script.finish()
    script.advance(10_000)
    assert script.at(actions.IdleTimedOut) == 200 + 1000 + 5000
