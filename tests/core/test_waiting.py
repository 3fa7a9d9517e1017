"""A reply that begins while the caller speaks: it is generated, and its sound waits for their end."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.completion import AssistantMessage, TextPiece, ToolCallPiece
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, TurnDetection
from bargein.core.events import ResponseRequested
from bargein.core.floor import AgentState, CallerState
from bargein.core.items import Failure
from bargein.errors import CallerError
from support.conversation_script import Script, detecting, manual


def agent(script: Script) -> AgentState:
    return script.conversation.agent.state


def caller(script: Script) -> CallerState:
    return script.conversation.caller.state


def speaking(script: Script) -> Script:
    """The caller is in the middle of a word, and nobody else has said anything yet."""
    script.silence(500)
    script.speech(600)
    assert caller(script) is CallerState.SPEAKING
    return script


def ask(script: Script) -> str:
    """The client asks for a response. Returns its id."""
    script.do(ResponseRequested(script.config.response))
    return script.last(actions.ResponseCreated).response.id


def sent(script: Script, response_id: str) -> int:
    """Samples of a reply that were sent."""
    return sum(a.sample_count for a in script.all(actions.AudioSent) if a.response_id == response_id)


def ends(script: Script) -> list[tuple[str, str | None]]:
    return [(a.response.status, a.response.reason) for a in script.all(actions.ResponseDone)]


def test_its_sound_waits_and_then_the_callers_turn_is_answered_instead() -> None:
    script = speaking(Script())
    greeting = ask(script)
    script.say("welcome to the house", 2000)
    script.talk(2000)
    assert agent(script) is AgentState.WAITING
    assert sent(script, greeting) == 0
    before = len(script.log)
    script.silence(500)
    assert [kind for kind in script.kinds(before) if kind != "VoiceChanged"] == [
        "SpeechStopped",
        "InputCommitted",
        "CancelStream",
        "OutputItemDone",
        "ResponseDone",
        "Cut",
        "ResponseCreated",
        "StartStream",
    ]
    assert ends(script) == [("cancelled", "turn_detected")]
    cut = script.last(actions.Cut)
    assert (cut.heard_samples, cut.heard_text) == (0, "")
    assert script.all(actions.ResponseDone)[0].response.id == greeting
    request = script.requests[script.last(actions.StartStream).response_id]
    assert not [m for m in request.messages if isinstance(m, AssistantMessage)], "nobody heard a word of it"


def test_a_reply_that_was_made_whole_while_it_waited_is_cut_at_nothing() -> None:
    script = speaking(Script(reports=True))
    ask(script)
    script.say("welcome", 500)
    script.finish()
    assert agent(script) is AgentState.WAITING
    script.silence(500)
    assert ends(script) == [("cancelled", "turn_detected")]
    assert not script.all(actions.CancelStream), "its stream had ended"
    assert not script.all(actions.Flushed), "nothing of it was sent"
    assert script.last(actions.Cut).heard_samples == 0


def test_in_a_pause_it_waits_too() -> None:
    script = speaking(Script())
    script.silence(200)
    assert caller(script) is CallerState.STOPPING
    greeting = ask(script)
    script.say("welcome", 500)
    script.silence(200)
    script.speech(600)
    assert sent(script, greeting) == 0
    script.silence(500)
    assert ends(script) == [("cancelled", "turn_detected")]


def greeted_early(script: Script) -> str:
    """A whole reply is asked for and made while the caller speaks, who ends after it. Returns its id."""
    greeting = ask(speaking(script))
    script.say("welcome", 500)
    script.finish()
    script.speech(500)
    assert sent(script, greeting) == 0
    script.silence(500)
    return greeting


def test_without_an_automatic_answer_its_sound_begins_when_the_caller_ends() -> None:
    script = Script(detecting(create_response=False))
    greeting = greeted_early(script)
    assert len(script.all(actions.InputCommitted)) == 1
    assert sent(script, greeting) > 0
    assert agent(script) is AgentState.DRAINING, "its stream ended long ago"
    script.silence(1000)
    assert ends(script) == [("completed", None)]
    assert sent(script, greeting) == 500 * 24


def test_who_does_not_interrupt_hears_it_and_then_the_answer() -> None:
    script = Script(detecting(interrupt_response=False))
    greeting = greeted_early(script)
    assert len(script.all(actions.ResponseCreated)) == 1
    script.silence(1000)
    assert ends(script) == [("completed", None)]
    assert sent(script, greeting) == 500 * 24
    assert len(script.all(actions.ResponseCreated)) == 2


@pytest.mark.parametrize("event", [events.CommitRequested(), events.ClearRequested(), events.Configured(manual())])
def test_it_begins_when_the_speech_is_taken_by_hand(event: events.Event) -> None:
    script = speaking(Script())
    greeting = ask(script)
    script.say("welcome", 500)
    script.do(event)
    assert sent(script, greeting) > 0
    assert not script.all(actions.ResponseDone)


def test_without_turn_detection_nothing_waits() -> None:
    script = Script(manual())
    script.silence(500)
    script.speech(500)
    greeting = ask(script)
    script.say("welcome", 500)
    assert sent(script, greeting) > 0


def test_the_calls_of_a_tool_do_not_wait_and_neither_does_the_end_of_a_response_without_sound() -> None:
    script = speaking(Script())
    ask(script)
    script.piece(ToolCallPiece(0, "call_1", "look_up", "{}"))
    script.finish("tool_calls")
    assert ends(script) == [("completed", None)]
    assert agent(script) is AgentState.IDLE
    second = ask(script)
    script.say("found it", 500)
    assert agent(script) is AgentState.WAITING
    assert sent(script, second) == 0


def test_text_does_not_wait_and_is_not_cut_by_the_end_of_the_turn() -> None:
    text = ResponseSettings(audio=False)
    script = speaking(Script(SessionConfig(turn_detection=TurnDetection(), response=text)))
    first = ask(script)
    script.piece(TextPiece("welcome "))
    assert script.last(actions.TextSent).delta == "welcome "
    script.silence(500)
    assert not script.all(actions.ResponseDone)
    script.piece(TextPiece("home"), first)
    script.finish(response_id=first)
    assert ends(script) == [("completed", None)]
    assert len(script.all(actions.ResponseCreated)) == 2, "then the caller's turn is answered"


def test_a_response_out_of_band_never_waits() -> None:
    script = speaking(Script())
    script.do(ResponseRequested(script.config.response, out_of_band=True))
    aside = script.last(actions.ResponseCreated).response.id
    script.say("an aside", 500)
    script.finish()
    assert sent(script, aside) == 500 * 24
    assert ends(script) == [("completed", None)]


def starting_alone(script: Script) -> Script:
    """The caller's first evidence of speech is being weighed, and the agent has just fallen silent."""
    script.silence(500)
    script.ask()
    script.say("one two three", 3000)
    script.silence(500)
    script.speech(100)
    script.do(events.CancelRequested())
    assert caller(script) is CallerState.STARTING
    assert agent(script) is AgentState.IDLE
    return script


