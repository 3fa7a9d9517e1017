"""Items in order, and how much of them is kept."""

from __future__ import annotations

import pytest

from bargein.alignment.heard_words import Transcript
from bargein.core import actions, events
from bargein.core.audio import PCM16_24K
from bargein.core.completion import AssistantMessage
from bargein.core.config import CorePolicy
from bargein.core.history import History
from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Message,
    OutputAudio,
    OutputText,
)
from bargein.errors import CallerError
from support.conversation_script import Script, manual

SECOND = bytes(48_000)


def speech(item_id: str, transcript: str | None = None) -> Message:
    return Message(item_id, "user", [InputAudio(SECOND, PCM16_24K, transcript)])


def reply(item_id: str) -> Message:
    part = OutputAudio(PCM16_24K, Transcript(24_000).upto("hello there"), pieces=[SECOND], sample_count=24_000)
    return Message(item_id, "assistant", [part])


def kept(history: History) -> dict[str, int]:
    """Bytes of sound by item."""
    sizes: dict[str, int] = {}
    for item in history:
        assert isinstance(item, Message)
        (part,) = item.parts
        assert isinstance(part, InputAudio | OutputAudio)
        sizes[item.id] = len(part.audio) if isinstance(part, InputAudio) else sum(map(len, part.pieces))
    return sizes


def test_sound_is_forgotten_oldest_first_replies_before_callers_and_the_newest_never() -> None:
    history = History()
    items = [speech("unwritten"), speech("written", "words"), reply("old reply"), speech("middle"), speech("newest")]
    for item in items:
        history.append(item)
    order = []
    for limit in (4, 3, 2, 1, 0):
        history.forget_sound(limit * len(SECOND))
        order.append([item_id for item_id, size in kept(history).items() if not size])
    assert order == [
        ["old reply"],
        ["written", "old reply"],
        ["unwritten", "written", "old reply"],
        ["unwritten", "written", "old reply", "middle"],
        ["unwritten", "written", "old reply", "middle"],
    ]
    (said,) = items[2].parts
    assert isinstance(said, OutputAudio)
    assert said.transcript == "hello there"


def test_images_are_kept_within_the_same_bound() -> None:
    script = Script(manual(), CorePolicy(history_audio_limit_bytes=3000))
    for _ in range(4):
        script.do(events.ItemCreateRequested(Message("", "user", [InputImage("data:image/png;base64," + "A" * 1000)])))
    urls = [part.url for item in script.conversation.history for part in item.parts]
    assert [bool(url) for url in urls] == [False, False, True, True]


def test_the_sound_of_a_conversation_is_bounded_though_nobody_writes_it_down() -> None:
    script = Script(manual(), CorePolicy(history_audio_limit_bytes=3 * len(SECOND)))
    for _ in range(10):
        script.do(events.AudioAppended(SECOND))
        script.do(events.CommitRequested())
        script.do(events.ItemCreateRequested(Message("", "user", [InputAudio(SECOND, PCM16_24K)])))
    assert sum(kept(script.conversation.history).values()) == 3 * len(SECOND)
    script.do(events.ResponseRequested(script.config.response))
    messages = script.requests[script.last(actions.StartStream).response_id].messages
    assert len(messages) == 3, "what is forgotten and was not written down is left out"


def test_the_text_that_a_caller_adds_is_bounded() -> None:
    script = Script(manual(), CorePolicy(max_request_bytes=1000))
    script.do(events.ItemCreateRequested(Message("first", "user", [InputText("x" * 900)])))
    with pytest.raises(CallerError, match="Delete some first") as refused:
        script.do(events.ItemCreateRequested(Message("second", "user", [InputText("x" * 101)])))
    assert refused.value.param == "item"
    script.do(events.ItemDeleteRequested("first"))
    script.do(events.ItemCreateRequested(Message("second", "user", [InputText("x" * 101)])))


def test_items_go_where_they_are_asked_to() -> None:
    history = History()
    places = [("b", None, None), ("a", "root", None), ("c", "b", "b"), ("d", "", "c")]
    for item_id, asked, told in places:
        given = Message(item_id, "user", [InputText(item_id)])
        assert history.insert(given, asked, limit_characters=10) == told
    assert [item.id for item in history] == ["a", "b", "c", "d"]
    with pytest.raises(CallerError, match="already exists"):
        history.insert(FunctionCallOutput("a", "call", ""), None, limit_characters=10)
    with pytest.raises(CallerError, match="does not exist") as refused:
        history.insert(FunctionCallOutput("e", "call", ""), "nowhere", limit_characters=10)
    assert refused.value.param == "previous_item_id"


def note(item_id: str, text: str = "note") -> Message:
    return Message(item_id, "user", [InputText(text)])


def ids(history: History) -> list[str]:
    return [item.id for item in history]


