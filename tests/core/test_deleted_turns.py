"""Items that their caller deletes while something is still to come of them."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.completion import AssistantMessage
from bargein.core.events import Event, ResponseRequested
from bargein.core.items import Failure, Message, OutputText
from support.conversation_script import Script, manual

FAILED = Failure("transcription_error", None, "no recogniser")
TOLD = ("TranscriptionDelta", "TranscriptionDone", "TranscriptionFailure")


def committed(script: Script) -> str:
    """A turn that the caller has committed. Returns its item."""
    script.silence(400)
    script.do(events.CommitRequested())
    return script.last(actions.InputCommitted).item.id


def comes(script: Script, item_id: str, what: str) -> list[str]:
    """What is told when the recogniser's answer, or a part of it, comes."""
    answers: dict[str, Event] = {
        "TranscriptionDelta": events.TranscriptionProgressed(item_id, "hel"),
        "TranscriptionDone": events.TranscriptionCompleted(item_id, "hello", 0.4),
        "TranscriptionFailure": events.TranscriptionFailed(item_id, FAILED),
    }
    before = len(script.log)
    script.do(answers[what])
    return script.kinds(before)


@pytest.mark.parametrize("what", TOLD)
def test_what_comes_after_the_deletion_is_told_to_nobody(what: str) -> None:
    """The Agents SDKs ask for the item of a transcription, and report the error that there is none."""
    script = Script(manual())
    item_id = committed(script)
    script.do(events.ItemDeleteRequested(item_id))
    assert comes(script, item_id, what) == []


@pytest.mark.parametrize("what", TOLD)
def test_a_turn_that_is_there_is_told(what: str) -> None:
    script = Script(manual())
    assert comes(script, committed(script), what) == [what]


@pytest.mark.parametrize("ends", [True, False])
def test_words_in_the_place_of_a_reply_that_is_spoken_are_told_as_they_are(ends: bool) -> None:
    """LiveKit's plugin changes an item by deleting it and making another of the same id."""
    script = Script(manual())
    script.ask()
    script.say("one two three four five six seven eight", 4000)
    item_id = script.last(actions.AudioSent).item_id
    script.advance(2000)
    script.do(events.ItemDeleteRequested(item_id))
    script.do(events.ItemCreateRequested(Message(item_id, "assistant", [OutputText("in other words")])))
    if ends:
        script.do(events.CancelRequested())
    script.do(ResponseRequested(script.config.response, out_of_band=not ends))
    told = script.last(actions.StartStream).request.messages
    assert [message.text for message in told if isinstance(message, AssistantMessage)] == ["in other words"]
