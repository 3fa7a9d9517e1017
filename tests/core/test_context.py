"""What the model is told, and how it is shortened."""

from __future__ import annotations

from typing import Literal

import pytest

from bargein.alignment.heard_words import Transcript
from bargein.core.audio import PCM16_24K
from bargein.core.completion import (
    AssistantMessage,
    ChatMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserAudio,
    UserImage,
    UserMessage,
    UserText,
)
from bargein.core.context import IMAGE_LEFT_OUT, ContextOverflowError, fit, messages, with_readable_calls
from bargein.core.history import Heard
from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
)
from bargein.core.sizes import audio_tokens, size_bytes, size_tokens


def said(item_id: str, text: str, *, status: str = "completed", audio_id: str | None = None) -> Message:
    timeline = Transcript(24_000)
    timeline.add(text, 0)
    part = OutputAudio(PCM16_24K, timeline, audio_id=audio_id, audio_expires_at=1000 if audio_id else None)
    return Message(item_id, "assistant", [part], status)  # type: ignore[arg-type]


def asked(text: str) -> Message:
    return Message("u", "user", [InputText(text)])


def told(*items: Item, heard: dict[str, Heard] | None = None, unix_s: float = 0.0) -> list[ChatMessage]:
    return [message for message, _ in messages(items, heard or {}, "", unix_s=unix_s)]


def test_an_untouched_reply_is_told_by_its_audio_until_that_expires() -> None:
    reply = said("a", "hello", audio_id="audio_1")
    assert told(reply, unix_s=999) == [AssistantMessage("hello", "audio_1")]
    assert told(reply, unix_s=1000) == [AssistantMessage("hello")]


def test_a_server_that_keeps_no_sound_is_told_the_words() -> None:
    told_anyway = messages([said("a", "hello", audio_id="audio_1")], {}, "", unix_s=0, refers_to_audio=False)
    assert told_anyway == [(AssistantMessage("hello"), None)]


def test_the_sound_of_a_reply_counts_in_an_estimate() -> None:
    """20 tokens a second, where it is told by its name."""
    reply = said("a", "x" * 40, audio_id="audio_1")
    reply.parts[0].sample_count = 24_000 * 30
    (message,) = told(reply)
    assert message == AssistantMessage("x" * 40, "audio_1", audio_ms=30_000)
    assert (size_tokens(message), audio_tokens(message)) == (610, 600)
    (written,) = told(reply, unix_s=1000)
    assert (size_tokens(written), audio_tokens(written)) == (10, 0)


def test_replies_are_told_by_their_words_before_any_is_dropped() -> None:
    reply: tuple[ChatMessage, str | None] = (AssistantMessage("hello", "audio_1", audio_ms=60_000), None)
    given = [reply, reply, spoken(None)]
    kept = fit(given, max_bytes=10**6, max_tokens=1300, overflow="transcript")
    assert kept == (AssistantMessage("hello"), reply[0], spoken(None)[0])
    assert fit(given, max_bytes=10**6, max_tokens=1300, overflow="drop") == (reply[0], spoken(None)[0])


PNG = "data:image/png;base64," + "A" * 4000


def test_an_image_is_told_with_its_detail_and_counted() -> None:
    (message,) = told(Message("u", "user", [InputText("What is it?"), InputImage(PNG, "low")]))
    assert message == UserMessage((UserText("What is it?"), UserImage(PNG, "low")))
    assert size_tokens(message) == 3 + 85
    assert size_bytes(message) == 200 + len("What is it?") + len(PNG)
    assert size_tokens(UserMessage((UserImage(PNG),))) == 1000


def test_an_image_that_is_not_kept_any_more_is_told_of() -> None:
    assert told(Message("u", "user", [InputImage("")])) == [UserMessage((UserText(IMAGE_LEFT_OUT),))]


