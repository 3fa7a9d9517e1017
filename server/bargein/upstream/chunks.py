"""The tolerant reader: chunks of a Chat Completions stream in, pieces of a reply out.

Servers of this shape agree on little. What is missing, null, or of a type it should not be is passed over; what is
there is understood in every place where some server puts it.
The README of the recorded shapes, beside the tests, tells which server needs what.
"""

from __future__ import annotations

from typing import Any, Final, get_args

import orjson

from bargein.core.completion import (
    AudioReference,
    Finished,
    FinishReason,
    StreamPiece,
    TextPiece,
    TranscriptPiece,
    Usage,
)
from bargein.errors import UpstreamError, UpstreamMalformed
from bargein.upstream.failures import from_stream, model_failed
from bargein.upstream.lenient import whole_number
from bargein.upstream.reply_audio import ReplyAudioReader
from bargein.upstream.thoughts import ThoughtFilter
from bargein.upstream.tool_calls import ToolCallReader
from bargein.upstream.usage import read_usage

_REASONS: Final[dict[str, FinishReason]] = {reason: reason for reason in get_args(FinishReason)} | {
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "recitation": "content_filter",
    "refusal": "content_filter",
}
"""What is none of these (``eos``, ``end_turn``, ``stop_sequence``, …) is an end like any other."""
_FAILED: Final = frozenset(
    {
        "error", "abort", "aborted", "cancelled", "canceled", "network_error", "insufficient_system_resource",
        "malformed_function_call",
    }
)  # fmt: skip
_NO_REASON: Final = frozenset({"", "null", "none"})
_SPOKEN_TYPES: Final = frozenset({"audio", "output_audio", "input_audio", "audio_url"})
_THOUGHT_TYPES: Final = frozenset({"thinking", "reasoning", "thought"})


