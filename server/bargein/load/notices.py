"""What a caller notices in what the server sends: a closed union. ``at_s`` is the caller's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TRUNCATION: Final = "truncation_"
"""Begins the ids of ``conversation.item.truncate`` events."""


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The session's settings were accepted."""

    at_s: float


@dataclass(frozen=True, slots=True)
class VoiceChanged:
    """``bargein.vad``."""

    at_s: float
    speech: bool


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    at_s: float
    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    at_s: float
    item_id: str


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The caller's turn became an item."""

    at_s: float
    item_id: str


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    at_s: float
    response_id: str


@dataclass(frozen=True, slots=True)
class FirstAudio:
    """The first sound of a reply arrived."""

    at_s: float
    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Paused:
    """``bargein.hold``: the loudspeaker is silent, nothing is lost."""

    at_s: float
    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Resumed:
    at_s: float
    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """What was queued of an item was dropped: the reply was talked over."""

    at_s: float
    response_id: str
    item_id: str
    heard_samples: int


@dataclass(frozen=True, slots=True)
class ConversationCut:
    """``bargein.cut``: what the model will be told was heard."""

    at_s: float
    response_id: str
    item_id: str
    heard_samples: int


@dataclass(frozen=True, slots=True)
class ResponseDone:
    at_s: float
    response_id: str
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class ErrorReceived:
    at_s: float
    code: str
    message: str
    event_id: str | None = None
    """Of the caller's event that it is about, where the server tells."""

    @property
    def is_of_truncation(self) -> bool:
        """It is about what a client tells of its play-out: no matter of the agent's."""
        return (self.event_id or "").startswith(TRUNCATION)


Notice = (
    SessionReady
    | VoiceChanged
    | SpeechStarted
    | SpeechStopped
    | TurnCommitted
    | ResponseCreated
    | FirstAudio
    | Paused
    | Resumed
    | Stopped
    | ConversationCut
    | ResponseDone
    | ErrorReceived
)
