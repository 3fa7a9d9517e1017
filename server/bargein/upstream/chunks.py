"""The tolerant reader: chunks of a Chat Completions stream in, pieces of a reply out.

Servers of this shape agree on little. What is missing, null, or of a type it should not be is passed over; what is
there is understood in every place where some server puts it.
The README of the recorded shapes, beside the tests, tells which server needs what.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

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
from bargein.upstream.failures import from_stream, model_failed, no_stream, not_json
from bargein.upstream.finish_reasons import FAILURES, REASONS, name_of
from bargein.upstream.lenient import read_json, whole_number
from bargein.upstream.letters import Letters
from bargein.upstream.reply_audio import ReplyAudioReader
from bargein.upstream.thoughts import ThoughtFilter
from bargein.upstream.tool_calls import ToolCallReader
from bargein.upstream.usage import read_usage

_SPOKEN_TYPES: Final = frozenset({"audio", "output_audio", "input_audio", "audio_url"})
_IN_PIECES: Final = frozenset({"content", "refusal", "transcript", "text", "arguments"})
"""Members whose text goes on in the next chunk."""
_THOUGHT_TYPES: Final = frozenset({"thinking", "reasoning", "thought"})


MAX_CHARACTERS: Final = 400_000
"""Words and arguments of one reply: three times what any model may say at once. What never ends is everybody's work."""
MAX_CALLS: Final = 128