def test_it_waits_while_the_first_evidence_is_weighed_and_goes_on_waiting_for_speech() -> None:
    script = starting_alone(Script())
    second = ask(script)
    script.say("four five six", 500)
    assert sent(script, second) == 0
    script.speech(400)
    assert len(script.all(actions.SpeechStarted)) == 1
    assert agent(script) is AgentState.WAITING
    assert not script.conversation.agent.held
    assert sent(script, second) == 0
    script.silence(500)
    assert ends(script)[1:] == [("cancelled", "turn_detected")]
    assert len(script.all(actions.InputCommitted)) == 1


def test_it_begins_when_the_first_evidence_was_a_cough() -> None:
    script = starting_alone(Script())
    second = ask(script)
    script.say("four five six", 500)
    script.silence(200)
    assert caller(script) is CallerState.SILENT
    assert sent(script, second) > 0


def test_it_does_not_wait_for_ever_for_evidence_that_stays_in_doubt() -> None:
    script = starting_alone(Script())
    second = ask(script)
    script.say("four five six", 500)
    for _ in range(8):
        script.cough(20)
        script.silence(120)
    assert caller(script) is CallerState.STARTING
    assert sent(script, second) > 0, "a hold ends after a second"


def test_a_second_reply_waits_for_who_speaks_on_over_the_end_of_the_first() -> None:
    script = Script(detecting(interrupt_response=False))
    script.silence(500)
    first = script.ask()
    script.say("let me look", 600)
    script.finish()
    script.silence(200)
    script.speech(200)
    second = ask(script)
    script.say("found it", 500, second)
    script.finish(response_id=second)
    script.talk(2000)
    assert sent(script, first) == 600 * 24
    assert sent(script, second) == 0
    script.silence(500)
    assert sent(script, second) > 0


