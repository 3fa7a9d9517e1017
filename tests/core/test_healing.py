"""A turn that was ended too early and goes on: what the model is told, and when it is told so."""

from __future__ import annotations

import pytest

from bargein.core import actions, events
from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.core.completion import AssistantMessage, TextPiece, ToolCallPiece, UserAudio, UserMessage, UserText
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, TurnDetection
from bargein.core.decisions import TurnHealed
from bargein.core.events import Window
from bargein.core.items import InputAudio, InputText, Message
from support.conversation_script import SPEECH_DB, WINDOW_MS, Script, detecting

FIRST_MS = 300 + 600 + 500
"""Padding, speech and silence of the first piece."""


def told(script: Script) -> list[str]:
    """What the model was told last: sound in ms, words as they are."""
    shown = []
    for message in script.last(actions.StartStream).request.messages:
        match message:
            case UserMessage(parts):
                shown.append("user " + " ".join(_shown(part) for part in parts))
            case AssistantMessage(text):
                shown.append(f"assistant {text}")
            case _:
                shown.append(type(message).__name__)
    return shown


def _shown(part: object) -> str:
    match part:
        case UserAudio(audio, fmt):
            return f"{fmt.ms_of(fmt.samples_of(len(audio)))}"
        case UserText(text):
            return text
        case _:
            return type(part).__name__


def piece(script: Script) -> None:
    """The first piece of a turn, and the end that is found in the pause behind it."""
    script.silence(500)
    script.speech(600)
    script.silence(500)