class ChunkReader:
    """Reads one reply.

    Some servers put the words of sound where others put text, in ``delta.content``. Where sound was asked for, they
    are a transcript.

    :param audio: whether sound was asked for.
    :param secret: taken out of what an error in the stream says.
    :param tools: names of the tools that the model may call.
    """

    __slots__ = (
        "_audio_id",
        "_audio_wanted",
        "_by_deltas",
        "_characters",
        "_expires_at",
        "_index",
        "_letters",
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

    def __init__(self, *, audio: bool, secret: str | None = None, tools: Collection[str] = ()) -> None:
        self._audio_wanted = audio
        self._secret = secret
        self._sound = ReplyAudioReader()
        self._sounded = False
        self._spoke = False
        self._replied = False
        self._index: int | None = None
        """Of the choice that speaks; ``None`` before there is one."""
        self._by_deltas = False
        """It has come in deltas: a message in it says the same again."""
        self._characters = 0
        self._letters = Letters()
        self._thoughts: ThoughtFilter | None = None
        self._tool_calls = ToolCallReader(tools)
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
            chunk = read_json(data, _IN_PIECES)
        except ValueError as error:
            raise not_json(data, self._secret) from error
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

    def no_stream(self, body: bytes) -> UpstreamMalformed:
        """What ``body``, which is no answer in any shape, is an error of."""
        return no_stream(body, self._secret)

    def end(self) -> list[StreamPiece]:
        """What was kept for the end: a tail of words or sound, the usage if there was one, and ``Finished``.

        :raises UpstreamMalformed: the sound cannot be played.
        """
        pieces: list[StreamPiece] = []
        if half := self._letters.end():
            self._say(half, pieces)
        if self._thoughts is not None and (words := self._thoughts.end()):
            pieces.append(self._piece_of(words))
        if tail := self._sound.end():
            pieces.append(tail)
        pieces += self._tool_calls.end()
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
        for choice in self._heard(choices) if isinstance(choices, list) else ():
            ends |= self._read_choice(choice, modality, pieces)
        # Some gateways tell the usage, or an expiry, before the model has begun.
        ends &= self._spoke or self._sounded or bool(self._tool_calls) or self._reason is not None
        self.complete = ends or (self.complete and not pieces)
        if ends:
            # A server that tells what each chunk is may end its text before its sound.
            sound = self._sounded and modality != "text"
            self.settled = sound or not self._audio_wanted or bool(self._tool_calls) or self._reason == "tool_calls"
        elif pieces:
            self.settled = False
        return pieces

    def _heard(self, choices: list[Any]) -> list[dict[str, Any]]:
        """The ones that speak. One was asked for; a server that sends several is heard in the first that it tells of,
        whatever its number. vLLM-Omni gives the same number to words and sound.
        """
        if len(choices) == 1 and isinstance(choices[0], dict) and choices[0].get("index", -1) == self._index:
            return choices
        numbered: dict[int, list[dict[str, Any]]] = {}
        for place, choice in enumerate(choices):
            if isinstance(choice, dict):
                index = whole_number(choice.get("index"))
                if index is None:
                    index = place if len(choices) > 1 or self._index is None else self._index
                numbered.setdefault(index, []).append(choice)
        if self._index is None and numbered:
            self._index = min(numbered)
        return [] if self._index is None else numbered.get(self._index, [])

    def _read_choice(self, choice: dict[str, Any], modality: object, pieces: list[StreamPiece]) -> bool:
        """Whether the choice is a sign of the reply's end."""
        self._replied = True
        ends = False
        # A server that does not stream answers with one whole message. Some that do put it behind all the deltas too.
        delta, before = choice.get("delta"), len(pieces)
        by_delta = bool(delta)
        if not by_delta and not self._by_deltas:
            delta = choice.get("message")
        if isinstance(delta, dict):
            audio = delta.get("audio")
            if isinstance(audio, dict):
                ends = self._read_audio(audio, pieces)
            content = delta.get("content") or delta.get("refusal")
            if content and not (isinstance(audio, dict) and audio.get("transcript") == content):
                self._read_content(content, choice.get("audio_metadata"), modality, pieces)
            calls = delta.get("tool_calls") or delta.get("function_call")
            if calls:
                self._read_calls(calls, pieces)
        self._by_deltas |= by_delta and len(pieces) > before
        if "usage" in choice and isinstance(usage := choice["usage"], dict):
            self._count(usage)
        if "error" in choice and (failure := from_stream({"error": choice["error"]}, self._secret)) is not None:
            self.failure = failure
        if self._read_reason(choice.get("finish_reason")):
            pieces += self._tool_calls.end()
            ends = True
        return ends

    def _read_reason(self, reason: object) -> bool:
        if not reason or (name := name_of(reason)) is None:
            return False
        if name in FAILURES and self.failure is None:
            self.failure = model_failed(name)
        if self._reason is None or self._reason == "stop":
            self._reason = REASONS.get(name, "stop")
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
        text = part.get("text") or part.get("refusal")
        if text and isinstance(text, str):
            self._read_words(text, pieces)

    def _read_calls(self, calls: object, pieces: list[StreamPiece]) -> None:
        fragments = calls if isinstance(calls, list) else [calls]
        for fragment in fragments:
            if not isinstance(fragment, dict):
                continue
            pieces += self._tool_calls.read(fragment)
            if self._tool_calls.count > MAX_CALLS:
                raise UpstreamMalformed(f"The model called more than {MAX_CALLS} tools in one answer.", code="endless")
            self._check_length()

    def _check_length(self) -> None:
        if self._characters + self._tool_calls.characters > MAX_CHARACTERS:
            raise UpstreamMalformed(
                f"The model's answer has more than {MAX_CHARACTERS} characters, and was ended.", code="endless"
            )

    def _read_audio(self, audio: dict[str, Any], pieces: list[StreamPiece]) -> bool:
        audio_id = audio.get("id")
        if isinstance(audio_id, str) and audio_id and audio_id != self._audio_id:
            self._audio_id = audio_id
            pieces.append(AudioReference(audio_id, self._expires_at))
        expires_at = whole_number(audio["expires_at"]) if "expires_at" in audio else None
        if expires_at is not None and expires_at > 0 and expires_at != self._expires_at:
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
        self._characters += len(text)
        self._check_length()
        self._say(self._letters.feed(text), pieces)

    def _say(self, text: str, pieces: list[StreamPiece]) -> None:
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
