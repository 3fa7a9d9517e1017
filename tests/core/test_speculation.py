"""The model is asked before the turn is over: what of that is told, what is thrown away, and what it may cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bargein.core import actions, events
from bargein.core.audio import PCMU_8K
from bargein.core.completion import AudioPiece, Finished, ToolCallPiece, TranscriptPiece, Usage, UserAudio, UserMessage
from bargein.core.config import CorePolicy, ResponseSettings
from bargein.core.decisions import SpeculationEnded
from bargein.core.items import Failure, InputText, Message
from support.conversation_script import Script, detecting

TOLD = (
    actions.ResponseCreated,
    actions.OutputItemAdded,
    actions.TranscriptSent,
    actions.AudioSent,
    actions.ArgumentsSent,
    actions.ResponseDone,
)


def speculating(share: float = 1.0, **detection: object) -> Script:
    script = Script(detecting(**detection), CorePolicy(speculation_share=share))
    script.silence(500)
    script.speech(600)
    return script


def ended(script: Script) -> list[str]:
    return [decision.outcome for _, decision in script.decisions if isinstance(decision, SpeculationEnded)]


def told(script: Script) -> list[str]:
    return [type(action).__name__ for _, action in script.log if isinstance(action, TOLD)]


def asked_ms(script: Script) -> int:
    """How much sound the newest request ends with."""
    turn = script.last(actions.StartStream).request.messages[-1]
    assert isinstance(turn, UserMessage)
    (part,) = turn.parts
    assert isinstance(part, UserAudio)
    return part.format.ms_of(part.format.samples_of(len(part.audio)))


def test_it_is_asked_in_the_pause_and_told_at_the_end_of_the_turn() -> None:
    script = speculating()
    script.silence(180)
    assert not script.all(actions.StartStream)
    script.silence(20)
    assert asked_ms(script) == 300 + 600 + 200
    script.say("good morning", 1000)
    script.silence(280)
    assert told(script) == []
    script.silence(20)
    assert script.at(actions.InputCommitted) == script.at(actions.ResponseCreated) == 500 + 600 + 500
    assert script.at(actions.AudioSent) == 500 + 600 + 500
    assert len(script.all(actions.StartStream)) == len(script.all(actions.InputCommitted)) == 1
    assert script.last(actions.ResponseCreated).response.id == script.last(actions.StartStream).response_id
    assert ended(script) == ["used"]
    script.finish()
    script.advance(2000)
    assert script.words_told() == "good morning"
    assert script.last(actions.ResponseDone).response.status == "completed"


def test_an_answer_that_was_whole_before_the_end_is_told_whole() -> None:
    script = speculating()
    script.silence(200)
    script.say("yes", 300)
    script.finish()
    script.silence(1000)
    assert script.words_told() == "yes"
    assert script.sent_ms() == 300
    assert script.last(actions.ResponseDone).response.status == "completed"


def test_what_was_kept_is_told_in_few_pieces() -> None:
    """It is told at one moment, in which nobody else is heard."""
    script = speculating()
    script.silence(200)
    letters = [chr(ord("a") + number % 26) for number in range(1000)]
    for letter in letters:
        script.piece(TranscriptPiece(letter))
    script.piece(AudioPiece(bytes(48_000), 24_000))
    for letter in letters:
        script.piece(TranscriptPiece(letter))
    for index, call_id in enumerate(("call_1", "call_2")):
        script.piece(ToolCallPiece(index, call_id, "order", ""))
        for letter in letters:
            script.piece(ToolCallPiece(index, None, None, letter))
    script.finish()
    script.silence(300)
    script.advance(5000)
    arguments = [(sent.item_id, sent.delta) for sent in script.all(actions.ArgumentsSent)]
    assert [delta for _, delta in arguments] == ["".join(letters)] * 2
    assert len({item_id for item_id, _ in arguments}) == 2
    assert len(script.all(actions.TranscriptSent)) <= 10
    assert script.words_told() == "".join(letters) * 2


def test_who_goes_on_hears_nothing_of_it() -> None:
    script = speculating()
    script.silence(200)
    script.piece(ToolCallPiece(0, "call_1", "order", "{}"))
    script.say("good morning", 1000)
    script.silence(100)
    script.speech(40)
    (cancel,) = script.all(actions.CancelStream)
    assert cancel.response_id == script.last(actions.StartStream).response_id
    assert told(script) == []
    assert ended(script) == ["dropped"]
    script.speech(560)
    script.silence(500)
    # One more was asked ahead, with all of the turn, and is told.
    assert asked_ms(script) == 300 + 600 + 300 + 600 + 200
    assert len(script.all(actions.InputCommitted)) == len(script.all(actions.ResponseCreated)) == 1
    assert len(script.conversation.history) == 1
    assert ended(script) == ["dropped", "used"]


def test_what_was_thrown_away_is_in_the_usage_of_the_answer() -> None:
    script = speculating()
    script.silence(200)
    script.piece(Usage(input_audio_tokens=7, output_audio_tokens=5))
    script.piece(Finished("stop"))
    script.speech(600)
    assert not script.all(actions.CancelStream)  # It had ended.
    script.silence(500)
    script.say("good", 200)
    script.piece(Usage(input_audio_tokens=10, output_audio_tokens=2))
    script.finish()
    script.advance(1000)
    usage = script.last(actions.ResponseDone).response.usage
    assert usage is not None
    assert (usage.input_audio_tokens, usage.output_audio_tokens) == (17, 7)


def test_sound_that_is_thrown_away_is_counted_at_the_rate_that_it_has() -> None:
    config = replace(detecting(), response=ResponseSettings(output_format=PCMU_8K))
    script = Script(config, CorePolicy(speculation_share=1.0))
    script.silence(500)
    script.speech(600)
    script.silence(200)
    script.piece(AudioPiece(bytes(8000), 8000))
    script.speech(200)
    thrown_away = script.decisions[-1][1]
    assert isinstance(thrown_away, SpeculationEnded)
    assert (thrown_away.usage.output_audio_ms, thrown_away.usage.output_audio_tokens) == (1000, 20)


@pytest.mark.parametrize(("share", "asked_ahead"), [(0.0, 0), (0.2, 1), (1.0, 6)])
def test_what_it_may_waste_is_bounded(share: float, asked_ahead: int) -> None:
    script = speculating(share)
    for ms in (1600, 600, 1600, 600, 1600, 600):  # As no dictation goes.
        script.silence(240)
        script.talk(ms)
    assert len(script.all(actions.StartStream)) == asked_ahead
    script.silence(500)
    assert len(script.all(actions.ResponseCreated)) == 1


def test_turns_that_are_answered_earn_another() -> None:
    script = speculating(0.5)
    script.silence(240)
    script.speech(600)
    assert ended(script) == ["dropped"]
    for _ in range(2):
        script.silence(500)
        script.say("yes", 300)
        script.finish()
        script.silence(1500)
        script.speech(600)
    assert ended(script) == ["dropped", "used", "used"]


@pytest.mark.parametrize(
    "event",
    [
        events.CommitRequested(),
        events.ClearRequested(),
        events.ItemCreateRequested(Message("", "user", [InputText("by the way")])),
        events.Configured(detecting(create_response=False)),
        events.ResponseRequested(detecting().response),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_changes_the_answer_ends_it(event: events.Event) -> None:
    script = speculating()
    script.silence(200)
    ahead = script.last(actions.StartStream).response_id
    done = script.do(event)
    assert isinstance(done[0], actions.CancelStream)
    assert done[0].response_id == ahead
    assert ended(script) == ["dropped"]
    script.silence(400)
    assert ahead not in [action.response.id for action in script.all(actions.ResponseCreated)]


def test_a_turn_that_another_format_ends_is_asked_about_anew() -> None:
    """What was asked ahead is cancelled by then: nothing would ever come of it."""
    script = speculating()
    script.silence(200)
    ahead = script.last(actions.StartStream).response_id
    script.do(events.Configured(replace(detecting(), input_format=PCMU_8K)))
    asked = script.last(actions.StartStream)
    assert [action.response_id for action in script.all(actions.CancelStream)] == [ahead]
    assert script.last(actions.ResponseCreated).response.id == asked.response_id != ahead
    script.say("good morning", 300)
    script.finish()
    script.silence(1000)
    done = script.last(actions.ResponseDone).response
    assert (done.id, done.status) == (asked.response_id, "completed")
    assert ended(script) == ["dropped"]


def test_what_is_refused_changes_nothing() -> None:
    script = speculating()
    script.silence(200)
    script.replay([(script.now, events.ItemDeleteRequested("nothing"))])
    script.silence(300)
    assert ended(script) == ["used"]


def test_a_stream_that_breaks_is_asked_for_again() -> None:
    script = speculating()
    script.silence(200)
    ahead = script.last(actions.StartStream).response_id
    script.do(events.StreamFailed(ahead, Failure("server_error", None, "broken")))
    script.silence(300)
    assert ended(script) == ["failed"]
    assert len(script.all(actions.StartStream)) == 2
    script.say("good", 200)
    script.finish()
    script.advance(500)
    assert script.last(actions.ResponseDone).response.status == "completed"


def test_a_caller_who_leaves_has_cost_what_was_asked() -> None:
    script = speculating()
    script.silence(200)
    script.piece(Usage(input_audio_tokens=7))
    script.do(events.CallerLeft())
    (decision,) = [decision for _, decision in script.decisions if isinstance(decision, SpeculationEnded)]
    assert (decision.outcome, decision.usage) == ("left", Usage(input_audio_tokens=7))
    assert script.all(actions.CancelStream)


@pytest.mark.parametrize("slope", [-2.0, 3.0])
def test_a_voice_that_hung_is_no_reason_to_ask(slope: float) -> None:
    script = speculating()
    script.pitch_st_per_s = slope
    script.silence(400)
    assert not script.all(actions.StartStream)


def test_who_wants_no_answers_is_not_asked_for_any() -> None:
    script = speculating(create_response=False)
    script.silence(800)
    assert not script.all(actions.StartStream)


def test_a_turn_that_is_healed_is_asked_ahead_as_one() -> None:
    script = speculating()
    script.silence(600)
    script.say("well", 300)
    script.speech(600)
    script.silence(200)
    whole_ms = asked_ms(script)
    script.silence(300)
    assert whole_ms > 300 + 600 + 500 + 600 + 200
    assert ended(script) == ["used", "used"]
