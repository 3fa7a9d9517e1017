"""What must be done because of an event: a closed union of frozen dataclasses.

The first group is told to the caller; ``bargein.wire.ladder`` turns each into its protocol events, in the protocol's
order. The second group exists in ``bargein.v1`` only, and is dropped for every other caller. The third group is work
for the session. The fourth, in :mod:`bargein.core.decisions`, says what was decided and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bargein.core.audio import AudioFormat
from bargein.core.completion import CompletionRequest
from bargein.core.config import Transcription
from bargein.core.decisions import Decision
from bargein.core.items import Failure, FunctionCall, InputAudio, Item, Message, Response
from bargein.core.sound_judge import UtteranceFigures

# Told to the caller.


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """``input_audio_buffer.speech_started``. Places in the caller's sound are in ms from the first that ever came."""

    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Follows every :class:`SpeechStarted`, whatever ends the speech."""

    item_id: str
    audio_end_ms: int
    quiet_ms: float = 0.0
    """How long the caller had been silent by then, sound that did not come included."""


@dataclass(frozen=True, slots=True)
class IdleTimedOut:
    """``input_audio_buffer.timeout_triggered``: nobody has spoken, and this silence is committed as a turn."""

    item_id: str
    audio_start_ms: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class InputCommitted:
    """The input buffer became ``item``."""

    item: Message
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class InputMissing:
    """The item that was just committed by hand lacks its beginning: the buffer holds ``limit_ms``."""

    item_id: str
    dropped_ms: int
    limit_ms: int


@dataclass(frozen=True, slots=True)
class InputCleared:
    """``input_audio_buffer.cleared``."""


@dataclass(frozen=True, slots=True)
class ItemCreated:
    """A finished item entered the conversation."""

    item: Item
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class ItemRetrieved:
    """``conversation.item.retrieved``: the item as the caller knows it."""

    item: Item


@dataclass(frozen=True, slots=True)
class ItemTruncated:
    """``conversation.item.truncated``, with the numbers that the caller gave; the cut may lie before them."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """``conversation.item.deleted``."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    """``response.created``: nothing of it was said yet."""

    response: Response


@dataclass(frozen=True, slots=True)
class OutputItemAdded:
    """``item`` of ``response`` begins, empty; with its content part, if it is a message."""

    response: Response
    output_index: int
    item: Message | FunctionCall
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class TranscriptSent:
    """One delta of the words of a reply's sound: with that sound, or as the model writes them."""

    response_id: str
    item_id: str
    output_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class TextSent:
    """One delta of a reply in writing."""

    response_id: str
    item_id: str
    output_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class AudioSent:
    """One delta of reply audio, in the response's output format."""

    response_id: str
    item_id: str
    output_index: int
    response_number: int
    start_sample: int
    """Place of its first sample in the item's audio."""
    sample_count: int
    audio: str | bytes
    """Base64 text of PCM16, or the raw samples."""


@dataclass(frozen=True, slots=True)
class ArgumentsSent:
    """One delta of a call's arguments, JSON text."""

    response_id: str
    item_id: str
    output_index: int
    call_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class OutputItemDone:
    """``item`` is final: its status is set, and it holds all of it, or what was heard of it."""

    response: Response
    output_index: int
    item: Message | FunctionCall
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """``response.done``: it ends, as its status says, and nothing of it follows."""

    response: Response


@dataclass(frozen=True, slots=True)
class TranscriptionDelta:
    """One delta of what a recogniser writes of a turn."""

    item_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class TranscriptionDone:
    """All that a recogniser has written of a turn."""

    item_id: str
    transcript: str
    seconds: float
    """Length of the sound."""
    logprobs: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class TranscriptionFailure:
    """A recogniser has written nothing of a turn; that stays sound."""

    item_id: str
    failure: Failure


# Told to ``bargein.v1`` callers only.


@dataclass(frozen=True, slots=True)
class VoiceChanged:
    """``bargein.vad``."""

    speech: bool
    at_ms: int
    level_db: float
    probability: float


@dataclass(frozen=True, slots=True)
class ReplyNumbered:
    """``bargein.response``: before the first audio of an item."""

    response_id: str
    item_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Held:
    """``bargein.hold``: it is not known yet whether the caller interrupts."""

    response_id: str
    item_id: str
    at_sample: int
    duck_db: float | None = None
    """Play on, so much quieter; ``None``: pause."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """``bargein.resume``: it did not. Sound goes on behind the place that was held."""

    response_id: str
    item_id: str
    from_sample: int


@dataclass(frozen=True, slots=True)
class Flushed:
    """Drop what is queued of this item; answer with the exact position."""

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What the model will be told was heard of this item."""

    response_id: str
    item_id: str
    heard_samples: int
    heard_text: str
    unheard_text: str


