"""What the model is told: items turned into messages, within the limits of a request.

The order of the conversation is kept. A reply is told as it was heard. Every call is told with exactly one output
(:mod:`bargein.core.told_calls`); consecutive calls share one message, their outputs follow it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from bargein.core.completion import (
    LONGEST_READ,
    AssistantMessage,
    ChatMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserAudio,
    UserImage,
    UserMessage,
    UserText,
    is_whole,
)
from bargein.core.history import Heard
from bargein.core.in_words import written
from bargein.core.items import InputAudio, InputImage, InputText, Item, Message, OutputAudio, OutputText, Part
from bargein.core.sizes import size_bytes, size_tokens
from bargein.core.told_calls import ToldCall, told_calls

IMAGE_LEFT_OUT: Final = "(There was an image here. It is not kept any more.)"


class ContextOverflowError(Exception):
    """The conversation does not fit and the caller has forbidden to shorten it (``truncation: "disabled"``)."""


def messages(
    items: Iterable[Item],
    heard: Mapping[str, Heard],
    instructions: str,
    *,
    unix_s: float,
    refers_to_audio: bool = True,
    in_words: Collection[str] = (),
) -> list[tuple[ChatMessage, str | None]]:
    """Every message, with the transcript that can stand in for its sound where it has both.

    :param unix_s: the time, for audio references that expire.
    :param refers_to_audio: what was said may be told by the name of its sound.
    :param in_words: the callers' turns that are told by their words (:mod:`bargein.core.in_words`).
    """
    told: list[tuple[ChatMessage, str | None]] = []
    if instructions:
        told.append((SystemMessage(instructions), None))
    all_items = list(items)
    calls_at = told_calls(all_items)
    calls: dict[str, ToldCall] = {}
    for position, item in enumerate(all_items):
        call = calls_at.get(position)
        if call is not None:
            if call.call_id in calls:
                _tell_calls(calls, told)  # A message holds one call of an id, for outputs name it by that.
            calls[call.call_id] = call
        if not isinstance(item, Message):
            continue
        shown = written(item) if item.id in in_words else item
        message = _message(shown, heard.get(item.id), unix_s if refers_to_audio else math.inf)
        if message is not None:
            _tell_calls(calls, told)
            told.append((message, _transcript(shown)))
    _tell_calls(calls, told)
    return told


def _tell_calls(calls: dict[str, ToldCall], told: list[tuple[ChatMessage, str | None]]) -> None:
    if not calls:
        return
    tool_calls = tuple(ToolCall(call.call_id, call.name, call.arguments) for call in calls.values())
    told.append((AssistantMessage(None, None, tool_calls), None))
    told.extend((ToolMessage(call.call_id, call.output), None) for call in calls.values())
    calls.clear()


def _message(item: Message, heard: Heard | None, unix_s: float) -> ChatMessage | None:
    if item.role == "system":
        text = "\n".join(part.text for part in item.parts if isinstance(part, InputText))
        return SystemMessage(text) if text else None
    if item.role == "user":
        parts = tuple(told for part in item.parts if (told := _user_part(part)) is not None)
        return UserMessage(parts) if parts else None
    if heard is not None and _is_spoken(item):
        return AssistantMessage(heard.text) if heard.text else None
    return _whole_reply(item, unix_s)


def _is_spoken(item: Message) -> bool:
    """Whether it was said aloud. A caller may put words of its own in the place, and under the id, of a reply that is
    still being spoken: what was heard is of the reply then.
    """
    return any(isinstance(part, OutputAudio) for part in item.parts)


def _user_part(part: Part) -> UserText | UserAudio | UserImage | None:
    match part:
        case InputText(text):
            return UserText(text) if text else None
        case InputAudio(audio, fmt, transcript) if audio or transcript:
            return UserAudio(audio, fmt) if audio else UserText(transcript or "")
        case InputImage(url, detail):
            return UserImage(url, detail) if url else UserText(IMAGE_LEFT_OUT)
        case _:
            return None


def _whole_reply(item: Message, unix_s: float) -> AssistantMessage | None:
    audio_id, audio_ms = None, 0
    texts = []
    for part in item.parts:
        if isinstance(part, OutputText):
            texts.append(part.text)
        elif isinstance(part, OutputAudio):
            texts.append(part.transcript)
            untouched = item.status == "completed" and part.audio_id is not None
            if untouched and part.audio_expires_at is not None and unix_s < part.audio_expires_at:
                audio_id, audio_ms = part.audio_id, part.format.ms_of(part.sample_count)
    text = "".join(texts)
    return AssistantMessage(text, audio_id, audio_ms=audio_ms) if text or audio_id else None


def with_readable_calls(messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    """The same, but that no call has arguments that are no object: models write such, and clients write them back.
    Servers read arguments, and one that they cannot read makes them refuse every later turn.
    """
    return tuple(map(_with_readable_calls, messages))


def _with_readable_calls(message: ChatMessage) -> ChatMessage:
    if not isinstance(message, AssistantMessage) or all(map(_is_readable, message.tool_calls)):
        return message
    calls = tuple(call if _is_readable(call) else replace(call, arguments="{}") for call in message.tool_calls)
    return replace(message, tool_calls=calls)


def _is_readable(call: ToolCall) -> bool:
    return len(call.arguments) > LONGEST_READ or is_whole(call.arguments)


def _transcript(item: Message) -> str | None:
    transcripts = [part.transcript for part in item.parts if isinstance(part, InputAudio) and part.transcript]
    return " ".join(transcripts) or None


def in_writing(told: Sequence[tuple[ChatMessage, str | None]]) -> list[tuple[ChatMessage, str | None]] | None:
    """All messages without sound, each told by its words; ``None``: there is sound whose words nobody knows."""
    written: list[tuple[ChatMessage, str | None]] = []
    for message, transcript in told:
        if not _has_sound(message):
            written.append((message, transcript))
            continue
        if isinstance(message, UserMessage) and transcript:
            parts = tuple(part for part in message.parts if not isinstance(part, UserAudio))
            written.append((UserMessage((*parts, UserText(transcript))), None))
        elif isinstance(message, AssistantMessage) and message.text:
            written.append((replace(message, audio_id=None, audio_ms=0), None))
        else:
            return None
    return written


def _has_sound(message: ChatMessage) -> bool:
    match message:
        case UserMessage(parts):
            return any(isinstance(part, UserAudio) for part in parts)
        case AssistantMessage():
            return message.audio_id is not None
        case _:
            return False


def fit(
    told: Sequence[tuple[ChatMessage, str | None]],
    *,
    max_bytes: int,
    max_tokens: int,
    overflow: Literal["transcript", "drop"],
    truncation: Literal["auto", "disabled"] | float = "auto",
    post_instructions_tokens: int | None = None,
) -> tuple[ChatMessage, ...]:
    """Shorten a conversation until a request can carry it: the oldest first, the instructions and the newest message
    never, nor the calls that it answers.

    ``transcript`` lets the oldest sound be told by its words, and images left out, before anything is dropped.
    Dropping a call drops its outputs with it.

    :param truncation: whether it may be shortened, or to which share of what the instructions leave.
    :param post_instructions_tokens: what the caller allows behind the instructions, if it sets a bound of its own.
    :raises ContextOverflowError: it does not fit and ``truncation`` is ``"disabled"``.
    """
    kept = list(told)
    bytes_now = sum(size_bytes(message) for message, _ in kept)
    tokens_now = sum(size_tokens(message) for message, _ in kept)
    first = 1 if kept and isinstance(kept[0][0], SystemMessage) else 0
    instructions_tokens = size_tokens(kept[0][0]) if first else 0
    if post_instructions_tokens is not None:
        max_tokens = min(max_tokens, instructions_tokens + post_instructions_tokens)
    if bytes_now <= max_bytes and tokens_now <= max_tokens:
        return tuple(message for message, _ in kept)
    if truncation == "disabled":
        raise ContextOverflowError
    share = truncation if isinstance(truncation, float) else 1.0
    max_bytes = int(max_bytes * share)
    max_tokens = instructions_tokens + int(max(0, max_tokens - instructions_tokens) * share)

    if overflow == "transcript":
        for index in range(first, len(kept) - 1):
            if bytes_now <= max_bytes and tokens_now <= max_tokens:
                break
            message, transcript = kept[index]
            shorter = _shorter(message, transcript)
            if shorter is None:
                continue
            bytes_now -= size_bytes(message) - size_bytes(shorter)
            tokens_now -= size_tokens(message) - size_tokens(shorter)
            kept[index] = (shorter, None)
    newest = 1
    while isinstance(kept[-newest][0], ToolMessage) and newest < len(kept):
        newest += 1
    while (bytes_now > max_bytes or tokens_now > max_tokens) and len(kept) > first + newest:
        dropped = [kept.pop(first)[0]]
        while len(kept) > first + newest and isinstance(kept[first][0], ToolMessage):
            dropped.append(kept.pop(first)[0])
        bytes_now -= sum(size_bytes(message) for message in dropped)
        tokens_now -= sum(size_tokens(message) for message in dropped)
    return tuple(message for message, _ in kept)


def _shorter(message: ChatMessage, transcript: str | None) -> ChatMessage | None:
    """The same in fewer tokens: a caller's sound by its transcript, the model's own by its words, an image by a note
    that there was one. ``None``: it is as short as it can be told.
    """
    match message:
        case AssistantMessage(text, str()) if text:
            return replace(message, audio_id=None, audio_ms=0)
        case UserMessage(parts):
            kept = tuple(_shorter_part(part, transcript) for part in parts)
            written = (*kept, UserText(transcript)) if transcript else kept
            told = tuple(part for part in written if part is not None)
            return None if told == parts else UserMessage(told)
        case _:
            return None


def _shorter_part(part: UserText | UserAudio | UserImage, transcript: str | None) -> UserText | UserAudio | None:
    match part:
        case UserText():
            return part
        case UserAudio():
            return None if transcript else part
        case UserImage():
            return UserText(IMAGE_LEFT_OUT)
