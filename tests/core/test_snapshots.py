"""Actions are values: what they tell stays as it was, whatever becomes of the conversation."""

from __future__ import annotations

from bargein.core import actions, events
from bargein.core.completion import AudioReference, ToolCallPiece
from bargein.core.items import FunctionCall, InputAudio, InputText, Message, OutputAudio
from support.conversation_script import Script, detecting, manual


def shown(action: object) -> object:
    """All that an action holds, sound and words included."""
    match action:
        case actions.ResponseCreated(response) | actions.ResponseDone(response):
            return response, [shown(item) for item in response.output]
        case actions.OutputItemAdded(response, index, item, previous) | actions.OutputItemDone(
            response, index, item, previous
        ):
            return response, index, shown(item), previous
        case actions.InputCommitted(item, previous) | actions.ItemCreated(item, previous):
            return shown(item), previous
        case actions.ItemRetrieved(item):
            return shown(item)
        case Message(item_id, role, parts, status):
            return item_id, role, status, [shown(part) for part in parts]
        case OutputAudio():
            return action.transcript, list(action.pieces), action.sample_count, action.audio_id
        case _:
            return repr(action)


def test_what_was_told_of_a_call_does_not_change_afterwards() -> None:
    script = Script(detecting())
    before: list[object] = []

    def step() -> None:
        before.extend(shown(action) for _, action in script.log[len(before) :])

    script.silence(500)
    script.speech(400)
    script.silence(500)
    step()
    turn = script.last(actions.InputCommitted).item.id
    script.piece(ToolCallPiece(0, "call_1", "look", '{"at": '))
    step()
    script.piece(ToolCallPiece(0, "call_1", "look", '"it"}'))
    script.say("one two three four five six", 3000)
    step()
    item_id = script.last(actions.AudioSent).item_id
    script.do(events.ItemRetrieveRequested(item_id))
    step()
    script.silence(500)
    script.speech(400)
    step()
    script.do(events.TranscriptionCompleted(turn, "hello", 0.4))
    script.do(events.ItemDeleteRequested(item_id))
    script.silence(600)
    script.piece(AudioReference("audio_1", None))
    script.say("seven eight", 300)
    script.finish()
    script.silence(1000)
    step()
    assert len(before) > 30
    assert [shown(action) for _, action in script.log] == before


def test_an_item_begins_empty() -> None:
    script = Script(manual())
    script.ask()
    script.piece(ToolCallPiece(0, "call_1", "look", "{}"))
    script.say("one two three", 300)
    script.finish()
    script.advance(1000)
    call, message = [added.item for added in script.all(actions.OutputItemAdded)]
    assert isinstance(call, FunctionCall)
    assert (call.arguments, call.status) == ("", "in_progress")
    assert isinstance(message, Message)
    (part,) = message.parts
    assert isinstance(part, OutputAudio)
    assert (part.transcript, part.pieces, message.status) == ("", [], "in_progress")
    created = script.last(actions.ResponseCreated).response
    assert (created.status, created.output, created.usage) == ("in_progress", [], None)
    done = script.last(actions.ResponseDone).response
    assert (done.status, len(done.output)) == ("completed", 2)


def test_what_was_asked_for_stays_as_it_was_asked() -> None:
    """A list of events that was recorded can be put into another conversation."""
    script = Script(manual())
    mine = Message("", "user", [InputText("hello"), InputAudio(bytes(4800), script.config.input_format)])
    event = events.ItemCreateRequested(mine)
    script.do(event)
    item_id = script.last(actions.ItemCreated).item.id
    script.do(events.TranscriptionCompleted(item_id, "hello", 0.1))
    assert event.item == Message("", "user", [InputText("hello"), InputAudio(bytes(4800), script.config.input_format)])
    kept = script.conversation.history.get(item_id)
    assert isinstance(kept, Message)
    assert kept.parts[1].transcript == "hello"