# Work for the session.


@dataclass(frozen=True, slots=True)
class StartStream:
    """Ask the model. What comes of it is answered with :class:`~bargein.core.events.StreamProgressed`, or
    :class:`~bargein.core.events.StreamFailed`, until it ends or is cancelled.
    """

    response_id: str
    request: CompletionRequest
    again: bool = False
    """The model has answered this response without sound: it is asked once more."""
    ahead: AudioFormat | None = None
    """The turn is not over yet: nothing was told of the response, and it may never be. In this format it will."""


@dataclass(frozen=True, slots=True)
class CancelStream:
    """Close the model's stream: drop its connection, deliver nothing more of it."""

    response_id: str


@dataclass(frozen=True, slots=True)
class PauseStream:
    """Read no further from the model until :class:`ContinueStream`: enough is kept."""

    response_id: str


@dataclass(frozen=True, slots=True)
class ContinueStream:
    """Read on."""

    response_id: str


@dataclass(frozen=True, slots=True)
class StartTranscription:
    """Have a turn written down: answer with :class:`~bargein.core.events.TranscriptionCompleted`, or
    :class:`~bargein.core.events.TranscriptionFailed`.
    """

    item_id: str
    speech: InputAudio
    transcription: Transcription
    told: bool = True
    """The caller has asked for it; else it is for the history alone (:mod:`bargein.core.in_words`)."""


@dataclass(frozen=True, slots=True)
class StartJudging:
    """Somebody spoke shortly over a reply, and is quiet: ask whoever hears words why. Answer with
    :class:`~bargein.core.events.UtteranceJudged`; without an answer by :attr:`until` the sound alone decides. Comes
    early, at the first short quiet: what goes on is called back with :class:`StopJudging`, and what ends again is
    another utterance, with the sound of both.
    """

    utterance_id: str
    audio: bytes
    """From a little before its onset to now."""
    format: AudioFormat
    figures: UtteranceFigures
    said: str
    """What the caller has heard of the reply."""
    unsaid: str
    """What of it is known and was not heard yet."""
    language: str | None
    """Of the caller's recogniser, where one was named."""
    until: float
    """When an answer comes too late, on the clock of whoever drives the conversation."""
    over: bool = True
    """It has ended. Else it goes on, and this is what was heard of it so far: what is not certain whatever follows is
    answered with no verdict, so that more of it can be asked for later."""


@dataclass(frozen=True, slots=True)
class StopJudging:
    """No verdict is wanted any more."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class StartPhrase:
    """The caller pauses within a turn: ask whoever hears words whether what was said by now is a finished phrase.
    Answer with :class:`~bargein.core.events.PhraseHeard`; without an answer the pause lasts as long as its sound says.
    """

    phrase_id: str
    audio: bytes
    """The turn so far, or the end of it."""
    format: AudioFormat
    language: str | None
    """Of the caller's recogniser, where one was named."""
    until: float
    """When an answer comes too late, on the clock of whoever drives the conversation."""


@dataclass(frozen=True, slots=True)
class StopPhrase:
    """The caller goes on, or the turn is over: no answer is wanted any more."""

    phrase_id: str


CallerAction = (
    SpeechStarted
    | SpeechStopped
    | IdleTimedOut
    | InputCommitted
    | InputMissing
    | InputCleared
    | ItemCreated
    | ItemRetrieved
    | ItemTruncated
    | ItemDeleted
    | ResponseCreated
    | OutputItemAdded
    | TranscriptSent
    | TextSent
    | AudioSent
    | ArgumentsSent
    | OutputItemDone
    | ResponseDone
    | TranscriptionDelta
    | TranscriptionDone
    | TranscriptionFailure
)
BargeinAction = VoiceChanged | ReplyNumbered | Held | Resumed | Flushed | Cut
WorkAction = (
    StartStream
    | CancelStream
    | PauseStream
    | ContinueStream
    | StartTranscription
    | StartJudging
    | StopJudging
    | StartPhrase
    | StopPhrase
)
Action = CallerAction | BargeinAction | WorkAction | Decision
