"""The agent's side on literal times: queues, tails, holds and failures where they meet."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.completion import (
    AssistantMessage,
    FinishReason,
    ToolCallPiece,
    TranscriptPiece,
    UserMessage,
    UserText,
)
from bargein.core.config import CorePolicy
from bargein.core.events import ResponseRequested
from bargein.core.items import Failure, FunctionCall, InputText, ItemReference, Message
from bargein.errors import CallerError
from support.conversation_script import Script, detecting, manual

BROKEN = Failure("server_error", None, "The model broke off.")


def words_told(script: Script) -> list[str]:
    """What the newest request says that the assistant has said."""
    messages = script.requests[script.last(actions.StartStream).response_id].messages
    return [message.text or "" for message in messages if isinstance(message, AssistantMessage)]


def test_words_that_ran_ahead_of_a_stream_that_broke_before_its_sound_are_not_told() -> None:
    script = Script(manual())
    failed = script.ask()
    script.piece(TranscriptPiece("never heard"))
    script.do(events.StreamFailed(failed, BROKEN))
    script.ask("again")
    assert words_told(script) == []


def test_words_whose_sound_never_came_are_not_told() -> None:
    script = Script(manual())
    failed = script.ask()
    script.say("one two three four five six seven eight nine ten", 400)
    script.do(events.StreamFailed(failed, BROKEN))
    script.advance(1000)
    script.ask("again")
    (told,) = words_told(script)
    assert told.startswith("one")
    assert "ten" not in told


def test_a_queued_response_is_about_the_items_it_was_asked_about() -> None:
    script = Script(manual())
    script.do(events.ItemCreateRequested(Message("old", "user", [InputText("remember me")])))
    script.ask()
    script.say("one two", 2000)
    script.finish()
    script.do(ResponseRequested(script.config.response, input=(ItemReference("old"),)))
    script.do(events.ItemDeleteRequested("old"))
    script.advance(2000)
    assert len(script.all(actions.ResponseDone)) == 1
    request = script.requests[script.last(actions.ResponseCreated).response.id]
    assert "remember me" in str(request.messages)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
@pytest.mark.parametrize(
    ("arguments", "status"), [('{"n": ', "incomplete"), ("", "incomplete"), ('{"n": 4}', "completed")]
)
def test_a_call_that_the_models_limit_cuts_off_was_not_made(reason: FinishReason, arguments: str, status: str) -> None:
    """Who makes it all the same does something else than what the model was about to say."""
    script = Script(manual())
    script.ask()
    script.piece(ToolCallPiece(0, "call_1", "look_up", '{"a": 1}'))
    script.piece(ToolCallPiece(1, "call_2", "book", arguments))
    script.finish(reason)
    response = script.last(actions.ResponseDone).response
    assert response.status == "incomplete"
    assert [item.status for item in response.output] == ["completed", status]
    script.ask("and now?")
    request = script.requests[script.last(actions.StartStream).response_id]
    told = [call.name for m in request.messages if isinstance(m, AssistantMessage) for call in m.tool_calls]
    assert told == (["look_up", "book"] if status == "completed" else ["look_up"])


def test_a_reply_stands_behind_what_it_answers_whatever_came_while_the_model_thought() -> None:
    script = Script(manual())
    script.ask("where is it?")
    question = script.last(actions.ItemCreated).item.id
    script.do(events.ItemCreateRequested(Message("next", "user", [InputText("and when?")])))
    script.say("in the shop", 300)
    script.piece(ToolCallPiece(0, "call_0", "look_up", "{}"))
    script.finish("tool_calls")
    script.advance(1000)
    message, call = script.all(actions.OutputItemAdded)
    assert [message.previous_item_id, call.previous_item_id] == [question, message.item.id]
    assert [item.id for item in script.conversation.history] == [question, message.item.id, call.item.id, "next"]
    script.do(ResponseRequested(script.config.response))
    told = script.last(actions.StartStream).request
    assert told.messages[-1] == UserMessage((UserText("and when?"),))


def test_a_greeting_stands_before_what_was_said_while_the_model_thought() -> None:
    script = Script(manual())
    script.do(ResponseRequested(script.config.response))
    script.do(events.ItemCreateRequested(Message("first", "user", [InputText("hello?")])))
    script.say("welcome", 300)
    assert script.last(actions.OutputItemAdded).previous_item_id is None
    assert [item.id for item in script.conversation.history][-1] == "first"


def test_a_turn_during_a_reply_that_it_may_not_interrupt_is_the_last_that_is_told() -> None:
    script = Script(detecting(interrupt_response=False))
    script.silence(500)
    for _ in range(2):
        script.speech(600)
        script.silence(1000)
    script.say("that was the first", 300)
    script.finish()
    script.silence(1000)
    first, reply, second = script.last(actions.StartStream).request.messages
    assert isinstance(first, UserMessage)
    assert reply == AssistantMessage("that was the first")
    assert isinstance(second, UserMessage)


@pytest.mark.parametrize("gone", ["question", "message"])
def test_a_reply_whose_place_was_deleted_goes_on_at_the_end(gone: str) -> None:
    script = Script(manual())
    script.ask("where is it?")
    question = script.last(actions.ItemCreated).item.id
    script.do(events.ItemCreateRequested(Message("next", "user", [InputText("and when?")])))
    if gone == "question":
        script.do(events.ItemDeleteRequested(question))
    script.say("in the shop", 300)
    if gone == "message":
        script.do(events.ItemDeleteRequested(script.last(actions.OutputItemAdded).item.id))
    script.piece(ToolCallPiece(0, "call_0", "look_up", "{}"))
    added = script.last(actions.OutputItemAdded)
    assert [item.id for item in script.conversation.history][-1] == added.item.id


def test_calls_that_are_written_side_by_side_are_told_whole() -> None:
    script = Script(manual())
    script.ask()
    for index, name in enumerate(("look_up", "book")):
        script.piece(ToolCallPiece(index, f"call_{index}", name, '{"n"'))
    script.piece(ToolCallPiece(0, None, None, ": 0}"))
    script.piece(ToolCallPiece(1, None, None, ": 1}"))
    script.finish("tool_calls")
    calls = [action.item for action in script.all(actions.OutputItemDone)]
    assert [call.arguments for call in calls if isinstance(call, FunctionCall)] == ['{"n": 0}', '{"n": 1}']


def test_a_call_that_is_whole_is_over_when_another_begins() -> None:
    script = Script(manual())
    script.ask()
    script.piece(ToolCallPiece(0, "call_0", "look_up", '{"n": 0}'))
    script.piece(ToolCallPiece(1, "call_1", "book", '{"n"'))
    (action,) = script.all(actions.OutputItemDone)
    assert isinstance(action.item, FunctionCall)
    assert (action.item.name, action.item.status) == ("look_up", "completed")


@pytest.mark.parametrize("written", ["", " "])
def test_a_call_without_arguments_has_an_empty_object_of_them(written: str) -> None:
    """Clients read what they are told as JSON, and models' servers leave it out where a function takes nothing."""
    script = Script(manual())
    script.ask()
    script.piece(ToolCallPiece(0, "call_0", "look_up", written))
    script.finish("tool_calls")
    (call,) = script.last(actions.ResponseDone).response.output
    assert isinstance(call, FunctionCall)
    assert call.arguments == "".join(action.delta for action in script.all(actions.ArgumentsSent)) == f"{written}{{}}"


