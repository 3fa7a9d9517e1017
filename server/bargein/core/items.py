"""Items of a conversation, in the Realtime protocol's sense (section "Items")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from bargein.core.audio import AudioFormat, base64_sample_count, slice_audio
from bargein.core.completion import Usage
from bargein.core.config import ResponseSettings
from bargein.core.words import Timeline

Status = Literal["in_progress", "completed", "incomplete"]
Role = Literal["system", "user", "assistant"]


@dataclass(slots=True)
class InputText:
    text: str


@dataclass(slots=True)
class InputAudio:
    """Speech of the caller. The transcript arrives later, if at all."""

    audio: bytes
    format: AudioFormat
    transcript: str | None = None
    told: bool = True
    """The caller has asked for transcripts: else this one is for the model alone."""


@dataclass(slots=True)
class InputImage:
    """A picture of the caller's, as a data URL; empty where it is not kept any more."""

    url: str
    detail: str | None = None


@dataclass(slots=True)
class OutputText:
    text: str


@dataclass(slots=True)
class OutputAudio:
    """Speech of the model.

    ``pieces`` is the one stored copy of the sound: pacing sends from it, ``retrieve`` and the history read it.
    """

    format: AudioFormat
    timeline: Timeline
    pieces: list[str | bytes] = field(default_factory=list)
    sample_count: int = 0
    finished: bool = False
    """The model has said all of it: sound and transcript are whole."""
    audio_id: str | None = None
    audio_expires_at: int | None = None

    @property
    def transcript(self) -> str:
        return self.timeline.text

    def stretch(self, start: int, stop: int) -> list[str | bytes]:
        """The sound of samples ``start:stop``, as far as it is kept."""
        found: list[str | bytes] = []
        at = 0
        for piece in self.pieces:
            count = self.samples_of(piece)
            first, last = max(start - at, 0), min(stop - at, count)
            if first < last:
                whole = first == 0 and last == count
                found.append(piece if whole else slice_audio(piece, first, last, self.format.bytes_per_sample))
            at += count
        return found

    def samples_of(self, piece: str | bytes) -> int:
        """Samples in one of :attr:`pieces`."""
        return base64_sample_count(piece) if isinstance(piece, str) else self.format.samples_of(len(piece))


Part = InputText | InputAudio | InputImage | OutputText | OutputAudio


@dataclass(slots=True)
class Message:
    id: str
    role: Role
    parts: list[Part]
    status: Status = "completed"


@dataclass(slots=True)
class FunctionCall:
    id: str
    call_id: str
    name: str
    arguments: str
    status: Status = "completed"
    lost_output: bool = field(default=False, compare=False)
    """It was answered, and the answer is not in the conversation any more."""


@dataclass(slots=True)
class FunctionCallOutput:
    id: str
    call_id: str
    output: str
    status: Status = "completed"


Item = Message | FunctionCall | FunctionCallOutput


@dataclass(frozen=True, slots=True)
class ItemReference:
    """Stands for an item of the conversation in a ``response.create``'s ``input``."""

    id: str


ResponseStatus = Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]
StatusReason = Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the model failed, as ``response.done`` and ``...transcription.failed`` tell it."""

    type: str
    code: str | None
    message: str


NO_SOUND: Final = Failure(
    "server_error",
    "no_audio",
    "The model answered in text without sound, also when it was asked again. Its words are in the transcript.",
)
NOTHING_SAID: Final = Failure(
    "server_error", "no_audio", "The model answered with neither sound nor words, also when it was asked again."
)


@dataclass(slots=True)
class Response:
    """One reply of the model. ``output`` grows while it is in progress."""

    id: str
    settings: ResponseSettings
    conversation_id: str | None
    """``None`` for a response out of band."""
    metadata: Mapping[str, str] | None = None
    status: ResponseStatus = "in_progress"
    reason: StatusReason | None = None
    failure: Failure | None = None
    output: list[Item] = field(default_factory=list)
    usage: Usage | None = None