class ChunkReader:
    """Reads one reply.

    Some servers put the words of sound where others put text, in ``delta.content``. Where sound was asked for, they
    are a transcript.

    :param audio: whether sound was asked for.
    :param secret: taken out of what an error in the stream says.
    """

    __slots__ = (
        "_audio_id",
        "_audio_wanted",
        "_expires_at",
        "_reason",
        "_replied",
        "_secret",
        "_sound",
        "_sounded",
        "_spoke",
        "_thoughts",
        "_tool_calls",
        "_usage",
        "complete",
        "failure",
        "settled",
    )

    def __init__(self, *, audio: bool, secret: str | None = None) -> None:
        self._audio_wanted = audio
        self._secret = secret
        self._sound = ReplyAudioReader()
        self._sounded = False
        self._spoke = False
        self._replied = False
        self._thoughts: ThoughtFilter | None = None
        self._tool_calls = ToolCallReader()
        self._usage: Usage | None = None
        self._reason: FinishReason | None = None
        self._audio_id: str | None = None
        self._expires_at: int | None = None
        self.complete = False
        """Whether a sign of the reply's end has been seen and nothing after it, so that a closed connection loses
        nothing.

        A finish reason, usage in a chunk of its own, or an expiry in an audio delta of its own: OpenAI's audio streams
        often have no finish reason (openai-node issue 1206), and other servers close without ``[DONE]``. Some servers
        send usage or an expiry along with everything, or a finish reason for the text before the sound.
        """
        self.settled = False
        """Whether, beyond that, nothing but the usage can be expected any more: there are calls, or the sound that was
        asked for, or none was.
        """
        self.failure: UpstreamError | None = None
        """What the finish reason says went wrong. The pieces before it are the reply's all the same."""

    def read(self, data: bytes) -> list[StreamPiece]:
        """The pieces in the data of one event. Usage is kept for the end: some servers count as they go.

        :raises UpstreamMalformed: it is not JSON, or holds sound that cannot be played.
        :raises UpstreamError: it is the model's own error.
        """
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise _not_json() from error
        return self._read_chunk(chunk if isinstance(chunk, dict) else _only(chunk))

    def read_whole(self, body: bytes) -> list[StreamPiece]:
        """The pieces of an answer in one piece, which must hold a reply.

        :raises UpstreamMalformed: it is not JSON, or no reply, or holds sound that cannot be played.
        :raises UpstreamError: it is the model's own error.
        """
        pieces = self.read(body)
        if not self._replied:
            raise UpstreamMalformed("The model's server answered without a reply.", code="no_choices")
        return pieces

    def end(self) -> list[StreamPiece]:
        """What was kept for the end: a tail of words or sound, the usage if there was one, and ``Finished``.

        :raises UpstreamMalformed: the sound cannot be played.
        """
        pieces: list[StreamPiece] = []
        if self._thoughts is not None and (words := self._thoughts.end()):
            pieces.append(self._piece_of(words))
        if tail := self._sound.end():
            pieces.append(tail)
        if self._usage is not None:
            pieces.append(self._usage)
        pieces.append(Finished(self._reason or ("tool_calls" if self._tool_calls else "stop")))
        return pieces

    def _read_chunk(self, chunk: dict[str, Any]) -> list[StreamPiece]:
        choices = chunk.get("choices")
        if (not choices or chunk.get("error")) and (failure := from_stream(chunk, self._secret)) is not None:
            raise failure
        pieces: list[StreamPiece] = []
        modality = chunk.get("modality")
        ends = False
        if isinstance(usage := chunk.get("usage"), dict):
            self._count(usage)
            ends = not choices
        for choice in choices if isinstance(choices, list) else ():
            # One choice was asked for; a server that sends several is heard in the first.
            if isinstance(choice, dict) and (not (index := choice.get("index")) or index == "0"):
                ends |= self._read_choice(choice, modality, pieces)
        self.complete = ends or (self.complete and not pieces)
        if ends:
            # A server that tells what each chunk is may end its text before its sound.
            sound = self._sounded and modality != "text"
            self.settled = sound or not self._audio_wanted or bool(self._tool_calls) or self._reason == "tool_calls"
        elif pieces:
            self.settled = False
        return pieces

    def _read_choice(self, choice: dict[str, Any], modality: object, pieces: list[StreamPiece]) -> bool:
        """Whether the choice is a sign of the reply's end."""
        self._replied = True
        ends = False
        # A server that does not stream answers with one whole message.
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            audio = delta.get("audio")
            if isinstance(audio, dict):
                ends = self._read_audio(audio, pieces)
            content = delta.get("content") or delta.get("refusal")
            if content:
                self._read_content(content, choice.get("audio_metadata"), modality, pieces)
            calls = delta.get("tool_calls") or delta.get("function_call")
            if calls:
                self._read_calls(calls, pieces)
        if "usage" in choice and isinstance(usage := choice["usage"], dict):
            self._count(usage)
        if "error" in choice and (failure := from_stream({"error": choice["error"]}, self._secret)) is not None:
            self.failure = failure
        return self._read_reason(choice.get("finish_reason")) or ends

    def _read_reason(self, reason: object) -> bool:
        if not reason:
            return False
        if isinstance(reason, dict):
            reason = reason.get("type")
        name = reason.lower() if isinstance(reason, str) else ""
        if name in _NO_REASON:
            return False
        if name in _FAILED and self.failure is None:
            self.failure = model_failed(name)
        if self._reason is None or self._reason == "stop":
            self._reason = _REASONS.get(name, "stop")
        return True

    def _read_content(self, content: object, metadata: object, modality: object, pieces: list[StreamPiece]) -> None:
        if isinstance(content, str):
            if modality == "audio":
                self._read_sound(content, metadata, pieces)
            else:
                self._read_words(content, pieces)
        elif isinstance(content, list):
            for part in content:
                self._read_part(part, pieces)

    def _read_part(self, part: object, pieces: list[StreamPiece]) -> None:
        """One part of a content that is a list, as requests have them and some servers' answers too."""
        if isinstance(part, str):
            self._read_words(part, pieces)
        if not isinstance(part, dict):
            return
        kind = part.get("type")
        kind = kind if isinstance(kind, str) else ""
        if kind in _THOUGHT_TYPES:
            return
        audio = part.get(kind) if kind in _SPOKEN_TYPES else None
        audio = audio if isinstance(audio, dict) else part.get("audio")
        if isinstance(audio, dict):
            self._read_audio(audio | {"data": audio.get("data") or audio.get("url")}, pieces)
        text = part.get("text")
        if text and isinstance(text, str):
            self._read_words(text, pieces)

    def _read_calls(self, calls: object, pieces: list[StreamPiece]) -> None:
        fragments = calls if isinstance(calls, list) else [calls]
        read = (self._tool_calls.read(fragment) for fragment in fragments if isinstance(fragment, dict))
        pieces.extend(piece for piece in read if piece is not None)

    def _read_audio(self, audio: dict[str, Any], pieces: list[StreamPiece]) -> bool:
        audio_id = audio.get("id")
        if isinstance(audio_id, str) and audio_id and audio_id != self._audio_id:
            self._audio_id = audio_id
            pieces.append(AudioReference(audio_id, self._expires_at))
        expires_at = whole_number(audio["expires_at"]) if "expires_at" in audio else None
        if expires_at is not None and expires_at != self._expires_at:
            self._expires_at = expires_at
            if self._audio_id is not None:
                pieces.append(AudioReference(self._audio_id, expires_at))
        transcript = audio.get("transcript")
        if transcript and isinstance(transcript, str):
            self._read_words(transcript, pieces)
        data = audio.get("data")
        if data and isinstance(data, str):
            described = len(audio) > 1 and ("format" in audio or "sample_rate" in audio or "mime_type" in audio)
            self._read_sound(data, audio if described else None, pieces)
        return self._expires_at is not None and not data and not transcript

    def _read_sound(self, data: str, metadata: object, pieces: list[StreamPiece]) -> None:
        if not self._audio_wanted:
            return
        if isinstance(metadata, dict):
            self._sound.describe(metadata)
        if piece := self._sound.read(data):
            self._sounded = True
            pieces.append(piece)

    def _read_words(self, text: str, pieces: list[StreamPiece]) -> None:
        tagged = "<" in text or "[" in text
        if self._thoughts is None:
            if tagged:
                self._thoughts = ThoughtFilter(said=self._spoke)
                text = self._thoughts.feed(text)
        elif tagged or not self._thoughts.idle:
            text = self._thoughts.feed(text)
        if text:
            self._spoke = True
            pieces.append(self._piece_of(text))

    def _piece_of(self, text: str) -> TranscriptPiece | TextPiece:
        return TranscriptPiece(text) if self._audio_wanted else TextPiece(text)

    def _count(self, usage: dict[str, Any]) -> None:
        counted = read_usage(usage)
        # Chunks of sound may count the text only, or nothing of the reply at all.
        if self._usage is None or counted.output_tokens or not self._usage.output_tokens:
            self._usage = counted


def _only(said: object) -> dict[str, Any]:
    """The object in a list of one."""
    if isinstance(said, list) and len(said) == 1 and isinstance(said[0], dict):
        return said[0]
    raise UpstreamMalformed("The model's server sent an event that is not a JSON object.", code="invalid_json")


def _not_json() -> UpstreamMalformed:
    return UpstreamMalformed("The model's server sent an event that is not JSON.", code="invalid_json")