def waits_for_a_cut() -> Script:
    """The caller has stopped a reply, and has not said yet where its player stopped; the next response waits for it."""
    script = Script(manual(), reports=True)
    script.ask()
    script.say("one two three four", 2000)
    script.do(events.CancelRequested())
    script.do(ResponseRequested(script.config.response, metadata={"mine": "yes"}))
    assert len(script.all(actions.ResponseCreated)) == 1
    return script


def test_a_response_that_has_not_begun_yet_can_be_cancelled() -> None:
    script = waits_for_a_cut()
    script.do(events.CancelRequested())
    script.advance(1000)
    assert len(script.all(actions.StartStream)) == 1, "the model is not asked"
    told = [a.response.metadata for a in script.all(actions.ResponseCreated)]
    assert told == [None, {"mine": "yes"}]
    ended = script.last(actions.ResponseDone).response
    assert (ended.status, ended.reason, ended.metadata) == ("cancelled", "client_cancelled", {"mine": "yes"})
    with pytest.raises(CallerError, match=r"^Cancellation failed"):
        script.do(events.CancelRequested())


def test_another_than_the_one_that_has_not_begun_yet_cannot() -> None:
    script = waits_for_a_cut()
    with pytest.raises(CallerError, match=r"^Cancellation failed"):
        script.do(events.CancelRequested("resp_1"))
    script.advance(1000)
    assert len(script.all(actions.StartStream)) == 2


def test_who_asks_again_before_it_has_begun_is_told_so() -> None:
    script = waits_for_a_cut()
    with pytest.raises(CallerError, match=r"one that is about to begin") as caught:
        script.do(ResponseRequested(script.config.response))
    assert caught.value.code == "conversation_already_has_active_response"


def test_an_answer_that_has_not_begun_yet_can_be_cancelled_too() -> None:
    script = Script(detecting(silence_duration_ms=100), reports=True)
    script.silence(500)
    script.ask()
    script.say("one two three four five six", 9000)
    script.speech(300)
    script.silence(120)
    assert len(script.all(actions.InputCommitted)) == 1
    assert len(script.all(actions.ResponseCreated)) == 1
    script.do(events.CancelRequested())
    script.silence(1000)
    assert len(script.all(actions.StartStream)) == 1
    assert script.last(actions.ResponseDone).response.reason == "client_cancelled"


