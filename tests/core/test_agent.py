"""The agent's side on literal times: queues, tails, holds and failures where they meet."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.completion import AssistantMessage, TranscriptPiece
from bargein.core.config import CorePolicy
from bargein.core.events import ResponseRequested
from bargein.core.items import Failure, InputText, ItemReference, Message
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