def test_old_images_are_left_out_before_turns_are() -> None:
    shown: tuple[ChatMessage, str | None] = (UserMessage((UserText("Look:"), UserImage(PNG))), None)
    kept = fit([shown, shown], max_bytes=10**6, max_tokens=1100, overflow="transcript")
    assert kept == (UserMessage((UserText("Look:"), UserText(IMAGE_LEFT_OUT))), shown[0])
    both: tuple[ChatMessage, str | None] = (UserMessage((UserImage(PNG), SECOND)), "my words")
    kept = fit([both, shown], max_bytes=10**6, max_tokens=1100, overflow="transcript")
    assert kept[0] == UserMessage((UserText(IMAGE_LEFT_OUT), UserText("my words")))


def test_a_cut_reply_is_told_as_heard_and_never_by_its_audio() -> None:
    reply = said("a", "hello there", audio_id="audio_1")
    assert told(reply, heard={"a": Heard(100, "hello")}) == [AssistantMessage("hello")]


def test_a_reply_of_which_nothing_was_heard_is_not_told() -> None:
    assert told(said("a", "hello"), heard={"a": Heard(0, "")}) == []


def test_an_incomplete_reply_is_not_told_by_its_audio() -> None:
    assert told(said("a", "hello", status="incomplete", audio_id="audio_1")) == [AssistantMessage("hello")]


def test_calls_share_a_message_and_their_outputs_follow() -> None:
    items: list[Item] = [
        asked("what time is it in Rome and Oslo?"),
        FunctionCall("f1", "call_1", "get_time", '{"city": "Rome"}'),
        FunctionCall("f2", "call_2", "get_time", '{"city": "Oslo"}'),
        FunctionCallOutput("o2", "call_2", "eight"),
        FunctionCallOutput("o1", "call_1", "seven"),
        asked("hello?"),
    ]
    assert told(*items) == [
        UserMessage((UserText("what time is it in Rome and Oslo?"),)),
        AssistantMessage(
            None,
            None,
            (ToolCall("call_1", "get_time", '{"city": "Rome"}'), ToolCall("call_2", "get_time", '{"city": "Oslo"}')),
        ),
        ToolMessage("call_1", "seven"),
        ToolMessage("call_2", "eight"),
        UserMessage((UserText("hello?"),)),
    ]


def test_what_is_empty_is_not_told() -> None:
    nothing = [Message("s", "system", [InputText("")]), Message("u", "user", [InputText("")])]
    assert told(*nothing, asked("hello")) == [UserMessage((UserText("hello"),))]


def test_forgotten_sound_is_told_by_its_transcript() -> None:
    item = Message("u", "user", [InputAudio(b"", PCM16_24K, "what time is it")])
    assert told(item) == [UserMessage((UserText("what time is it"),))]


SECOND = UserAudio(bytes(48_000), PCM16_24K)


def spoken(transcript: str | None) -> tuple[ChatMessage, str | None]:
    return UserMessage((SECOND,)), transcript


def test_a_conversation_that_fits_is_left_alone() -> None:
    given = [(SystemMessage("be brief"), None), spoken("one"), spoken("two")]
    assert fit(given, max_bytes=10**6, max_tokens=100, overflow="transcript") == tuple(m for m, _ in given)


def test_the_oldest_sound_becomes_its_transcript_before_anything_is_dropped() -> None:
    given = [(SystemMessage("be brief"), None), spoken("one"), spoken("two"), spoken("three")]
    kept = fit(given, max_bytes=100_000, max_tokens=10**6, overflow="transcript")
    assert kept == (
        SystemMessage("be brief"),
        UserMessage((UserText("one"),)),
        UserMessage((UserText("two"),)),
        UserMessage((SECOND,)),
    )


def test_with_the_drop_policy_and_without_transcripts_the_oldest_go() -> None:
    given = [(SystemMessage("be brief"), None), spoken("one"), spoken("two"), spoken("three")]
    assert fit(given, max_bytes=140_000, max_tokens=10**6, overflow="drop") == (
        SystemMessage("be brief"),
        UserMessage((SECOND,)),
        UserMessage((SECOND,)),
    )


