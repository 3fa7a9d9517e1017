"""A model's reply as an answer of the Chat Completions API: chunks of a stream, or one object.

Clients put chunks together by adding strings up, so what comes once is sent once: the role, the sound's id, a call's
id and name. Sound is cut at whole groups of base64, so that the pieces joined are base64 too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

import orjson
import pybase64

from bargein.core.audio import PCM16_24K
from bargein.core.completion import (
    AudioPiece,
    AudioReference,
    Finished,
    FinishReason,
    StreamPiece,
    TextPiece,
    ToolCallPiece,
    TranscriptPiece,
    Usage,
)
from bargein.sound.wav import wrap

Json = dict[str, Any]

DONE: Final = b"data: [DONE]\n\n"
_GROUP_BYTES: Final = 6
"""The smallest number of bytes that is whole samples and whole groups of base64."""


@dataclass(slots=True)
class _Reply:
    """What has come of a reply."""

    characters: int = 0
    """Of transcript, text and arguments."""
    samples: int = 0
    """Of sound, at 24 kHz."""
    usage: Usage | None = None
    reason: FinishReason | None = None
    reference: AudioReference | None = None

    def note(self, piece: StreamPiece) -> None:
        match piece:
            case AudioPiece(_, sample_count):
                self.samples += sample_count
            case TranscriptPiece(text) | TextPiece(text):
                self.characters += len(text)
            case ToolCallPiece(_, _, name, arguments):
                self.characters += len(name or "") + len(arguments)
            case AudioReference():
                self.reference = piece
            case Usage():
                self.usage = piece
            case Finished(reason):
                self.reason = reason
            case _:
                assert_never(piece)

    def expires_at(self, unix_s: int) -> int:
        """When the sound's id is good for nothing any more: at once where the model gave none."""
        if self.reference is None or self.reference.expires_at is None:
            return unix_s
        return self.reference.expires_at


@dataclass(slots=True)
class _Head:
    """What all of an answer is headed with."""

    model: str
    created: int
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")

    def as_json(self, kind: str) -> Json:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


