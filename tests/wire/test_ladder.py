"""Which events tell an action, in which order (reference, section "Sequences")."""

from __future__ import annotations

from typing import get_args

import pytest

from bargein.alignment.heard_words import Transcript
from bargein.core import actions
from bargein.core.actions import BargeinAction, CallerAction
from bargein.core.audio import PCM16_24K
from bargein.core.completion import Usage
from bargein.core.config import ResponseSettings
from bargein.core.items import (
    Failure,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Message,
    OutputAudio,
    OutputText,
    Response,
)
from bargein.wire import ladder

SPEECH = Message("item_U", "user", [InputAudio(bytes(4), PCM16_24K)])
TEXT = Message("item_U", "user", [InputText("hi")])


def reply(words: str) -> Message:
    timeline = Transcript(24_000)
    timeline.add(words, 0)
    return Message("item_A", "assistant", [OutputAudio(PCM16_24K, timeline)])


def response(conversation_id: str | None = "conv_1") -> Response:
    return Response("resp_1", ResponseSettings(), conversation_id)


def told(*todo: CallerAction) -> list[str]:
    """Types of the events, without the prefixes that all share."""
    return [event["type"] for action in todo for event in ladder.events(action)]


def test_a_turn_and_its_spoken_answer() -> None:
    answer = reply("Hello!")
    begun = response()
    done = response()
    done.status, done.output, done.usage = "completed", [answer], Usage()
    assert told(
        actions.SpeechStarted("item_U", 1460),
        actions.SpeechStopped("item_U", 4256),
        actions.InputCommitted(SPEECH, None),
        actions.ResponseCreated(begun),
        actions.OutputItemAdded(begun, 0, answer, "item_U"),
        actions.TranscriptSent("resp_1", "item_A", 0, "Hello!"),
        actions.OutputItemDone(done, 0, answer, "item_U"),
        actions.ResponseDone(done),
    ) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]


def test_a_text_answer_out_of_band_is_no_item_of_the_conversation() -> None:
    aside = response(conversation_id=None)
    words = Message("item_A", "assistant", [OutputText("Hi.")])
    assert told(
        actions.OutputItemAdded(aside, 0, words, None),
        actions.TextSent("resp_1", "item_A", 0, "Hi."),
        actions.OutputItemDone(aside, 0, words, None),
    ) == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]


def test_a_function_call_has_no_content_part() -> None:
    begun = response()
    call = FunctionCall("item_F", "call_1", "get_weather", '{"city":"Paris"}')
    added, entered, *rest = (
        *ladder.events(actions.OutputItemAdded(begun, 1, call, "item_A")),
        *ladder.events(actions.ArgumentsSent("resp_1", "item_F", 1, "call_1", '{"city"')),
        *ladder.events(actions.OutputItemDone(begun, 1, call, "item_A")),
    )
    assert (added["item"]["arguments"], added["item"]["name"], entered["item"]) == ("", "get_weather", added["item"])
    assert [event["type"] for event in rest] == [
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
    ]
    assert rest[1]["name"] == "get_weather"
    assert rest[3]["item"] == rest[2]["item"]


def test_what_is_cut_is_closed_with_what_was_sent() -> None:
    cut = reply("The weather")
    cut.status = "incomplete"
    events = ladder.events(actions.OutputItemDone(response(), 0, cut, "item_U"))
    assert events[1]["transcript"] == events[2]["part"]["transcript"] == "The weather"
    assert [event["item"]["status"] for event in events if "item" in event] == ["incomplete", "incomplete"]


EXAMPLES: list[CallerAction] = [
    actions.SpeechStarted("i", 1),
    actions.SpeechStopped("i", 1),
    actions.IdleTimedOut("i", 1, 2),
    actions.InputCommitted(SPEECH, "h"),
    actions.InputMissing("i", 11_000, 15_000),
    actions.InputCleared(),
    actions.ItemCreated(TEXT, None),
    actions.ItemCreated(FunctionCallOutput("i", "c", "o"), None),
    actions.ItemRetrieved(SPEECH),
    actions.ItemTruncated("i", 0, 5),
    actions.ItemDeleted("i"),
    actions.ResponseCreated(response()),
    actions.OutputItemAdded(response(), 0, reply("x"), None),
    actions.TranscriptSent("r", "i", 0, "x"),
    actions.TextSent("r", "i", 0, "x"),
    actions.ArgumentsSent("r", "i", 0, "c", "x"),
    actions.OutputItemDone(response(), 0, reply("x"), None),
    actions.ResponseDone(response()),
    actions.TranscriptionDelta("i", "x"),
    actions.TranscriptionDone("i", "x", 1.5),
    actions.TranscriptionFailure("i", Failure("t", None, "m")),
]
BARGEIN_EXAMPLES: list[BargeinAction] = [
    actions.VoiceChanged(True, 1, -20.0, 0.9),
    actions.ReplyNumbered("r", "i", 1),
    actions.Held("r", "i", 5),
    actions.Resumed("r", "i", 5),
    actions.Flushed("r", "i"),
    actions.Cut("r", "i", 5, "heard", "not"),
]


def test_every_action_has_an_example() -> None:
    assert {type(action) for action in EXAMPLES} == set(get_args(CallerAction)) - {actions.AudioSent}
    assert {type(action) for action in BARGEIN_EXAMPLES} == set(get_args(BargeinAction))


@pytest.mark.parametrize("action", EXAMPLES, ids=lambda action: type(action).__name__)
def test_every_action_is_told_in_standard_events(action: CallerAction) -> None:
    events = ladder.events(action)
    assert events
    assert not any(event["type"].startswith("bargein.") for event in events)


@pytest.mark.parametrize("action", BARGEIN_EXAMPLES, ids=lambda action: type(action).__name__)
def test_every_bargein_action_is_told_in_one_event(action: BargeinAction) -> None:
    assert ladder.bargein_event(action)["type"].startswith("bargein.")
