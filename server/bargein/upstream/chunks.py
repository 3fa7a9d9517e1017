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
from bargein.errors import UpstreamMalformed
from bargein.upstream.failures import from_stream
from bargein.upstream.reply_audio import ReplyAudioReader
from bargein.upstream.tool_calls import ToolCallReader
from bargein.upstream.usage import read_usage

_REASONS: Final[dict[str, FinishReason]] = {reason: reason for reason in get_args(FinishReason)} | {
    "function_call": "tool_calls",
    "max_tokens": "length",
}


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
        "_secret",
        "_sound",
        "_tool_calls",
        "_usage",
        "complete",
    )

    def __init__(self, *, audio: bool, secret: str | None = None) -> None:
        self._audio_wanted = audio
        self._secret = secret
        self._sound = ReplyAudioReader()
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

    def read(self, data: bytes) -> list[StreamPiece]:
        """The pieces in the data of one event. Usage is kept for the end: some servers count as they go.

        :raises UpstreamMalformed: it is not JSON, or holds sound that cannot be played.
        :raises UpstreamError: it is the model's own error.
        """
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise UpstreamMalformed(
                "The model's server sent an event that is not JSON.", code="invalid_json"
            ) from error
        if not isinstance(chunk, dict):
            raise UpstreamMalformed("The model's server sent an event that is not a JSON object.", code="invalid_json")
        choices = chunk.get("choices")
        if (not choices or chunk.get("error")) and (failure := from_stream(chunk, self._secret)) is not None:
            raise failure
        pieces: list[StreamPiece] = []
        ends = False
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = read_usage(usage)
            ends = not choices
        for choice in choices if isinstance(choices, list) else ():
            # One choice was asked for; a server that sends several is heard in the first.
            if isinstance(choice, dict) and not choice.get("index"):
                ends |= self._read_choice(choice, chunk.get("modality"), pieces)
        self.complete = ends or (self.complete and not pieces)
        return pieces

    def end(self) -> list[StreamPiece]:
        """What was kept for the end: a tail of sound, the usage if there was one, and ``Finished``."""
        pieces: list[StreamPiece] = []
        if tail := self._sound.end():
            pieces.append(tail)
        if self._usage is not None:
            pieces.append(self._usage)
        pieces.append(Finished(self._reason or ("tool_calls" if self._tool_calls else "stop")))
        return pieces

    def _read_choice(self, choice: dict[str, Any], modality: object, pieces: list[StreamPiece]) -> bool:
        """Whether the choice is a sign of the reply's end."""
        ends = False
        # A server that does not stream answers with one whole message.
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            audio = delta.get("audio")
            if isinstance(audio, dict):
                ends = self._read_audio(audio, pieces)
            content = delta.get("content") or delta.get("refusal")
            if content and isinstance(content, str):
                if modality == "audio":
                    self._read_sound(content, choice.get("audio_metadata"), pieces)
                else:
                    pieces.append(self._words(content))
            calls = delta.get("tool_calls")
            if isinstance(calls, list):
                pieces.extend(self._tool_calls.read(call) for call in calls if isinstance(call, dict))
        reason = choice.get("finish_reason")
        if not reason or not isinstance(reason, str):
            return ends
        if self._reason is None or self._reason == "stop":
            self._reason = _REASONS.get(reason, "stop")
        return True

    def _read_audio(self, audio: dict[str, Any], pieces: list[StreamPiece]) -> bool:
        audio_id, expires_at = audio.get("id"), audio.get("expires_at")
        if isinstance(audio_id, str) and audio_id and audio_id != self._audio_id:
            self._audio_id = audio_id
            pieces.append(AudioReference(audio_id, self._expires_at))
        if isinstance(expires_at, int) and expires_at != self._expires_at:
            self._expires_at = expires_at
            if self._audio_id is not None:
                pieces.append(AudioReference(self._audio_id, expires_at))
        transcript = audio.get("transcript")
        if transcript and isinstance(transcript, str):
            pieces.append(self._words(transcript))
        data = audio.get("data")
        if data and isinstance(data, str):
            self._read_sound(data, None, pieces)
        return self._expires_at is not None and not data and not transcript

    def _read_sound(self, data: str, metadata: object, pieces: list[StreamPiece]) -> None:
        if not self._audio_wanted:
            return
        if isinstance(metadata, dict):
            self._sound.describe(metadata)
        if piece := self._sound.read(data):
            pieces.append(piece)

    def _words(self, text: str) -> TranscriptPiece | TextPiece:
        return TranscriptPiece(text) if self._audio_wanted else TextPiece(text)
