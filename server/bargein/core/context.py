"""What the model is told: items turned into messages, within the limits of a request.

The order of the conversation is kept. A reply is told as it was heard. Every call is told with exactly one output
(:mod:`bargein.core.told_calls`); consecutive calls share one message, their outputs follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from bargein.core.completion import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserAudio,
    UserMessage,
    UserText,
)
from bargein.core.history import Heard
from bargein.core.items import InputAudio, InputText, Item, OutputAudio, OutputText
from bargein.core.items import Message as MessageItem
from bargein.core.told_calls import ToldCall, told_calls

USER_AUDIO_MS_PER_TOKEN: Final = 100
REPLY_AUDIO_MS_PER_TOKEN: Final = 50
CHARACTERS_PER_TOKEN: Final = 4
MESSAGE_OVERHEAD_BYTES: Final = 200
WAV_HEADER_BYTES: Final = 44


class ContextOverflowError(Exception):
    """The conversation does not fit and the caller has forbidden to shorten it (``truncation: "disabled"``)."""


def messages(
    items: Iterable[Item], heard: Mapping[str, Heard], instructions: str, *, unix_s: float
) -> list[tuple[Message, str | None]]:
    """Every message, with the transcript that can stand in for its sound where it has both.

    :param unix_s: the time, for audio references that expire.
    """
    told: list[tuple[Message, str | None]] = []
    if instructions:
        told.append((SystemMessage(instructions), None))
    all_items = list(items)
    calls_at = told_calls(all_items)
    calls: list[ToldCall] = []
    for position, item in enumerate(all_items):
        call = calls_at.get(position)
        if call is not None:
            calls.append(call)
        if not isinstance(item, MessageItem):
            continue
        message = _message(item, heard.get(item.id), unix_s)
        if message is not None:
            _tell_calls(calls, told)
            told.append((message, _transcript(item)))
    _tell_calls(calls, told)
    return told


def _tell_calls(calls: list[ToldCall], told: list[tuple[Message, str | None]]) -> None:
    if not calls:
        return
    tool_calls = tuple(ToolCall(call.call_id, call.name, call.arguments) for call in calls)
    told.append((AssistantMessage(None, None, tool_calls), None))
    told.extend((ToolMessage(call.call_id, call.output), None) for call in calls)
    calls.clear()


def _message(item: MessageItem, heard: Heard | None, unix_s: float) -> Message | None:
    if item.role == "system":
        text = "\n".join(part.text for part in item.parts if isinstance(part, InputText))
        return SystemMessage(text) if text else None
    if item.role == "user":
        parts = tuple(told for part in item.parts if (told := _user_part(part)) is not None)
        return UserMessage(parts) if parts else None
    if heard is not None:
        return AssistantMessage(heard.text) if heard.text else None
    return _whole_reply(item, unix_s)


def _user_part(part: InputText | InputAudio | OutputText | OutputAudio) -> UserText | UserAudio | None:
    match part:
        case InputText(text):
            return UserText(text) if text else None
        case InputAudio(audio, fmt, transcript) if audio or transcript:
            return UserAudio(audio, fmt) if audio else UserText(transcript or "")
        case _:
            return None


def _whole_reply(item: MessageItem, unix_s: float) -> AssistantMessage | None:
    audio_id = None
    texts = []
    for part in item.parts:
        if isinstance(part, OutputText):
            texts.append(part.text)
        elif isinstance(part, OutputAudio):
            texts.append(part.transcript)
            untouched = item.status == "completed" and part.audio_id is not None
            if untouched and part.audio_expires_at is not None and unix_s < part.audio_expires_at:
                audio_id = part.audio_id
    text = "".join(texts)
    return AssistantMessage(text, audio_id) if text or audio_id else None


def _transcript(item: MessageItem) -> str | None:
    transcripts = [part.transcript for part in item.parts if isinstance(part, InputAudio) and part.transcript]
    return " ".join(transcripts) or None


def fit(
    told: Sequence[tuple[Message, str | None]],
    *,
    max_bytes: int,
    max_tokens: int,
    overflow: Literal["transcript", "drop"],
    truncation: Literal["auto", "disabled"] | float = "auto",
) -> tuple[Message, ...]:
    """Shorten a conversation until a request can carry it: the oldest first, the instructions and the newest message
    never, nor the calls that it answers.

    ``transcript`` lets the caller's oldest sound be told by its transcript before anything is dropped. Dropping a
    call drops its outputs with it.

    :raises ContextOverflowError: it does not fit and ``truncation`` is ``"disabled"``.
    """
    kept = list(told)
    bytes_now = sum(size_bytes(message) for message, _ in kept)
    tokens_now = sum(size_tokens(message) for message, _ in kept)
    if bytes_now <= max_bytes and tokens_now <= max_tokens:
        return tuple(message for message, _ in kept)
    if truncation == "disabled":
        raise ContextOverflowError
    share = truncation if isinstance(truncation, float) else 1.0
    max_bytes, max_tokens = int(max_bytes * share), int(max_tokens * share)

    first = 1 if kept and isinstance(kept[0][0], SystemMessage) else 0
    if overflow == "transcript":
        for index in range(first, len(kept) - 1):
            if bytes_now <= max_bytes and tokens_now <= max_tokens:
                break
            message, transcript = kept[index]
            if not isinstance(message, UserMessage) or transcript is None:
                continue
            written = _written(message, transcript)
            bytes_now -= size_bytes(message) - size_bytes(written)
            tokens_now -= size_tokens(message) - size_tokens(written)
            kept[index] = (written, None)
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


def _written(message: UserMessage, transcript: str) -> UserMessage:
    parts = tuple(part for part in message.parts if isinstance(part, UserText))
    return replace(message, parts=(*parts, UserText(transcript)))


def size_bytes(message: Message) -> int:
    """Bytes that a message takes in a request: sound is base64 of a WAV file with PCM16 samples."""
    match message:
        case SystemMessage(text):
            return len(text.encode()) + MESSAGE_OVERHEAD_BYTES
        case UserMessage(parts):
            return MESSAGE_OVERHEAD_BYTES + sum(_part_bytes(part) for part in parts)
        case AssistantMessage(text, _, tool_calls):
            arguments = sum(len(call.arguments.encode()) + MESSAGE_OVERHEAD_BYTES for call in tool_calls)
            return len((text or "").encode()) + arguments + MESSAGE_OVERHEAD_BYTES
        case ToolMessage(_, output):
            return len(output.encode()) + MESSAGE_OVERHEAD_BYTES


def _part_bytes(part: UserText | UserAudio) -> int:
    if isinstance(part, UserText):
        return len(part.text.encode())
    samples = part.format.samples_of(len(part.audio))
    return (WAV_HEADER_BYTES + 2 * samples + 2) // 3 * 4


def size_tokens(message: Message) -> int:
    """A message's tokens, estimated: 100 ms of the caller's sound or four characters are one."""
    match message:
        case SystemMessage(text):
            return _text_tokens(text)
        case UserMessage(parts):
            return sum(_part_tokens(part) for part in parts)
        case AssistantMessage(text, _, tool_calls):
            return _text_tokens(text or "") + sum(_text_tokens(call.name + call.arguments) for call in tool_calls)
        case ToolMessage(_, output):
            return _text_tokens(output)


def _part_tokens(part: UserText | UserAudio) -> int:
    if isinstance(part, UserText):
        return _text_tokens(part.text)
    return -(-part.format.ms_of(part.format.samples_of(len(part.audio))) // USER_AUDIO_MS_PER_TOKEN)


def _text_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
