"""What is counted of a response whose stream was cut off before the model's server counted it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bargein.core import actions, events
from bargein.core.completion import Usage
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, Transcription
from bargein.core.items import Failure
from support.conversation_script import Script, detecting, manual


def test_the_sound_of_both_sides_is_part_of_the_estimate() -> None:
    script = Script(manual())
    script.speech(1000)
    script.do(events.CommitRequested())
    script.do(events.ResponseRequested(script.config.response))
    script.say("eight letters, and more", 2000)
    script.do(events.CancelRequested())
    usage = script.last(actions.ResponseDone).response.usage
    assert usage == Usage(
        input_text_tokens=0, input_audio_tokens=10, output_text_tokens=6, output_audio_tokens=40, estimated=True
    )


def test_tools_are_part_of_the_estimate_for_the_model_reads_them_each_time() -> None:
    tool = {"type": "function", "name": "book", "description": "x" * 4000, "parameters": {"type": "object"}}
    script = Script(SessionConfig(turn_detection=None, response=ResponseSettings(tools=(tool,))))
    script.ask("four")
    script.say("eight letters, and more", 2000)
    script.do(events.CancelRequested())
    usage = script.last(actions.ResponseDone).response.usage
    assert usage is not None
    assert usage.input_text_tokens == 1 + -(-len(json.dumps([tool], separators=(",", ":"))[1:-1]) // 4)


def test_a_conversation_that_may_not_be_shortened_and_fits_no_more_costs_nothing() -> None:
    config = SessionConfig(turn_detection=None, response=ResponseSettings(truncation="disabled"))
    script = Script(config, CorePolicy(max_context_tokens=10))
    script.ask("a question of more than ten tokens, which is all that the model can be told")
    response = script.last(actions.ResponseDone).response
    assert not script.all(actions.StartStream)
    assert (response.status, response.failure and response.failure.code) == ("failed", "context_length_exceeded")
    assert response.usage == Usage()


@pytest.mark.parametrize("told", [True, False], ids=["counted by the server", "estimated"])
@pytest.mark.parametrize("fails", [True, False], ids=["broken", "interrupted"])
def test_what_was_held_back_from_its_first_sound_on_was_made_all_the_same(told: bool, fails: bool) -> None:
    script = Script()
    script.silence(500)
    response_id = script.ask()
    script.speech(80)
    script.say("eight letters, and more", 2000)
    if told:
        script.piece(Usage(input_text_tokens=3, output_text_tokens=5, output_audio_tokens=41))
    if fails:
        script.do(events.StreamFailed(response_id, Failure("server_error", None, "broken"), processed=True))
    else:
        script.speech(400)
    done = script.last(actions.ResponseDone).response
    assert (done.id, done.output, done.status) == (response_id, [], "failed" if fails else "cancelled")
    assert done.usage is not None
    assert (done.usage.output_text_tokens, done.usage.output_audio_tokens) == ((5, 41) if told else (6, 40))
    assert (done.usage.estimated, done.usage.output_audio_ms) == (not told, 2000)


def test_what_a_reply_that_goes_on_has_kept_was_counted_before() -> None:
    """Of the response that was interrupted: its server made it once."""
    script = Script(replace(detecting(), transcription=Transcription("whisper-1")))
    script.silence(500)
    script.ask()
    script.say("one two three four five six", 3000)
    script.silence(1000)
    script.talk(400)
    script.silence(600)
    first = script.last(actions.ResponseDone).response.usage
    script.do(events.TranscriptionCompleted(script.last(actions.InputCommitted).item.id, "", 1.0))
    goes_on_as = script.last(actions.ResponseCreated).response.id
    script.say(" seven", 500, goes_on_as)
    script.silence(200)
    script.do(events.CancelRequested())
    rest = script.last(actions.ResponseDone).response
    assert rest.id == goes_on_as
    assert first is not None
    assert rest.usage is not None
    assert (first.output_audio_ms, rest.usage.output_audio_ms) == (3000, 500)
    assert (first.output_audio_tokens, rest.usage.output_audio_tokens) == (60, 10)
    assert (first.output_text_tokens, rest.usage.output_text_tokens) == (7, 2)
