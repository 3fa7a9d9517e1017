"""What is counted of a response whose stream was cut off before the model's server counted it."""

from __future__ import annotations

from bargein.core import actions, events
from bargein.core.completion import Usage
from support.conversation_script import Script, manual


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
