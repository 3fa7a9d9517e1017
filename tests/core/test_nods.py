"""Backchannels are no turns; where that is wanted the model is told of them with the next one."""

from __future__ import annotations

from bargein.core import actions, events
from bargein.core.completion import UserAudio, UserMessage, UserText
from bargein.core.config import CorePolicy
from support.conversation_script import Script, detecting


def nod(script: Script, words: str | None, verdict: str = "backchannel") -> None:
    judged = events.UtteranceJudged("utt_1", verdict, "words", 200.0, words)  # type: ignore[arg-type]
    script.do(judged)


def turn(script: Script) -> list[UserMessage]:
    """A spoken turn; returns what the model is told of the caller."""
    script.silence(500)
    script.talk(600)
    script.silence(1000)
    told = script.requests[script.last(actions.StartStream).response_id].messages
    return [message for message in told if isinstance(message, UserMessage)]


def test_they_are_told_as_text_before_the_turn() -> None:
    script = Script(detecting(), CorePolicy(tells_backchannels=True))
    nod(script, "Mm-hm.")
    nod(script, "Yeah, right!")
    nod(script, None)
    nod(script, "Stop.", "interruption")
    nod(script, "", "noise")
    assert not script.all(actions.ItemCreated)
    first, second = turn(script)
    assert first.parts == (UserText("[mm-hm] [yeah, right]"),)
    assert isinstance(second.parts[0], UserAudio)
    told = script.last(actions.ItemCreated)
    assert script.last(actions.InputCommitted).previous_item_id == told.item.id
    # Once.
    turn(script)
    assert len(script.all(actions.ItemCreated)) == 1


def test_the_newest_of_many() -> None:
    script = Script(detecting(), CorePolicy(tells_backchannels=True))
    for number in range(20):
        nod(script, f"yeah {number}" + "x" * 100)
    (text,) = turn(script)[0].parts
    assert isinstance(text, UserText)
    assert text.text.startswith("[yeah 12x")
    assert len(text.text) < 8 * 64


def test_or_not_at_all() -> None:
    script = Script(detecting())
    nod(script, "Mm-hm.")
    assert len(turn(script)) == 1
    assert not script.all(actions.ItemCreated)