def recording(script: Script, ms: int) -> None:
    """So much speech comes in one piece."""
    window = Window(PCM16_24K.samples_in_ms(WINDOW_MS), 1.0, SPEECH_DB, 1.0)
    windows = (window,) * (ms // WINDOW_MS)
    script.do(events.AudioAppended(bytes(PCM16_24K.bytes_of(window.sample_count) * len(windows)), windows))


def healed(script: Script) -> list[TurnHealed]:
    return [decision for _, decision in script.decisions if isinstance(decision, TurnHealed)]


def lengths(script: Script) -> list[int]:
    return [
        part.format.ms_of(part.format.samples_of(len(part.audio)))
        for action in script.all(actions.InputCommitted)
        for part in action.item.parts
        if isinstance(part, InputAudio)
    ]


def test_a_turn_that_goes_on_before_anything_was_said_is_one() -> None:
    script = Script()
    piece(script)
    script.silence(300)
    script.speech(600)
    script.silence(500)
    first, second = lengths(script)
    assert first == FIRST_MS
    assert told(script) == [f"user {first + second}"]
    (decision,) = healed(script)
    committed = [action.item.id for action in script.all(actions.InputCommitted)]
    assert [decision.goes_on_with, decision.item_id] == committed
    assert decision.heard_ms == 0
    done = script.last(actions.ResponseDone).response
    assert (done.status, done.reason) == ("cancelled", "turn_detected")


@pytest.mark.parametrize(
    ("heard_ms", "is_healed"),
    [(0, True), (300, True), (600, True), (700, False), (900, False), (2000, False)],
)
@pytest.mark.parametrize("reports", [False, True])
def test_it_is_healed_while_less_than_700_ms_of_the_reply_were_heard(
    heard_ms: int, is_healed: bool, reports: bool
) -> None:
    script = Script(reports=reports)
    piece(script)
    script.say("well let me see", 5000)
    for at in range(0, heard_ms, 20):
        if reports:
            reply = script.last(actions.AudioSent)
            samples = PCM16_24K.samples_in_ms(at)
            script.do(events.PlaybackReported(reply.response_id, reply.item_id, samples, playing=True))
        script.silence(20)
    script.speech(600)
    script.silence(500)
    first, second = lengths(script)
    assert len(healed(script)) == is_healed
    if is_healed:
        assert told(script) == [f"user {first + second}"]
        assert healed(script)[0].heard_ms == pytest.approx(heard_ms, abs=21)
    else:
        assert [words.split()[0] for words in told(script)][-1] == "user"
        assert f"user {first}" in told(script)
        assert f"user {second}" in told(script)


def test_a_reply_that_was_listened_to_for_a_second_without_reaching_the_loudspeaker_is_answered_to() -> None:
    script = Script(reports=True)
    piece(script)
    script.say("well let me see", 5000)
    reply = script.last(actions.AudioSent)
    script.do(events.PlaybackReported(reply.response_id, reply.item_id, 0, playing=False))
    script.silence(1100)
    script.speech(600)
    script.silence(500)
    assert not healed(script)


def test_a_short_reply_whose_response_is_done_is_taken_back_too() -> None:
    script = Script()
    piece(script)
    script.say("sure", 390)
    script.finish()
    script.silence(100)
    script.speech(600)
    script.silence(500)
    assert script.all(actions.ResponseDone)[0].response.status == "completed"
    assert script.all(actions.Flushed)
    assert told(script) == [f"user {sum(lengths(script))}"]


def test_three_pieces_are_one_turn() -> None:
    script = Script()
    piece(script)
    for _ in range(2):
        script.say("so", 300)
        script.silence(200)
        script.speech(600)
        script.silence(500)
    assert len(healed(script)) == 2
    assert told(script) == [f"user {sum(lengths(script))}"]
    script.say("you have said it all", 2000)
    script.finish()
    script.silence(3000)
    script.speech(600)
    script.silence(500)
    *pieces, last = lengths(script)
    assert told(script) == [f"user {sum(pieces)}", "assistant you have said it all", f"user {last}"]


def test_the_items_stay_as_the_caller_knows_them() -> None:
    script = Script()
    piece(script)
    script.say("well let me see", 5000)
    script.silence(200)
    script.speech(600)
    script.silence(500)
    first, second = (action.item.id for action in script.all(actions.InputCommitted))
    reply = script.all(actions.OutputItemAdded)[0].item.id
    assert [item.id for item in script.conversation.history][:3] == [first, reply, second]
    assert script.all(actions.InputCommitted)[1].previous_item_id == reply
    script.do(events.ItemRetrieveRequested(first))
    (part,) = script.last(actions.ItemRetrieved).item.parts
    assert isinstance(part, InputAudio)
    assert PCM16_24K.ms_of(len(part.audio) // 2) == FIRST_MS


def test_transcripts_of_both_pieces_stand_for_them_together() -> None:
    script = Script(policy=CorePolicy(history_audio_limit_bytes=1))
    piece(script)
    (first,) = (action.item.id for action in script.all(actions.InputCommitted))
    script.do(events.TranscriptionCompleted(first, "I would like", 1.0))
    script.silence(200)
    script.speech(600)
    script.silence(500)
    # The sound of the first is not kept: its words are told, within the same turn.
    assert told(script) == [f"user I would like {lengths(script)[1]}"]


@pytest.mark.parametrize("which", ["first", "reply", "second"])
def test_what_the_caller_deletes_is_gone(which: str) -> None:
    script = Script()
    piece(script)
    script.say("well let me see", 5000)
    script.silence(200)
    script.speech(600)
    script.silence(500)
    first, second = (action.item.id for action in script.all(actions.InputCommitted))
    reply = script.all(actions.OutputItemAdded)[0].item.id
    script.do(events.CancelRequested())
    script.do(events.ItemDeleteRequested({"first": first, "reply": reply, "second": second}[which]))
    script.ask("and now")
    one, two = lengths(script)
    left = {"first": [f"user {two}"], "reply": [f"user {one + two}"], "second": [f"user {one}"]}[which]
    assert [words for words in told(script) if words.startswith("user") and "now" not in words] == left


def test_what_was_put_between_the_pieces_keeps_them_apart() -> None:
    script = Script()
    piece(script)
    script.silence(100)
    script.speech(600)
    script.do(events.ItemCreateRequested(Message("", "user", [InputText("by the way")])))
    script.silence(500)
    first, second = lengths(script)
    assert told(script) == [f"user {first}", "user by the way", f"user {second}"]
    assert not healed(script)


def test_another_item_under_the_name_of_the_first_piece_is_no_piece() -> None:
    script = Script()
    piece(script)
    script.silence(200)
    script.speech(600)
    script.silence(500)
    first = script.all(actions.InputCommitted)[0].item.id
    script.do(events.ItemDeleteRequested(first))
    script.do(events.ItemCreateRequested(Message(first, "user", [InputText("written")]), "root"))
    script.do(events.CancelRequested())
    script.ask("and now")
    assert told(script) == ["user written", f"user {lengths(script)[1]}", "user and now"]


def test_a_reply_that_has_called_a_tool_is_not_taken_back() -> None:
    script = Script()
    piece(script)
    script.piece(ToolCallPiece(0, "call_9", "get_time", "{}"))
    script.say("one moment", 2000)
    script.silence(100)
    script.speech(600)
    script.silence(500)
    assert not healed(script)


def test_a_reply_that_was_read_is_not_taken_back() -> None:
    script = Script(SessionConfig(response=ResponseSettings(audio=False)))
    piece(script)
    script.piece(TextPiece("well let me "))
    script.silence(2000)
    script.piece(TextPiece("see"))
    script.speech(600)
    script.silence(500)
    first, second = lengths(script)
    assert told(script) == [f"user {first}", "assistant well let me see", f"user {second}"]
    assert not healed(script)


def test_a_recording_that_comes_in_one_piece_was_not_spoken_before_the_reply_over_which_it_comes() -> None:
    script = Script()
    piece(script)
    script.say("well let me see", 5000)
    script.advance(1500)
    recording(script, 2000)
    script.silence(500)
    first, second = lengths(script)
    assert told(script)[0] == f"user {first}"
    assert told(script)[-1] == f"user {second}"
    assert not healed(script)


def test_what_was_said_while_the_line_stood_still_is_as_old_as_it_is() -> None:
    script = Script()
    piece(script)
    script.say("well let me see", 5000)
    script.advance(900)
    recording(script, 900)
    script.silence(500)
    assert told(script) == [f"user {sum(lengths(script))}"]
    assert len(healed(script)) == 1


def test_speech_that_may_not_interrupt_is_a_turn_of_its_own() -> None:
    script = Script(detecting(interrupt_response=False))
    piece(script)
    script.say("well let me see", 1000)
    script.finish()
    script.silence(200)
    script.speech(600)
    script.silence(2000)
    assert not healed(script)


def test_a_turn_that_the_caller_has_committed_by_hand_is_whole() -> None:
    script = Script()
    script.silence(500)
    script.speech(600)
    script.do(events.CommitRequested())
    script.do(events.ResponseRequested(script.config.response))
    script.silence(300)
    script.speech(600)
    script.silence(500)
    assert not healed(script)


def test_pieces_in_two_formats_stay_apart() -> None:
    script = Script()
    piece(script)
    script.do(events.Configured(SessionConfig(input_format=PCMU_8K, turn_detection=TurnDetection())))
    script.silence(300)
    script.speech(600)
    script.silence(500)
    first, second = lengths(script)
    assert told(script) == [f"user {first}", f"user {second}"]
    assert not healed(script)


def test_pieces_that_are_too_long_together_stay_apart() -> None:
    script = Script(policy=CorePolicy(input_limit_ms=2000))
    piece(script)
    script.silence(300)
    script.speech(600)
    script.silence(500)
    first, second = lengths(script)
    assert told(script) == [f"user {first}", f"user {second}"]
    assert not healed(script)


def test_a_first_piece_that_was_deleted_meanwhile_is_not_joined() -> None:
    script = Script()
    piece(script)
    script.silence(100)
    script.speech(600)
    script.do(events.ItemDeleteRequested(script.last(actions.InputCommitted).item.id))
    script.silence(500)
    assert not healed(script)
    assert told(script) == [f"user {lengths(script)[1]}"]
