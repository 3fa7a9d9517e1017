"""A turn that its caller deletes while it is being written down: nothing more is told of it."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.events import Event
from bargein.core.items import Failure
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
