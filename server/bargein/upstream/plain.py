"""A caller's own Chat Completions request, fitted to the server that gets it: push to talk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bargein.core.completion import CompletionRequest, StreamPiece
from bargein.errors import AudioGone
from bargein.upstream.chunks import ChunkReader
from bargein.upstream.lenient import read_json
from bargein.upstream.request import Dialect

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request in the API's own JSON, checked by whoever lets it in.

    :ivar model: that is asked.
    :ivar messages: with sound as ``input_audio``.
    :ivar voice: for the sound of the reply, ``None`` where text alone is wanted.
    :ivar encoded: a format of sound that only the server can make: then the answer comes in one piece, and its sound as
        :class:`EncodedAudio`.
    :ivar options: further fields, sent as they are.
    :ivar put_back: puts into the finished JSON what was taken out of the messages before they were read.
    """

    model: str
    messages: Sequence[Json] = field(repr=False)
    voice: str | None
    options: Json = field(repr=False)
    encoded: str | None = None
    put_back: Callable[[bytes], bytes] = field(repr=False, default=lambda json: json)

    @property
    def audio(self) -> bool:
        """Whether speech is wanted beside the text."""
        return self.voice is not None


@dataclass(frozen=True, slots=True)
class EncodedAudio:
    """A whole reply's sound as its server encoded it: base64."""

    data: str = field(repr=False)


def plain_body(request: PlainRequest, voice: str | None, dialect: Dialect) -> dict[str, Any]:
    """The JSON object to post. Always asks for a stream with usage, and for sound as PCM16 where it asks for sound.

    :param voice: the server's own, for the one that the caller has named; ``None`` lets the server choose.
    :raises AudioGone: a message says nothing but the name of an earlier reply's sound, and the server keeps none.
    """
    body: dict[str, Any] = {
        **request.options,
        "model": request.model,
        "modalities": ["text", "audio"] if request.audio else ["text"],
        "messages": [_message(message, index, dialect) for index, message in enumerate(request.messages)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.audio:
        body["audio"] = {"format": "pcm16"} if voice is None else {"voice": voice, "format": "pcm16"}
    dialect.finish(body, CompletionRequest((), request.audio, voice))
    if request.encoded is not None:
        body["stream"] = False
        del body["stream_options"]
        body["audio"]["format"] = request.encoded
    return body


def encoded_pieces(body: bytes, secret: str | None) -> list[StreamPiece | EncodedAudio]:
    """The pieces of an answer whose sound is not looked into.

    :raises UpstreamError: it is no answer, or the model's own error.
    """
    try:
        said = read_json(body)
        audio = said["choices"][0]["message"]["audio"]
        data = audio.pop("data")
    except (ValueError, LookupError, TypeError, AttributeError):
        # An error, a call of a tool, or something else: the reader knows.
        said, data = None, None
    reader = ChunkReader(audio=True, secret=secret)
    pieces: list[StreamPiece | EncodedAudio] = [*reader.read_whole(body if said is None else orjson.dumps(said))]
    if isinstance(data, str) and data:
        pieces.append(EncodedAudio(data))
    return [*pieces, *reader.end()]


def _message(message: Json, index: int, dialect: Dialect) -> Json:
    content = message.get("content")
    if message["role"] == "assistant":
        return _assistant(message, index, dialect)
    if isinstance(content, list):
        return {**message, "content": [_part(part, dialect) for part in content]}
    return message


def _part(part: Json, dialect: Dialect) -> Json:
    if part["type"] != "input_audio":
        return part
    sound = part["input_audio"]
    # Some SDKs write a data URL; what stands before the base64 is the dialect's to say.
    data = sound["data"].rpartition(";base64,")[2]
    return dialect.audio_part(data, sound["format"])


def _assistant(message: Json, index: int, dialect: Dialect) -> Json:
    """Without what only answers hold, and by words where the server keeps no sound."""
    told = {
        name: message[name]
        for name in ("role", "content", "refusal", "name", "tool_calls")
        if message.get(name) is not None
    }
    if "tool_calls" in told:
        told.setdefault("content", None)
        told["tool_calls"] = [_call(call) for call in told["tool_calls"]]
    audio = message.get("audio")
    if audio is None:
        return told
    if dialect.keeps_audio:
        return told | {"audio": {"id": audio["id"]}}
    words = told.get("content") or audio.get("transcript")
    if not words and not told.get("tool_calls"):
        raise AudioGone(
            f"Assistant audio {audio['id']} not found.",
            type="invalid_request_error",
            code="audio_not_found",
            http_status=400,
            param=f"messages[{index}].audio.id",
        )
    return told | {"content": words or None}


def _call(call: Json) -> Json:
    function = {name: call["function"][name] for name in ("name", "arguments")}
    return {"id": call["id"], "type": "function", "function": function}