def test_a_hold_goes_on_for_a_queued_reply_when_the_one_before_it_fails() -> None:
    script = Script()
    script.silence(500)
    first = script.ask()
    script.say("one two three", 3000)
    script.silence(500)
    script.speech(100)
    assert script.conversation.agent.held
    script.do(events.StreamFailed(first, Failure("server_error", None, "broken")))
    second = ask(script)
    script.say("four", 500)
    script.advance(500)
    assert script.conversation.agent.held
    assert sent(script, second) == 0
    script.speech(300)
    assert ends(script) == [("failed", None), ("cancelled", "turn_detected")]


def test_it_can_be_cancelled_while_it_waits() -> None:
    script = speaking(Script())
    ask(script)
    script.say("welcome", 500)
    script.do(events.CancelRequested())
    assert ends(script) == [("cancelled", "client_cancelled")]
    assert agent(script) is AgentState.IDLE
    script.silence(500)
    assert len(script.all(actions.ResponseCreated)) == 2


def test_it_can_fail_while_it_waits() -> None:
    script = speaking(Script())
    greeting = ask(script)
    script.say("welcome", 500)
    script.do(events.StreamFailed(greeting, Failure("server_error", None, "broken")))
    assert ends(script) == [("failed", None)]
    assert agent(script) is AgentState.IDLE
    script.silence(500)
    assert len(script.all(actions.ResponseCreated)) == 2


def test_too_much_of_it_stops_the_reading_of_the_model() -> None:
    script = speaking(Script(detecting(), CorePolicy(backlog_limit_ms=1000)))
    ask(script)
    script.say("a long story", 1600)
    assert len(script.all(actions.PauseStream)) == 1


def test_it_waits_without_pacing_too() -> None:
    script = speaking(Script(detecting(create_response=False), CorePolicy(lead_ms=None)))
    greeting = ask(script)
    script.say("welcome", 500)
    assert sent(script, greeting) == 0
    script.silence(500)
    assert sent(script, greeting) == 500 * 24


def test_one_that_is_queued_behind_it_goes_with_it() -> None:
    script = speaking(Script())
    ask(script)
    script.say("welcome", 500)
    script.finish()
    script.do(ResponseRequested(script.config.response, metadata={"mine": "yes"}))
    script.silence(500)
    assert ends(script) == [("cancelled", "turn_detected")] * 2
    told = [kind for kind in script.kinds() if kind in {"ResponseCreated", "ResponseDone"}]
    assert told == ["ResponseCreated", "ResponseDone"] * 2 + ["ResponseCreated"], "one at a time"
    assert [a.response.metadata for a in script.all(actions.ResponseCreated)] == [None, {"mine": "yes"}, None]
    assert len(script.all(actions.StartStream)) == 2, "the greeting and the answer"


# Answers that are queued.


def queued_answer(**changes: object) -> Script:
    """The caller has said something over a reply that it does not interrupt: the answer to it is queued."""
    script = Script(detecting(interrupt_response=False, **changes))
    script.silence(500)
    script.ask()
    script.say("one two three four five six", 6000)
    script.finish()
    script.silence(500)
    script.speech(400)
    script.silence(500)
    assert len(script.all(actions.InputCommitted)) == 1
    assert len(script.all(actions.ResponseCreated)) == 1
    return script


def test_the_output_of_a_tool_of_the_servers_is_answered_when_it_can_be_and_never_refused() -> None:
    script = Script(manual())
    script.ask()
    script.do(ResponseRequested(script.config.response, answers="item_of_the_output"))
    assert len(script.all(actions.StartStream)) == 1
    script.say("one moment", 600)
    script.finish()
    script.silence(2000)
    assert len(script.all(actions.StartStream)) == 2
    waiting = speaking(Script())
    waiting.do(ResponseRequested(waiting.config.response, answers="item_of_the_output"))
    assert len(waiting.all(actions.StartStream)) == 0
    waiting.silence(600)
    assert len(waiting.all(actions.StartStream)) == 1, "one answer to the turn and to the output"


