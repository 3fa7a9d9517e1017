"""Conversations as scripts on literal times."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.audio import audio_bytes
from bargein.core.completion import AssistantMessage, UserAudio, UserMessage
from bargein.core.config import CorePolicy
from bargein.core.echo_guard import ECHO_LIKENESS, SURE_LIKENESS
from bargein.core.events import ResponseRequested
from bargein.core.floor import AgentState, CallerState
from bargein.core.items import Failure, InputText, Message
from bargein.errors import CallerError
from support.conversation_script import Script, detecting, manual


def told(script: Script) -> list[str]:
    """Roles and words of the newest request."""
    shown = []
    for message in script.requests[script.last(actions.StartStream).response_id].messages:
        match message:
            case AssistantMessage(text):
                shown.append(f"assistant: {text}")
            case UserMessage(parts):
                shown.append("user: " + " ".join("<audio>" if isinstance(p, UserAudio) else p.text for p in parts))
            case _:
                shown.append(type(message).__name__)
    return shown


def test_a_spoken_turn_is_committed_from_its_padding_on_and_answered() -> None:
    script = Script()
    script.silence(1000)
    script.speech(600)
    script.silence(500)

    started, stopped = script.last(actions.SpeechStarted), script.last(actions.SpeechStopped)
    assert started.audio_start_ms == 700
    assert stopped.audio_end_ms == 2100
    committed = script.last(actions.InputCommitted).item
    assert committed.id == started.item_id == stopped.item_id
    audio = committed.parts[0]
    assert len(audio.audio) == 2 * 24 * 1400
    assert script.kinds()[-4:] == ["SpeechStopped", "InputCommitted", "ResponseCreated", "StartStream"]
    assert told(script) == ["user: <audio>"]


def test_sound_is_sent_no_further_ahead_than_the_lead() -> None:
    script = Script(manual())
    script.ask()
    script.say("one two three four five six seven eight nine ten", 3000)
    assert script.sent_ms() == 400
    script.advance(1000)
    assert script.sent_ms() == 1400
    script.finish()
    script.advance(1599)
    assert not script.all(actions.ResponseDone)
    script.advance(1)
    assert script.last(actions.ResponseDone).response.status == "completed"
    assert script.conversation.agent.state is AgentState.DRAINING
    script.advance(400)
    assert script.conversation.agent.state is AgentState.IDLE


def test_a_barge_in_holds_at_80_ms_and_confirms_at_240_ms() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 4000)
    script.silence(1000)
    before = len(script.log)
    at = script.now
    script.speech(240)

    held = next(t for t, a in script.log[before:] if isinstance(a, actions.Held))
    assert round((held - at) * 1000) == 80
    started = next(t for t, a in script.log[before:] if isinstance(a, actions.SpeechStarted))
    assert round((started - at) * 1000) == 240
    # The onset was at 1500 ms; 300 ms of padding lie before it.
    assert script.last(actions.SpeechStarted).audio_start_ms == 1200
    assert script.kinds(before)[-8:] == [
        "VoiceChanged",
        "Held",
        "SpeechStarted",
        "CancelStream",
        "Flushed",
        "OutputItemDone",
        "ResponseDone",
        "Cut",
    ]
    done = script.last(actions.ResponseDone).response
    assert (done.status, done.reason) == ("cancelled", "turn_detected")
    assert done.usage is not None
    assert done.usage.estimated


def test_after_a_barge_in_the_model_is_told_what_was_heard_before_the_new_turn() -> None:
    script = Script()
    script.silence(500)
    script.ask("count")
    script.say("one two three four five six seven eight nine ten", 4000)
    script.silence(1000)
    script.speech(800)
    script.silence(500)

    words = script.last(actions.Cut).heard_text.split()
    assert 0 < len(words) < 10
    assert told(script) == ["user: count", f"assistant: {' '.join(words)}", "user: <audio>"]


def test_a_cough_holds_and_resumes_and_leaves_no_standard_event() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.silence(500)
    before = len(script.log)
    script.cough(200)
    sent_at_hold = script.sent_ms()
    script.silence(400)

    assert script.kinds(before).count("Held") == script.kinds(before).count("Resumed") == 1
    assert not script.all(actions.SpeechStarted)
    script.advance(3000)
    starts = [action.start_sample for action in script.all(actions.AudioSent)]
    counts = [action.sample_count for action in script.all(actions.AudioSent)]
    assert starts == [sum(counts[:i]) for i in range(len(counts))]
    assert script.sent_ms() == 3000 > sent_at_hold
    assert script.last(actions.Resumed).from_sample <= sent_at_hold * 24


def test_a_hold_ends_by_the_wall_clock_when_no_samples_come() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.silence(200)
    script.speech(80)
    assert script.conversation.agent.held
    script.advance(999)
    assert script.conversation.agent.held
    script.advance(1)
    assert not script.conversation.agent.held


def test_a_barge_in_while_the_model_thinks_leaves_no_assistant_message() -> None:
    script = Script()
    script.silence(500)
    script.ask("slow question")
    script.speech(80)
    script.say("too late", 500)
    assert not script.all(actions.TranscriptSent)
    script.speech(160)
    assert script.last(actions.ResponseDone).response.status == "cancelled"
    assert not script.all(actions.Flushed)
    script.speech(300)
    script.silence(500)
    assert told(script) == ["user: slow question", "user: <audio>"]


def test_what_was_gated_while_thinking_is_told_when_it_was_only_a_cough() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.cough(80)
    script.say("here it is", 500)
    script.finish()
    script.silence(200)
    assert script.words_told() == "here it is"
    script.advance(600)
    assert script.last(actions.ResponseDone).response.status == "completed"


def test_a_barge_in_with_backlog_after_the_streams_end_cancels_the_response_but_no_stream() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three four", 3000)
    script.finish()
    script.silence(400)
    script.speech(240)
    assert script.last(actions.ResponseDone).response.status == "cancelled"
    assert not script.all(actions.CancelStream)


def test_a_barge_in_when_all_was_sent_cuts_the_history_of_a_completed_response() -> None:
    script = Script()
    script.silence(500)
    script.ask("q")
    script.say("one two three four five six seven eight", 1400)
    script.finish()
    script.silence(1020)
    assert script.last(actions.ResponseDone).response.status == "completed"
    assert script.conversation.agent.state is AgentState.DRAINING
    script.speech(240)
    assert len(script.all(actions.ResponseDone)) == 1
    assert len(script.all(actions.Flushed)) == len(script.all(actions.Cut)) == 1
    assert script.last(actions.Cut).unheard_text


def test_speech_exactly_at_the_end_of_a_reply_is_an_ordinary_turn() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("hi", 200)
    script.finish()
    script.silence(200)
    assert script.conversation.agent.state is AgentState.IDLE
    script.speech(80)
    assert script.conversation.caller.state is CallerState.SPEAKING
    assert script.last(actions.SpeechStarted).audio_start_ms == 400
    assert not script.all(actions.Held)


def test_without_interrupt_response_speech_is_announced_at_once_and_answered_in_turn() -> None:
    script = Script(detecting(interrupt_response=False))
    script.silence(500)
    first = script.ask()
    script.say("one two three four", 2000)
    script.speech(400)
    assert len(script.all(actions.SpeechStarted)) == 1
    assert not script.all(actions.Held)
    script.silence(500)
    assert len(script.all(actions.InputCommitted)) == 1
    assert len(script.all(actions.ResponseCreated)) == 1
    script.finish()
    script.advance(2000)
    assert script.all(actions.ResponseDone)[0].response.id == first
    assert len(script.all(actions.ResponseCreated)) == 2


def test_a_response_asked_for_while_sound_is_still_being_sent_is_queued_not_refused() -> None:
    script = Script(manual())
    script.ask()
    script.say("one two three", 2000)
    with pytest.raises(CallerError, match="already has an active response"):
        script.do(events.ResponseRequested(script.config.response))
    script.finish()
    script.do(events.ResponseRequested(script.config.response))
    assert len(script.all(actions.ResponseCreated)) == 1
    script.advance(2000)
    assert script.kinds().index("ResponseDone") < len(script.kinds()) - 1 - script.kinds()[::-1].index(
        "ResponseCreated"
    )


def test_the_sound_of_a_new_response_waits_until_the_old_one_is_heard_out() -> None:
    script = Script(manual())
    script.ask()
    script.say("one two", 400)
    script.finish()
    assert script.all(actions.ResponseDone)
    second = script.ask("more")
    script.say("three four", 400)
    assert not [a for a in script.all(actions.AudioSent) if a.response_id == second]
    script.advance(401)
    assert [a for a in script.all(actions.AudioSent) if a.response_id == second]


def test_response_cancel_cuts_at_heard_and_works_until_response_done() -> None:
    script = Script(manual())
    script.ask()
    script.say("one two three four five six seven eight", 3000)
    script.finish()
    script.advance(800)
    script.do(events.CancelRequested())
    assert script.last(actions.ResponseDone).response.reason == "client_cancelled"
    assert script.last(actions.Cut).heard_samples == 800 * 24
    with pytest.raises(CallerError, match=r"^Cancellation failed"):
        script.do(events.CancelRequested())


def test_late_pieces_of_a_cancelled_response_are_dropped() -> None:
    script = Script(manual())
    first = script.ask()
    script.say("one", 200)
    script.do(events.CancelRequested())
    count = len(script.log)
    script.say(" two", 500, first)
    script.finish(response_id=first)
    assert len(script.log) == count


def test_a_failed_stream_fails_its_response_and_the_next_turn_works() -> None:
    script = Script(manual())
    first = script.ask()
    script.say("one two", 1000)
    script.do(events.StreamFailed(first, Failure("server_error", "stalled", "The model fell silent.")))
    assert script.last(actions.ResponseDone).response.status == "failed"
    script.ask("again")
    script.say("fine", 100)
    script.finish()
    script.advance(1000)
    assert script.last(actions.ResponseDone).response.status == "completed"


@pytest.mark.parametrize("content_index", [1, 10**30])
def test_a_truncate_of_a_part_that_is_no_sound_is_refused(content_index: int) -> None:
    script = Script(manual())
    script.ask()
    script.say("one two three", 900)
    item_id = script.last(actions.AudioSent).item_id
    with pytest.raises(CallerError, match="content part 0") as caught:
        script.do(events.ItemTruncateRequested(item_id, content_index, 100))
    assert caught.value.param == "content_index"
    assert not script.all(actions.ItemTruncated)


def test_a_truncate_takes_the_smaller_number_and_echoes_the_callers() -> None:
    script = Script(manual())
    script.ask()
    script.say("one two three four five six seven eight", 2000)
    script.finish()
    script.advance(1000)
    item_id = script.last(actions.AudioSent).item_id
    script.do(events.ItemTruncateRequested(item_id, 0, 999_999))
    assert script.last(actions.ItemTruncated).audio_end_ms == 999_999
    assert script.conversation.history.heard[item_id].samples == 1000 * 24
    script.do(events.ItemTruncateRequested(item_id, 0, 500))
    assert script.conversation.history.heard[item_id].samples == 500 * 24
    script.advance(2000)
    retrieved = script.do(events.ItemRetrieveRequested(item_id))[0]
    assert b"".join(audio_bytes(piece) for piece in retrieved.item.parts[0].pieces) == b"\x01\x00" * 500 * 24


def test_reports_of_the_caller_make_the_heard_position_exact() -> None:
    script = Script(reports=True)
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight", 4000)
    sent = script.last(actions.AudioSent)
    script.do(events.PlaybackReported(sent.response_id, sent.item_id, 1200, playing=True))
    script.advance(1000)
    # Carried on by one report interval at most: 50 ms + 100 ms heard, 400 ms ahead of that sent, in whole slices.
    assert script.sent_ms() == 500
    script.speech(240)
    assert not script.all(actions.Cut)
    script.do(events.PlaybackFlushed(sent.response_id, sent.item_id, 3333))
    assert script.last(actions.Cut).heard_samples == 3333


def test_a_caller_who_never_answers_a_flush_is_cut_at_the_estimate() -> None:
    script = Script(reports=True)
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight", 4000)
    script.silence(500)
    script.speech(240)
    assert not script.all(actions.Cut)
    script.advance(301)
    assert len(script.all(actions.Cut)) == 1


def test_the_idle_timeout_counts_from_the_end_of_play_out() -> None:
    script = Script(detecting(idle_timeout_ms=5000))
    script.silence(200)
    script.ask()
    script.say("are you there", 1000)
    script.finish()
    script.silence(5900)
    assert not script.all(actions.IdleTimedOut)
    script.silence(200)
    timed_out = script.last(actions.IdleTimedOut)
    assert timed_out.audio_end_ms - timed_out.audio_start_ms == 5000
    assert script.last(actions.InputCommitted).item.id == timed_out.item_id
    assert len(script.all(actions.ResponseCreated)) == 2


def test_too_much_backlog_pauses_the_stream_and_room_continues_it() -> None:
    script = Script(manual(), CorePolicy(backlog_limit_ms=2000))
    script.ask()
    script.say("long", 2600)
    assert len(script.all(actions.PauseStream)) == 1
    script.advance(1500)
    assert len(script.all(actions.ContinueStream)) == 1


def test_items_keep_their_order_around_a_barge_in() -> None:
    script = Script()
    script.silence(500)
    script.ask("count")
    script.say("one two three four five", 3000)
    script.silence(600)
    script.speech(400)
    script.do(events.ItemCreateRequested(Message("mine", "user", [InputText("typed")])))
    script.silence(600)
    order = [item.id for item in script.conversation.history]
    assert order.index("mine") == 2
    assert script.last(actions.InputCommitted).previous_item_id == "mine"


def test_an_automatic_response_does_not_push_out_one_that_the_caller_waits_for() -> None:
    script = Script(detecting(interrupt_response=False))
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.finish()
    asked = ResponseRequested(script.config.response, metadata={"mine": "yes"})
    script.do(asked)
    script.speech(400)
    script.silence(500)
    script.advance(3000)
    assert [response.metadata for response in (a.response for a in script.all(actions.ResponseCreated))][1] == {
        "mine": "yes"
    }


def test_who_was_taken_for_an_echo_by_mistake_is_heard_the_next_time() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 8000)
    script.silence(300)
    script.echo = 0.5
    script.speech(260)
    script.silence(300)
    assert not script.all(actions.SpeechStarted)
    script.echo = 0.0
    script.speech(300)
    assert script.last(actions.ResponseDone).response.reason == "turn_detected"


def test_two_mistakes_far_from_each_other_teach_nothing() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 12_000)
    script.silence(300)
    for pause_ms in (6_000, 300):
        script.echo = 0.5
        script.speech(260)
        script.echo = 0.0
        script.silence(pause_ms)
    script.speech(300)
    assert script.last(actions.ResponseDone).response.reason == "turn_detected"


def test_evidence_that_is_very_like_the_agents_own_voice_holds_nothing() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 8000)
    script.silence(300)
    script.echo = SURE_LIKENESS
    script.talk(3000)
    assert not script.all(actions.Held)
    assert not script.all(actions.SpeechStarted)
    script.echo = 0.0
    script.speech(300)
    assert script.last(actions.ResponseDone).response.reason == "turn_detected", "a caller of the same level"


def test_the_agents_own_voice_from_a_loudspeaker_is_known_after_twice() -> None:
    script = Script()
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 8000)
    script.silence(300)
    script.echo = ECHO_LIKENESS
    script.speech(900)
    assert len(script.all(actions.Held)) == len(script.all(actions.Resumed)) == 2
    assert not script.all(actions.SpeechStarted)
    script.silence(300)
    script.speech(900)
    assert len(script.all(actions.Held)) == 2, "an echo that is known holds nothing"
    script.echo = 0.0
    script.windows(300, 1.0, -10.0)
    assert script.last(actions.ResponseDone).response.reason == "turn_detected"


def test_an_echo_that_ends_with_the_hold_is_learnt_too() -> None:
    """A player that pauses at once takes its echo with it: what is left looks like a cough."""
    script = Script(reports=True)
    script.silence(500)
    script.ask()
    script.say("one two three four five six seven eight nine ten", 8000)
    script.silence(300)
    script.echo = ECHO_LIKENESS
    for _ in range(4):
        script.speech(100)
        script.silence(400)
    assert len(script.all(actions.Held)) == 2
