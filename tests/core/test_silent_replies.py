"""A model that is asked to speak and answers in text: asked once more, before anything of it was told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bargein.core import actions, events
from bargein.core.completion import (
    SPEAK,
    AssistantMessage,
    FinishReason,
    StreamPiece,
    SystemMessage,
    TextPiece,
    ToolCallPiece,
    TranscriptPiece,
    Usage,
)
from bargein.core.config import ResponseSettings, SessionConfig
from bargein.core.events import ResponseRequested
from bargein.core.items import NO_SOUND, NOTHING_SAID, Failure, OutputAudio
from support.conversation_script import Script, manual

WORDS = TranscriptPiece("only words")
CALL = ToolCallPiece(0, "call_1", "f", "{}")


def asked_again(script: Script) -> list[bool]:
    return [action.again for action in script.all(actions.StartStream)]


@pytest.mark.parametrize(
    "pieces", [[WORDS], [TextPiece("only "), TextPiece("words")], []], ids=["words", "text", "nothing"]
)
def test_it_is_asked_once_more_and_reminded(pieces: list[StreamPiece]) -> None:
    script = Script(manual())
    response_id = script.ask()
    first = script.requests[response_id]
    for piece in pieces:
        script.piece(piece)
    before = len(script.log)
    script.finish()
    assert script.kinds(before) == ["StartStream"]
    assert asked_again(script) == [False, True]
    again = script.last(actions.StartStream)
    assert again.response_id == response_id
    assert again.request == replace(first, messages=(*first.messages, SystemMessage(SPEAK)))


def test_nothing_is_told_before_the_first_sound() -> None:
    script = Script(manual())
    script.ask()
    script.piece(TranscriptPiece("one "))
    script.piece(TranscriptPiece("two"))
    assert "OutputItemAdded" not in script.kinds()
    script.say("", 400)
    told = [action.delta for action in script.all(actions.TranscriptSent)]
    assert "".join(told) == "one two"
    assert script.kinds().index("OutputItemAdded") < script.kinds().index("TranscriptSent")


def test_what_it_says_then_is_the_reply() -> None:
    script = Script(manual())
    response_id = script.ask()
    script.piece(WORDS)
    script.piece(Usage(10, 0, 0, 5, 0))
    script.finish()
    script.say("spoken words", 400)
    script.piece(Usage(12, 0, 3, 4, 20))
    script.finish()
    script.advance(1000)
    done = script.last(actions.ResponseDone).response
    assert (done.id, done.status, done.reason, done.failure) == (response_id, "completed", None, None)
    (message,) = done.output
    (part,) = message.parts
    assert isinstance(part, OutputAudio)
    assert part.transcript == "spoken words"
    assert done.usage == Usage(22, 0, 3, 9, 20)
    script.ask("again")
    told = [
        message.text
        for message in script.requests[script.last(actions.StartStream).response_id].messages
        if isinstance(message, AssistantMessage)
    ]
    assert told == ["spoken words"]


def test_it_is_not_asked_for_ever() -> None:
    script = Script(manual())
    script.ask()
    for words in ("first", "second"):
        script.piece(TranscriptPiece(words))
        script.finish()
    assert asked_again(script) == [False, True]
    done = script.last(actions.ResponseDone).response
    assert (done.status, done.reason, done.failure) == ("incomplete", None, NO_SOUND)
    assert [item.status for item in done.output] == ["incomplete"]
    assert "".join(action.delta for action in script.all(actions.TranscriptSent)) == "second"
    assert not script.all(actions.AudioSent)


@pytest.mark.parametrize(
    ("pieces", "failure"), [([WORDS], NO_SOUND), ([TextPiece("only words")], NO_SOUND), ([], NOTHING_SAID)]
)
def test_what_it_did_instead_is_told(pieces: list[StreamPiece], failure: Failure) -> None:
    script = Script(manual())
    script.ask()
    for _ in range(2):
        for piece in pieces:
            script.piece(piece)
        script.finish()
    assert script.last(actions.ResponseDone).response.failure == failure


def test_the_first_words_are_told_where_there_are_no_others() -> None:
    script = Script(manual())
    script.ask()
    script.piece(WORDS)
    script.finish()
    script.finish()
    assert "".join(action.delta for action in script.all(actions.TranscriptSent)) == "only words"


def test_words_that_nobody_heard_are_not_told_to_the_model() -> None:
    script = Script(manual())
    script.ask()
    for _ in range(2):
        script.piece(WORDS)
        script.finish()
    script.ask("and now?")
    request = script.requests[script.last(actions.StartStream).response_id]
    assert not [message for message in request.messages if isinstance(message, AssistantMessage)]


def test_the_next_turn_begins_anew() -> None:
    script = Script(manual())
    for turn in range(2):
        script.ask(str(turn))
        script.piece(WORDS)
        script.finish()
        script.say("spoken", 100)
        script.finish()
        script.advance(1000)
    assert asked_again(script) == [False, True, False, True]
    assert [done.response.status for done in script.all(actions.ResponseDone)] == ["completed"] * 2
    assert all(
        SystemMessage(SPEAK) not in script.requests[script.all(actions.StartStream)[2].response_id].messages[:-1]
        for _ in "x"
    )


@pytest.mark.parametrize("reason", ["length", "content_filter", "tool_calls"])
def test_a_reply_that_was_cut_short_is_not_asked_again(reason: FinishReason) -> None:
    script = Script(manual())
    script.ask()
    script.piece(WORDS)
    script.finish(reason)
    assert asked_again(script) == [False]
    assert "".join(action.delta for action in script.all(actions.TranscriptSent)) == "only words"
    assert script.last(actions.ResponseDone).response.failure is None


@pytest.mark.parametrize("reason", ["stop", "tool_calls"])
def test_words_before_a_call_are_no_silent_reply(reason: FinishReason) -> None:
    script = Script(manual())
    script.ask()
    script.piece(WORDS)
    script.piece(CALL)
    script.finish(reason)
    assert asked_again(script) == [False]
    done = script.last(actions.ResponseDone).response
    assert done.status == "completed"
    assert [type(item).__name__ for item in done.output] == ["Message", "FunctionCall"]


def test_where_text_was_asked_for_text_is_told_at_once() -> None:
    script = Script(SessionConfig(turn_detection=None, response=ResponseSettings(audio=False)))
    script.ask()
    script.piece(TextPiece("writ"))
    assert script.last(actions.TextSent).delta == "writ"
    script.finish()
    assert asked_again(script) == [False]


def test_out_of_band_too() -> None:
    script = Script(manual())
    script.do(ResponseRequested(script.config.response, out_of_band=True))
    script.piece(WORDS)
    script.finish()
    assert asked_again(script) == [False, True]
    script.piece(WORDS)
    script.finish()
    done = script.last(actions.ResponseDone).response
    assert (done.status, done.failure) == ("incomplete", NO_SOUND)
    assert "".join(action.delta for action in script.all(actions.TranscriptSent)) == "only words"


def test_a_barge_in_ends_the_second_request_too() -> None:
    script = Script()
    script.silence(500)
    response_id = script.ask()
    script.piece(WORDS)
    script.finish()
    script.speech(400)
    assert script.last(actions.CancelStream).response_id == response_id
    done = script.last(actions.ResponseDone).response
    assert (done.status, done.reason, done.output) == ("cancelled", "turn_detected", [])


def test_an_end_without_sound_during_a_hold_is_dealt_with_when_the_hold_ends() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.piece(WORDS)
    script.speech(100)
    script.finish()
    assert asked_again(script) == [False]
    script.silence(1500)
    assert asked_again(script) == [False, True]


def test_a_second_request_that_fails_is_a_failure() -> None:
    script = Script(manual())
    response_id = script.ask()
    script.piece(WORDS)
    script.piece(Usage(10, 0, 0, 5, 0))
    script.finish()
    broken = Failure("server_error", None, "broken")
    script.do(events.StreamFailed(response_id, broken, processed=False))
    done = script.last(actions.ResponseDone).response
    assert (done.status, done.failure) == ("failed", broken)
    assert done.usage == Usage(10, 0, 0, 5, 0, estimated=True)


def test_a_caller_may_cancel_it() -> None:
    script = Script(manual())
    script.ask()
    script.piece(WORDS)
    script.finish()
    script.do(events.CancelRequested())
    done = script.last(actions.ResponseDone).response
    assert (done.status, done.reason) == ("cancelled", "client_cancelled")
    script.ask()
    script.say("fine", 100)
    script.finish()
    script.advance(1000)
    assert script.last(actions.ResponseDone).response.status == "completed"