def test_a_queued_answer_does_not_survive_an_interruption() -> None:
    script = queued_answer()
    script.do(events.Configured(detecting()))
    script.speech(400)
    assert ends(script) == [("cancelled", "turn_detected")]
    script.talk(2000)
    assert len(script.all(actions.StartStream)) == 1
    script.silence(500)
    script.say("fine", 300)
    script.finish()
    script.silence(2000)
    assert len(script.all(actions.StartStream)) == 2, "one answer to both turns"


def test_what_was_dropped_by_an_interruption_does_not_come_back_when_that_is_cleared() -> None:
    script = queued_answer()
    script.do(events.Configured(detecting()))
    script.speech(400)
    script.do(events.ClearRequested())
    script.silence(2000)
    assert len(script.all(actions.StartStream)) == 1


def test_a_queued_answer_begins_when_the_caller_cancels() -> None:
    script = queued_answer()
    script.do(events.CancelRequested())
    assert len(script.all(actions.StartStream)) == 2


def test_a_queued_answer_waits_for_who_speaks_on_and_answers_all_of_it() -> None:
    """A client that interrupts by itself: it cancels at ``speech_started``."""
    script = queued_answer()
    script.speech(400)
    assert len(script.all(actions.SpeechStarted)) == 2
    script.do(events.CancelRequested())
    script.talk(1000)
    assert len(script.all(actions.StartStream)) == 1, "the caller is still speaking"
    script.silence(500)
    assert len(script.all(actions.StartStream)) == 2
    script.say("fine", 300)
    script.finish()
    script.silence(2000)
    assert len(script.all(actions.StartStream)) == 2


@pytest.mark.parametrize("event", [events.ClearRequested(), events.Configured(manual())])
def test_a_queued_answer_begins_when_the_speech_it_waits_for_is_taken(event: events.Event) -> None:
    script = queued_answer()
    script.speech(400)
    script.do(events.CancelRequested())
    script.do(event)
    assert len(script.all(actions.StartStream)) == 2


def test_a_queued_answer_goes_with_the_item_that_it_answers() -> None:
    script = queued_answer()
    script.do(events.ItemDeleteRequested(script.last(actions.InputCommitted).item.id))
    script.silence(8000)
    assert ends(script) == [("completed", None)]
    assert len(script.all(actions.StartStream)) == 1


@pytest.mark.parametrize("deleted", [[0], [1], [0, 1]])
def test_a_queued_answer_to_two_turns_stays_until_both_are_deleted(deleted: list[int]) -> None:
    script = queued_answer()
    script.speech(400)
    script.silence(500)
    turns = [a.item.id for a in script.all(actions.InputCommitted)]
    assert len(turns) == 2
    for turn in deleted:
        script.do(events.ItemDeleteRequested(turns[turn]))
    script.silence(8000)
    assert len(script.all(actions.StartStream)) == (1 if len(deleted) == 2 else 2)


def test_a_queued_answer_begins_when_the_reply_before_it_fails() -> None:
    script = Script(detecting(interrupt_response=False))
    script.silence(500)
    first = script.ask()
    script.say("one two three", 3000)
    script.speech(400)
    script.silence(500)
    script.do(events.StreamFailed(first, Failure("server_error", None, "broken")))
    assert len(script.all(actions.StartStream)) == 2


def test_what_the_client_asks_for_takes_the_place_of_an_answer_that_waits_for_the_caller() -> None:
    script = queued_answer()
    script.speech(400)
    script.do(events.CancelRequested())
    ask(script)
    script.say("fine", 300)
    script.finish()
    script.do(events.ClearRequested())
    script.silence(2000)
    assert len(script.all(actions.StartStream)) == 2


def test_what_is_about_something_else_does_not() -> None:
    script = queued_answer()
    with pytest.raises(CallerError, match="already has an active response"):
        script.do(ResponseRequested(script.config.response, input=()))
    script.silence(8000)
    assert len(script.all(actions.StartStream)) == 2


def test_what_the_client_asks_for_takes_the_place_of_a_queued_answer() -> None:
    script = queued_answer()
    script.do(ResponseRequested(script.config.response, metadata={"mine": "yes"}))
    script.silence(8000)
    assert [a.response.metadata for a in script.all(actions.ResponseCreated)] == [None, {"mine": "yes"}]