def test_a_call_is_dropped_with_its_outputs() -> None:
    call: tuple[ChatMessage, str | None] = (AssistantMessage(None, None, (ToolCall("c", "f", "{}"),)), None)
    output: tuple[ChatMessage, str | None] = (ToolMessage("c", "x" * 400), None)
    newest: tuple[ChatMessage, str | None] = (UserMessage((UserText("and now?"),)), None)
    kept = fit([call, output, newest], max_bytes=10**6, max_tokens=10, overflow="drop")
    assert kept == (newest[0],)


def test_the_newest_outputs_keep_the_calls_that_they_answer() -> None:
    """Chat Completions refuses an output without its call."""
    question: tuple[ChatMessage, str | None] = (UserMessage((UserText("what is in the file?"),)), None)
    calls: tuple[ChatMessage, str | None] = (
        AssistantMessage(None, None, (ToolCall("c", "read", "{}"), ToolCall("d", "read", "{}"))),
        None,
    )
    outputs: list[tuple[ChatMessage, str | None]] = [(ToolMessage(call_id, "x" * 4000), None) for call_id in "cd"]
    kept = fit([question, calls, *outputs], max_bytes=10**6, max_tokens=1000, overflow="drop")
    assert kept == (calls[0], *(message for message, _ in outputs))


def test_the_newest_turn_is_never_dropped() -> None:
    assert fit([spoken(None)], max_bytes=10, max_tokens=1, overflow="drop") == (UserMessage((SECOND,)),)


def test_a_retention_ratio_shrinks_to_its_share() -> None:
    given = [spoken(None) for _ in range(10)]
    kept = fit(given, max_bytes=10**9, max_tokens=99, overflow="drop", truncation=0.5)
    assert sum(size_tokens(message) for message in kept) <= 49


def test_a_bound_of_the_callers_counts_behind_the_instructions() -> None:
    given: list[tuple[ChatMessage, str | None]] = [(SystemMessage("x" * 400), None), *[spoken(None) for _ in range(10)]]

    def kept(limit: int, truncation: Literal["auto", "disabled"] | float = "auto") -> int:
        messages = fit(
            given, max_bytes=10**9, max_tokens=10**6, overflow="drop", truncation=truncation,
            post_instructions_tokens=limit,
        )  # fmt: skip
        assert messages[0] == given[0][0]
        return sum(map(size_tokens, messages))

    assert kept(100) == 100 + 100
    assert kept(40) == 100 + 40
    assert kept(40, 0.5) == 100 + 20
    with pytest.raises(ContextOverflowError):
        kept(40, "disabled")


def test_disabled_truncation_refuses_to_shorten() -> None:
    with pytest.raises(ContextOverflowError):
        fit([spoken(None)] * 3, max_bytes=10, max_tokens=1, overflow="drop", truncation="disabled")


@pytest.mark.parametrize("arguments", ['{"n": ', "{'n': 4}", "four of them", "[4]", "null", "", "{}}", "[" * 5000])
def test_no_call_has_arguments_that_a_server_could_not_read(arguments: str) -> None:
    def calling(each: str) -> tuple[ChatMessage, ...]:
        calls = (ToolCall("c1", "book", '{"n": 4}'), ToolCall("c2", "book", each))
        return (AssistantMessage(None, None, calls), ToolMessage("c1", "booked"), ToolMessage("c2", "no such table"))

    assert with_readable_calls(calling(arguments)) == calling("{}")


def test_arguments_that_are_too_long_to_be_looked_at_are_told_as_they_were_written() -> None:
    written = (AssistantMessage(None, None, (ToolCall("c", "write", '{"text": "' + "a" * 70_000 + '"}'),)),)
    assert with_readable_calls(written) == written
