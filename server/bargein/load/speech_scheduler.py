"""A caller's voice: which message goes out next, and what was said when."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bargein.load.dialogue import Reply
from bargein.load.phrasebook import Utterance

REMEMBERED: Final = 6


@dataclass(slots=True)
class Said:
    """One sound of the caller, on two clocks."""

    utterance: Utterance
    onset_s: float
    """When the message with its first sample went out."""
    onset_ms: float
    """The same on the clock of the input audio."""
    over: Reply | None = None
    """The reply that it was to interrupt."""
    end_s: float | None = None
    """When the message with its last sample went out."""
    held_s: float | None = None
    confirmed_s: float | None = None

    @property
    def is_speech(self) -> bool:
        return self.utterance.kind in ("question", "interruption")

    @property
    def end_ms(self) -> float:
        return self.onset_ms + 1000 * self.utterance.duration_s


class SpeechScheduler:
    """Says one thing at a time, and sends the room's sound in between.

    :param room: messages that are sent round and round, beginning at ``room_start``.
    :param frame_ms: how much of the caller's sound one message holds.
    """

    def __init__(self, room: Sequence[bytes], frame_ms: int, room_start: int) -> None:
        self._room = room
        self._frame_ms = frame_ms
        self._frames = room
        self._next = room_start
        self._sent_frames = 0
        self._recent: deque[Said] = deque(maxlen=REMEMBERED)
        self.speaking: Said | None = None

    def say(self, utterance: Utterance, now_s: float, over: Reply | None = None) -> Said:
        """Begin with the message that goes out now. What was being said breaks off."""
        said = Said(utterance, now_s, self._sent_frames * self._frame_ms, over)
        self.speaking = said
        self._recent.append(said)
        self._frames, self._next = utterance.messages, 0
        return said

    def next_frame(self, now_s: float) -> bytes:
        """The message that goes out now. With the last one of an utterance its ``end_s`` is set."""
        message = self._frames[self._next]
        self._next += 1
        self._sent_frames += 1
        if self._next == len(self._frames):
            self._next = 0
            if self.speaking is not None:
                self.speaking.end_s = now_s
                self.speaking = None
                self._frames = self._room
        return message

    def said_between(self, from_ms: float, to_ms: float) -> Said | None:
        """The latest sound that overlaps this stretch of the input audio; speech goes before other sounds."""
        within = [said for said in self._recent if said.onset_ms < to_ms and said.end_ms > from_ms]
        return max(within, key=lambda said: (said.is_speech, said.onset_ms), default=None)
