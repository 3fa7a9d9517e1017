"""A response out of band beside a reply that is being spoken is told of it what was heard by then, and no more."""

from __future__ import annotations

import pytest

from bargein.core import actions
from bargein.core.completion import AssistantMessage, ChatMessage
from bargein.core.events import ResponseRequested
from bargein.core.items import InputText, ItemReference, Message
from support.conversation_script import Script, manual


def being_spoken(script: Script) -> str:
    """A reply of four seconds, all of which has come. Returns its item."""
    script.ask()
    script.say("one two three four five six seven eight", 4000)
    return script.last(actions.AudioSent).item_id


def told(script: Script, *given: Message | ItemReference) -> tuple[ChatMessage, ...]:
    """What the model is told beside the conversation: ``given``, or all of it."""
    about = given or None
    script.do(ResponseRequested(script.config.response, out_of_band=True, input=about))
    return script.last(actions.StartStream).request.messages


@pytest.mark.parametrize("refers", [True, False])
def test_it_is_told_the_words_that_were_heard_by_then(refers: bool) -> None:
    script = Script(manual())
    item_id = being_spoken(script)
    script.advance(2000)
    messages = told(script, *([ItemReference(item_id)] if refers else []))
    (reply,) = (message for message in messages if isinstance(message, AssistantMessage))
    assert (reply.text or "").startswith("one two")
    assert "seven" not in (reply.text or "")


def test_the_conversation_itself_is_not_cut_by_it() -> None:
    script = Script(manual())
    item_id = being_spoken(script)
    script.finish()
    script.advance(1000)
    told(script, ItemReference(item_id))
    script.advance(5000)
    assert item_id not in script.conversation.history.heard
    (reply,) = told(script, ItemReference(item_id))
    assert isinstance(reply, AssistantMessage)
    assert reply.text == "one two three four five six seven eight"


def test_a_reply_of_which_nothing_was_heard_is_not_told() -> None:
    script = Script(manual())
    item_id = being_spoken(script)
    question = Message("q", "user", [InputText("sum up")])
    messages = told(script, ItemReference(item_id), question)
    assert not any(isinstance(message, AssistantMessage) for message in messages)