def test_a_caller_may_add_so_many_items_and_no_more() -> None:
    history = History(limit_items=3)
    for number in range(3):
        history.insert(note(f"item_{number}"), None, limit_characters=100)
    with pytest.raises(CallerError) as refused:
        history.insert(note("item_3"), None, limit_characters=100)
    assert (refused.value.code, refused.value.param) == ("conversation_above_max_items", "item")
    assert "holds 3 items" in refused.value.message
    assert "conversation.item.delete" in refused.value.message
    history.delete("item_1")
    assert history.insert(note("item_3"), "item_0", limit_characters=100) == "item_0"
    assert ids(history) == ["item_0", "item_3", "item_2"]


def called(call_id: str) -> FunctionCall:
    return FunctionCall(f"item_{call_id}", call_id, "look_up", "{}", "completed")


def test_what_the_server_adds_by_itself_makes_the_oldest_go() -> None:
    """A tool's output must not be lost because the caller has filled the conversation."""
    history = History(limit_items=4)
    for number in range(3):
        history.insert(note(f"item_{number}", "x" * 30), None, limit_characters=100)
    history.append(called("call_1"))
    output = FunctionCallOutput("out_1", "call_1", "x" * 20)
    assert history.insert(output, None, limit_characters=100, makes_room=True) == "item_call_1"
    assert ids(history) == ["item_1", "item_2", "item_call_1", "out_1"]
    longer = FunctionCallOutput("out_2", "call_1", "x" * 70)
    history.insert(longer, None, limit_characters=100, makes_room=True)
    assert ids(history) == ["item_call_1", "out_1", "out_2"]
    with pytest.raises(CallerError, match="more than 100 characters"):
        history.insert(FunctionCallOutput("out_3", "call_1", "x" * 101), None, limit_characters=100, makes_room=True)
    assert ids(history) == ["item_call_1", "out_1", "out_2"], "what cannot fit makes nothing go"


def test_what_is_said_makes_the_oldest_go() -> None:
    history = History(limit_items=3)
    history.insert(note("old", "x" * 90), None, limit_characters=100)
    history.cut("old", 0, "")
    for number in range(4):
        assert history.append(speech(f"item_{number}")) == (f"item_{number - 1}" if number else "old")
    assert ids(history) == ["item_1", "item_2", "item_3"]
    assert history.get("old") is None
    assert not history.heard
    history.delete("item_1")
    history.insert(note("new", "x" * 90), "root", limit_characters=100)
    assert ids(history) == ["new", "item_2", "item_3"]


def test_items_go_where_they_are_put() -> None:
    history = History()
    for item_id, after, previous in (
        ("b", None, None),
        ("d", "", "b"),
        ("a", "root", None),
        ("c", "b", "b"),
        ("e", "d", "d"),
    ):
        assert history.insert(note(item_id), after, limit_characters=100) == previous
    assert ids(history) == ["a", "b", "c", "d", "e"]
    assert history.last_id == "e"
    history.delete("e")
    assert history.last_id == "d"
    assert len(history) == 4


def test_the_newest_call_of_an_id_is_found_and_the_one_before_it_when_it_is_deleted() -> None:
    history = History()
    calls = [FunctionCall(f"item_{number}", "call", "name", str(number)) for number in range(3)]
    for call in calls:
        history.append(call)
    assert history.call("call") is calls[2]
    history.delete("item_2")
    assert history.call("call") is calls[1]
    history.delete("item_0")
    history.delete("item_1")
    assert history.call("call") is None


def test_a_reply_that_grows_is_measured_when_it_matters() -> None:
    history = History()
    growing = reply("reply")
    growing.status = "in_progress"
    history.append(growing)
    (said,) = growing.parts
    assert isinstance(said, OutputAudio)
    history.append(speech("first"))
    history.append(speech("newest"))
    said.pieces = [SECOND] * 5
    history.forget_sound(6 * len(SECOND))
    assert kept(history) == {"reply": 5 * len(SECOND), "first": 0, "newest": len(SECOND)}
    growing.status = "completed"
    history.forget_sound(2 * len(SECOND))
    assert kept(history) == {"reply": 0, "first": 0, "newest": len(SECOND)}


def test_another_item_under_the_name_of_a_reply_that_was_deleted_is_told_as_it_is() -> None:
    script = Script(manual())
    script.ask()
    script.say("well let me see", 4000)
    script.advance(1000)
    item_id = script.last(actions.AudioSent).item_id
    script.do(events.ItemDeleteRequested(item_id))
    script.do(events.CancelRequested())
    script.do(events.ItemCreateRequested(Message(item_id, "assistant", [OutputText("We open at nine.")])))
    script.ask("and when do you close?")
    told = script.last(actions.StartStream).request.messages
    assert [message.text for message in told if isinstance(message, AssistantMessage)] == ["We open at nine."]


def test_where_there_is_no_room_for_both_what_is_said_goes_to_the_end() -> None:
    history = History(2)
    history.append(speech("question"))
    history.append(speech("next"))
    assert history.enter(reply("answer"), "question") == "next"
    assert [item.id for item in history] == ["next", "answer"]