class ChunkWriter:
    """Writes the events of a stream. A transcript waits for its sound: until then it may turn out to be a text.

    :param model: that answers.
    :param created: unix seconds.
    :param include_usage: whether the caller wants to have usage.
    """

    def __init__(self, model: str, created: int, *, include_usage: bool) -> None:
        self.reply = _Reply()
        self._head = _Head(model, created)
        self._include_usage = include_usage
        self._transcript = ""
        self._rest = b""
        self._told_id: str | None = None

    def begin(self) -> bytes:
        """The first event."""
        return self._delta({"role": "assistant", "content": None, "refusal": None})

    def write(self, piece: StreamPiece) -> bytes:
        """The events of a piece, if it makes any."""
        self.reply.note(piece)
        match piece:
            case AudioPiece(audio):
                return self._sound(audio)
            case TranscriptPiece(text):
                if not self.reply.samples:
                    self._transcript += text
                    return b""
                return self._delta({"audio": self._named({"transcript": text})})
            case TextPiece(text):
                return self._delta({"content": text})
            case ToolCallPiece():
                return self._held_text() + self._delta({"tool_calls": [_call_delta(piece)]})
            case AudioReference() | Usage() | Finished():
                return b""
            case _:
                assert_never(piece)

    def end(self, usage: Usage, unix_s: int) -> bytes:
        """The last events.

        :param usage: the model's own, or an estimate.
        """
        events = self._held_text()
        if self._rest:
            events += self._delta({"audio": {"data": pybase64.b64encode_as_string(self._rest)}})
        reason = self.reply.reason or "stop"
        if self.reply.samples:
            audio = self._named({"expires_at": self.reply.expires_at(unix_s)}, last=True)
            events += self._delta({"audio": audio}, reason)
        else:
            events += self._delta({}, reason)
        if self._include_usage:
            events += _event(self._head.as_json("chat.completion.chunk") | {"choices": [], "usage": usage_json(usage)})
        return events + DONE

    def _sound(self, audio: str | bytes) -> bytes:
        text = self._aligned(audio)
        delta: Json = {}
        if self._transcript:
            delta["transcript"], self._transcript = self._transcript, ""
        if text:
            delta["data"] = text
        return self._delta({"audio": self._named(delta)}) if delta else b""

    def _aligned(self, audio: str | bytes) -> str:
        """The sound as base64 that more can follow; what is too short for that waits."""
        if isinstance(audio, str):
            if not self._rest and len(audio) % 8 == 0 and not audio.endswith("="):
                return audio
            audio = pybase64.b64decode(audio)
        raw = self._rest + audio
        whole = len(raw) - len(raw) % _GROUP_BYTES
        self._rest = raw[whole:]
        return pybase64.b64encode_as_string(raw[:whole])

    def _named(self, audio: Json, *, last: bool = False) -> Json:
        """With the sound's id, the first time that it is known."""
        if self._told_id is not None:
            return audio
        if self.reply.reference is not None:
            self._told_id = self.reply.reference.audio_id
        elif last:
            self._told_id = new_audio_id()
        return audio if self._told_id is None else {"id": self._told_id} | audio

    def _held_text(self) -> bytes:
        """The words that were taken for a transcript, and are not one: no sound came with them."""
        if not self._transcript:
            return b""
        text, self._transcript = self._transcript, ""
        return self._delta({"content": text})

    def _delta(self, delta: Json, reason: FinishReason | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = self._head.as_json("chat.completion.chunk") | {"choices": [choice]}
        return _event(chunk | {"usage": None} if self._include_usage else chunk)


class WholeAnswer:
    """Puts a reply together.

    :param audio_format: ``wav`` or ``pcm16``; ``None`` where no sound was asked for.
    """

    def __init__(self, model: str, created: int, audio_format: str | None) -> None:
        self.reply = _Reply()
        self._head = _Head(model, created)
        self._audio_format = audio_format
        self._sound: list[bytes] = []
        self._encoded: str | None = None
        self._transcript: list[str] = []
        self._text: list[str] = []
        self._calls: dict[int, Json] = {}

    def add(self, piece: StreamPiece) -> None:
        """Take the next piece."""
        self.reply.note(piece)
        match piece:
            case AudioPiece(audio):
                self._sound.append(audio if isinstance(audio, bytes) else pybase64.b64decode(audio))
            case TranscriptPiece(text):
                self._transcript.append(text)
            case TextPiece(text):
                self._text.append(text)
            case ToolCallPiece(index, call_id, name, arguments):
                if index not in self._calls:
                    called = {"name": name or "", "arguments": ""}
                    self._calls[index] = {"id": call_id, "type": "function", "function": called}
                self._calls[index]["function"]["arguments"] += arguments
            case AudioReference() | Usage() | Finished():
                pass
            case _:
                assert_never(piece)

    def add_encoded(self, data: str) -> None:
        """Take all of the sound, in base64, in a format that somebody else has made."""
        self._encoded = data

    def as_json(self, usage: Usage, unix_s: int) -> Json:
        """The answer.

        :param usage: the model's own, or an estimate.
        """
        message: Json = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        spoken = bool(self._sound) or self._encoded is not None
        if spoken:
            message["audio"] = self._audio(unix_s)
        text = "".join(self._text if spoken else self._transcript + self._text)
        if text or not (spoken or self._calls):
            message["content"] = text
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.reply.reason or "stop"}
        return self._head.as_json("chat.completion") | {"choices": [choice], "usage": usage_json(usage)}

    def _audio(self, unix_s: int) -> Json:
        data = self._encoded
        if data is None:
            pcm16 = b"".join(self._sound)
            sound = wrap(pcm16, PCM16_24K.rate_hz) if self._audio_format == "wav" else pcm16
            data = pybase64.b64encode_as_string(sound)
        reference = self.reply.reference
        return {
            "id": new_audio_id() if reference is None else reference.audio_id,
            "data": data,
            "expires_at": self.reply.expires_at(unix_s),
            "transcript": "".join(self._transcript),
        }


def new_audio_id() -> str:
    """A name for sound to which its model gave none: nothing can refer to it."""
    return f"audio_{secrets.token_hex(12)}"


def usage_json(usage: Usage) -> Json:
    """Tokens in this API's terms."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "text_tokens": usage.input_text_tokens,
            "audio_tokens": usage.input_audio_tokens,
            "image_tokens": 0,
            "cached_tokens": usage.cached_tokens,
        },
        "completion_tokens_details": {
            "text_tokens": usage.output_text_tokens,
            "audio_tokens": usage.output_audio_tokens,
            "reasoning_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def error_event(message: str, type_: str, code: str | None, param: str | None) -> bytes:
    """What tells of a failure when the status is out already: both SDKs raise it."""
    return _event({"error": {"message": message, "type": type_, "param": param, "code": code}})


def _call_delta(piece: ToolCallPiece) -> Json:
    function: Json = {"arguments": piece.arguments}
    if piece.call_id is None:
        return {"index": piece.index, "function": function}
    return {
        "index": piece.index,
        "id": piece.call_id,
        "type": "function",
        "function": {"name": piece.name or ""} | function,
    }


def _event(chunk: Json) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