def test_a_hold_that_outlives_the_tail_is_still_resumed() -> None:
    """The caller's player was told to pause: nothing else would make it go on."""
    script = Script(reports=True)
    script.silence(500)
    script.ask()
    script.say("one two", 300)
    script.finish()
    script.silence(100)
    script.cough(100)
    held = script.last(actions.Held)
    script.silence(1500)
    resumed = script.last(actions.Resumed)
    assert (resumed.response_id, resumed.item_id) == (held.response_id, held.item_id)
    assert not script.all(actions.Cut)


def test_a_stream_that_ended_during_a_hold_is_not_cancelled() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.speech(100)
    script.say("hi", 100)
    script.finish()
    script.do(ResponseRequested(script.config.response, metadata={"next": "yes"}))
    script.speech(200)
    assert [done.response.reason for done in script.all(actions.ResponseDone)] == ["turn_detected"] * 2
    assert not script.all(actions.CancelStream)


def test_what_comes_after_a_streams_end_is_dropped_during_a_hold_too() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.cough(80)
    script.say("hi", 100)
    script.finish()
    script.say("late", 100)
    script.do(events.StreamFailed(script.last(actions.StartStream).response_id, BROKEN))
    script.silence(1000)
    assert script.words_told() == "hi"
    assert script.last(actions.ResponseDone).response.status == "completed"


@pytest.mark.parametrize("reported", [0, 7000])
def test_a_player_that_never_tells_the_end_does_not_hold_up_the_next_reply(reported: int) -> None:
    script = Script(manual(), reports=True)
    script.ask()
    script.say("one two three", 300)
    script.finish()
    sent = script.last(actions.AudioSent)
    script.do(events.PlaybackReported(sent.response_id, sent.item_id, reported, playing=False))
    second = script.ask("more")
    script.say("four", 300)
    script.finish()
    script.advance(1000)
    assert script.last(actions.AudioSent).response_id != second
    script.advance(2000)
    assert script.last(actions.AudioSent).response_id == second
    assert script.last(actions.ResponseDone).response.id == second


@pytest.mark.parametrize("playing", [True, False])
def test_a_player_that_reports_only_once_hears_the_whole_reply(playing: bool) -> None:
    script = Script(detecting(), reports=True)
    script.ask()
    script.say("one two three four five six seven eight", 5000)
    script.finish()
    sent = script.last(actions.AudioSent)
    script.do(events.PlaybackReported(sent.response_id, sent.item_id, 0, playing=playing))
    script.silence(20_000)
    assert sum(sent.sample_count for sent in script.all(actions.AudioSent)) == 5000 * 24
    assert script.last(actions.ResponseDone).response.status == "completed"
    assert not script.conversation.agent.audible


def test_a_player_that_is_late_keeps_its_tail_as_long_as_it_makes_progress() -> None:
    script = Script(manual(), reports=True)
    script.ask()
    script.say("one two three", 400)
    script.finish()
    sent = script.last(actions.AudioSent)
    script.do(events.PlaybackReported(sent.response_id, sent.item_id, 0, playing=False))
    for position in range(1, 5):
        script.advance(1900)
        script.do(events.PlaybackReported(sent.response_id, sent.item_id, position * 1000, playing=False))
        assert script.conversation.agent.audible


def test_an_interruption_without_pacing_flushes_everything_that_was_sent_ahead() -> None:
    script = Script(detecting(), CorePolicy(lead_ms=None), reports=True)
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.finish()
    script.ask("more")
    script.say("four five six", 3000)
    script.silence(500)
    script.speech(300)
    assert [flushed.item_id for flushed in script.all(actions.Flushed)] == list(
        dict.fromkeys(sent.item_id for sent in script.all(actions.AudioSent))
    )


def test_without_pacing_a_reply_is_heard_after_those_that_were_sent_before_it() -> None:
    script = Script(detecting(), CorePolicy(lead_ms=None))
    script.silence(500)
    for text in ("one two three four", "five six seven eight", "nine ten eleven twelve"):
        script.ask(text)
        script.say(text, 2000)
        script.finish()
    script.silence(2760)
    script.speech(240)
    assert [cut.heard_samples for cut in script.all(actions.Cut)] == [24_000, 0]
    script.speech(400)
    script.silence(600)
    whole, cut = words_told(script)
    assert whole == "one two three four"
    assert cut.startswith("five")
    assert "eight" not in cut


def test_a_caller_has_so_many_responses_out_of_band_and_no_more() -> None:
    script = Script(manual(), CorePolicy(out_of_band_limit=2))
    script.ask()
    aside = ResponseRequested(script.config.response, out_of_band=True)
    for _ in range(2):
        script.do(aside)
    with pytest.raises(CallerError, match="Wait until one of them is done"):
        script.do(aside)
    script.say("aside", 100)
    script.finish()
    script.do(aside)
    assert len(script.all(actions.StartStream)) == 4


def test_a_number_beyond_all_sense_truncates_nothing() -> None:
    script = Script(manual())
    script.ask()
    script.say("one", 300)
    script.finish()
    script.advance(1000)
    item_id = script.last(actions.AudioSent).item_id
    script.do(events.ItemTruncateRequested(item_id, 0, 10**400))
    assert item_id not in script.conversation.history.heard
