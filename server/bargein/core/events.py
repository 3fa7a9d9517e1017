"""What can happen to a conversation: a closed union of frozen dataclasses.

What every piece of sound brings is a plain class: one is made fifty times a second for every caller, and compiled
that takes a tenth of the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bargein.core.completion import StreamPiece
from bargein.core.config import ResponseSettings, SessionConfig
from bargein.core.decisions import UtteranceVerdict
from bargein.core.items import Failure, Item, ItemReference
from bargein.core.turn_end import PhraseEnd


@final
class Window:
    """One decision of the voice detector. Not to be changed.

    :param sample_count: its length at the rate of the input format.
    :param probability: that it holds speech, 0 to 1.
    :param level_db: RMS relative to full scale; 0 is the loudest.
    :param voicing: how much it sounds like a voice, 0 to 1, rather than a cough or a knock. Detectors that cannot tell
        say 1.
    """

    __slots__ = ("level_db", "probability", "sample_count", "voicing")

    def __init__(self, sample_count: int, probability: float, level_db: float, voicing: float = 1.0) -> None:
        self.sample_count = sample_count
        self.probability = probability
        self.level_db = level_db
        self.voicing = voicing

    def __repr__(self) -> str:
        return f"Window({self.sample_count}, {self.probability}, {self.level_db:.1f}, {self.voicing})"


@dataclass(frozen=True, slots=True)
class WeighedWindow:
    """One decision of the second detector, which confirms what the first has found."""

    start_sample: int
    """On the clock of the input, at its rate: 0 is the first sample that ever came."""
    sample_count: int
    probability: float
    """That it holds speech, 0 to 1."""


# From the caller.


@dataclass(frozen=True, slots=True)
class Configured:
    """``session.update`` was accepted."""

    config: SessionConfig


@dataclass(frozen=True, slots=True)
class AudioAppended:
    """Sound of the caller, and the windows that were completed by it."""

    audio: bytes
    windows: tuple[Window, ...] = ()
    echo_db: float = -math.inf
    """The level that the agent's echo can have in it, where that is known."""


@dataclass(frozen=True, slots=True)
class SpeechWeighed:
    """The second detector has listened to sound that is undecided: see
    :attr:`~bargein.core.conversation.Conversation.undecided_from`. In order, without gaps; windows of before what is
    undecided are passed over.
    """

    windows: tuple[WeighedWindow, ...]


@dataclass(frozen=True, slots=True)
class CommitRequested:
    """``input_audio_buffer.commit``: what was said so far is a turn. It is not answered by itself."""


@dataclass(frozen=True, slots=True)
class ClearRequested:
    """``input_audio_buffer.clear``: what was said so far is dropped."""


@dataclass(frozen=True, slots=True)
class ItemCreateRequested:
    """``item.id`` may be empty: the conversation names it."""

    item: Item
    previous_item_id: str | None = None
    """``None`` appends, ``"root"`` inserts at the front."""
    makes_room: bool = False
    """The oldest items go where the conversation is full: the server adds this one by itself, and nobody could delete
    any for it. A caller's is refused."""


@dataclass(frozen=True, slots=True)
class ItemRetrieveRequested:
    """``conversation.item.retrieve``."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ItemTruncateRequested:
    """``conversation.item.truncate``: the caller has heard no more of a reply than its first ``audio_end_ms``."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ItemDeleteRequested:
    """``conversation.item.delete``."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ResponseRequested:
    """``response.create``, with the session's settings already merged in."""

    settings: ResponseSettings
    out_of_band: bool = False
    input: tuple[Item | ItemReference, ...] | None = None
    """Replaces the conversation as the context, where given."""
    metadata: Mapping[str, str] | None = None
    answers: str | None = None
    """An item that the server has added by itself, a tool's output, and that is to be answered like a turn: it waits
    until it can be, rather than being refused."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """``response.cancel``; ``None``: of the one that is active, or about to begin."""

    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlaybackReported:
    """``bargein.played``: the client's play-out position in samples of the item's audio."""

    response_id: str
    item_id: str
    sample_count: int
    playing: bool


@dataclass(frozen=True, slots=True)
class PlaybackFlushed:
    """``bargein.flushed``: the exact and final position."""

    response_id: str
    item_id: str
    sample_count: int


# From the model.


@dataclass(frozen=True, slots=True)
class StreamProgressed:
    """A piece of a model's answer came. Of a response that is over it is dropped."""

    response_id: str
    piece: StreamPiece


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """A model's answer broke off, or never began. What was sent of it stays said."""

    response_id: str
    failure: Failure
    processed: bool = True
    """The model may have worked on the request, so that it counts; ``False`` where it was refused or never arrived."""


# From the recogniser.


@dataclass(frozen=True, slots=True)
class TranscriptionProgressed:
    """A recogniser goes on to write."""

    item_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class TranscriptionCompleted:
    """A recogniser has written all of a turn."""

    item_id: str
    transcript: str
    seconds: float
    """Length of the audio that was transcribed: the usage the protocol asks for."""
    logprobs: tuple[Mapping[str, Any], ...] | None = None
    """As the recogniser gave them, where it was asked."""
    told: bool = True
    """The caller has asked for it."""


@dataclass(frozen=True, slots=True)
class TranscriptionFailed:
    """A recogniser could not write a turn."""

    item_id: str
    failure: Failure
    told: bool = True
    """The caller has asked for it."""


@dataclass(frozen=True, slots=True)
class UtteranceJudged:
    """A judge has answered :class:`~bargein.core.actions.StartJudging`. Of an utterance that is not judged any more,
    because it went on or the deadline has passed, it is dropped.
    """

    utterance_id: str
    verdict: UtteranceVerdict | None
    """``None``: it cannot tell yet. Of one that is over there is always a verdict."""
    judge: str
    """Its name, for those who read decisions."""
    took_ms: float
    """How long it worked."""
    words: str | None = None
    """What it understood, where it hears words."""


@dataclass(frozen=True, slots=True)
class PhraseHeard:
    """Somebody has heard the words of :class:`~bargein.core.actions.StartPhrase`. Of a pause that is over it is
    dropped.
    """

    phrase_id: str
    end: PhraseEnd | None
    """``None``: its words tell nothing."""


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The connection is over: nobody hears anything more, and what is in progress ends."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time that ``next_timer()`` named has come."""


@dataclass(frozen=True, slots=True)
class TimeLost:
    """The process stood still: nobody could hear or be heard for ``lost_s``, and what was waited for has so much
    longer.
    """

    lost_s: float


@dataclass(frozen=True, slots=True)
class EchoGone:
    """Whoever takes the agent's sound out of the caller's has found next to nothing of it for long: what was known of
    an echo is forgotten.
    """


Event = (
    Configured
    | AudioAppended
    | SpeechWeighed
    | CommitRequested
    | ClearRequested
    | ItemCreateRequested
    | ItemRetrieveRequested
    | ItemTruncateRequested
    | ItemDeleteRequested
    | ResponseRequested
    | CancelRequested
    | PlaybackReported
    | PlaybackFlushed
    | StreamProgressed
    | StreamFailed
    | TranscriptionProgressed
    | TranscriptionCompleted
    | TranscriptionFailed
    | UtteranceJudged
    | PhraseHeard
    | CallerLeft
    | TimerFired
    | TimeLost
    | EchoGone
)
