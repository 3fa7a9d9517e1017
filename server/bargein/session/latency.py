"""Where the time of a turn goes: from the end of speech to sound, and from an onset to a closed stream.

Fed by :class:`~bargein.session.observer.Observer` with what the core decides. Stages follow each other, so they sum to
the total.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MEASURED = Literal["response", "barge_in"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished measurement."""

    response_id: str
    after: MEASURED
    stages_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FirstSound:
    """The first sound of a response has left for the caller."""

    measured: Measured
    since_arrival_s: float | None
    """How long after it came from the model; ``None`` where it had to wait for the caller's end, which says nothing
    about us.
    """
    since_speech_s: float | None
    """How long after the end of the speech that it answers; ``None`` where it answers no detected turn."""


@dataclass(slots=True)
class _Asked:
    at: float
    speech_ended_at: float | None
    """When the last speech of the turn that is answered arrived; ``None`` where no detected turn is answered."""
    first_audio_at: float | None = None
    waits: bool = False
    """Its sound waits for the caller's end: how long that takes says nothing about us."""


class TurnClock:
    """Measures one session. All times are in seconds on one clock."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}
        self._speaking = False
        self._speech_ended_at: float | None = None
        self._onset_at: float | None = None
        self._evidence_at: float | None = None
        self._cancelled: tuple[str, dict[str, float]] | None = None
        """The interruption whose stream is yet to be closed; there is one stream to interrupt."""

    # The caller's floor.

    def evidence(self, onset_at: float, now: float) -> None:
        """Speech was noticed whose first sample arrived at ``onset_at``. That of a caller who goes on after a pause is
        known already: what is interrupted by it did not wait for anything.
        """
        if self._speaking:
            self._onset_at = self._evidence_at = None
            return
        self._onset_at = onset_at
        self._evidence_at = now

    def since_onset_s(self, now: float) -> float | None:
        """How long ago the speech began about which something is decided; ``None`` where that says nothing."""
        return None if self._onset_at is None else now - self._onset_at

    def barged_in(self, response_id: str, now: float, *, cancels: bool) -> Measured | None:
        """An interruption was confirmed. Returns the measurement, unless a stream is yet to be closed for it."""
        if self._onset_at is None or self._evidence_at is None:
            return None
        stages = {
            "evidence": (self._evidence_at - self._onset_at) * 1000,
            "confirm": (now - self._evidence_at) * 1000,
        }
        if cancels:
            self._cancelled = (response_id, stages)
            return None
        return Measured(response_id, "barge_in", stages)

    def speech_began(self) -> None:
        """A turn was announced."""
        self._speaking = True

    def speech_ended(self, silence_s: float, now: float) -> None:
        """A turn was ended after ``silence_s`` of silence."""
        self._speaking = False
        self._speech_ended_at = now - silence_s

    def speech_dropped(self) -> None:
        """The caller's sound was dropped: nothing will answer it."""
        self._speech_ended_at = None

    # The agent's.

    def asked(self, response_id: str, now: float, *, answers_turn: bool = True) -> None:
        """The model is asked.

        :param answers_turn: a response out of band does not: the turn still waits for its answer.
        """
        waits = self._speaking and answers_turn
        answers_turn = answers_turn and not waits
        asked = _Asked(now, self._speech_ended_at if answers_turn else None, waits=waits)
        self._asked[response_id] = asked
        if answers_turn:
            self._speech_ended_at = None

    def audio_came(self, response_id: str, now: float) -> None:
        """A piece of audio came from the model."""
        asked = self._asked.get(response_id)
        if asked is not None and asked.first_audio_at is None:
            asked.first_audio_at = now

    def audio_sent(self, response_id: str, now: float) -> FirstSound | None:
        """Audio left for the caller: what is measured then, if it was the first of its response."""
        asked = self._asked.pop(response_id, None)
        if asked is None or asked.first_audio_at is None:
            return None
        stages: dict[str, float] = {}
        if asked.speech_ended_at is not None:
            stages["endpointing"] = (asked.at - asked.speech_ended_at) * 1000
        stages["model"] = (asked.first_audio_at - asked.at) * 1000
        stages["pacing"] = (now - asked.first_audio_at) * 1000
        return FirstSound(
            Measured(response_id, "response", stages),
            None if asked.waits else now - asked.first_audio_at,
            None if asked.speech_ended_at is None else now - asked.speech_ended_at,
        )

    def stream_closed(self, response_id: str, delay_s: float) -> Measured | None:
        """A cancelled stream's connection is closed, ``delay_s`` after the decision."""
        self._asked.pop(response_id, None)
        if self._cancelled is None or self._cancelled[0] != response_id:
            return None
        stages, self._cancelled = self._cancelled[1], None
        return Measured(response_id, "barge_in", {**stages, "cancel": delay_s * 1000})

    def done(self, response_id: str) -> None:
        """The response is over."""
        self._asked.pop(response_id, None)
