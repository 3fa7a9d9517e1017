"""What of the sound that was sent to Twilio its caller has heard, by the marks that come back.

Behind every piece of sound goes a *mark*, and Twilio sends it back when all before it has been played. Between two
marks sound is played at the rate at which it was made, so the time since the last one tells the rest. In front of a
piece that follows upon silence goes a mark too: it tells when the piece begins.

A *clear* drops what is not played yet, and Twilio sends the marks of that back at once, just as if it had been heard.
The last mark, sent behind the clear, comes with them, and its time says how much was heard. All these are times of
marks that come back, as late as each other, so that the way to the caller does not matter. Until the last mark is back
nobody knows where to go on, so what is to be played after a hold waits for it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

BURST_S: Final = 0.02
"""Marks that come back so closely before the last one may be of sound that was dropped."""
CLOSE_S: Final = 0.02
"""What is sent so shortly before the sound before it is over may come when that is over."""
ALL: Final = 1 << 53
"""More samples than any item has."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound of one item, and the name of the mark behind it; without sound, the mark in front of the next."""

    response_id: str
    item_id: str
    start_sample: int
    audio: bytes
    """µ-law: a byte is a sample."""
    mark: str


@dataclass(frozen=True, slots=True)
class Heard:
    """An item was heard up to a sample."""

    response_id: str
    item_id: str
    samples: int
    playing: bool
    """More was sent."""


class MarkedPlayOut:
    """One caller's. Times are in seconds on any steady clock.

    :param rate_hz: of the sound.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._epoch = 0
        """How many clears were sent."""
        self._marks = 0
        self._sent: deque[Piece] = deque()
        """Since the last clear, and not known to be heard."""
        self._cleared: deque[Piece] = deque()
        """Sent before it: heard in part, or not at all."""
        self._returned: list[tuple[str, float]] = []
        """Marks of what was cleared that have come back since, and when."""
        self.waits = False
        """What was heard before the last clear is not known yet."""
        self.resumes = False
        """What was cleared is to be sent again as soon as that is known."""
        self._behind: deque[Piece] = deque()
        """What is to be sent behind it, and was not sent yet."""
        self._ends_at = 0.0
        """When what was sent would be over, if it were played as soon as it is sent: at Twilio's it is as much later as
        the way there takes."""
        self._marked_at: float | None = None
        """When the last mark came back; what is behind it is played since."""

    def send(self, response_id: str, item_id: str, start_sample: int, audio: bytes, now: float) -> list[Piece]:
        """What to send for a piece of sound: each piece, if it has sound, then its mark. Nothing yet, while a hold is
        over and it is not known what was heard before it.
        """
        if self.resumes:
            self._behind.append(Piece(response_id, item_id, start_sample, audio, ""))
            return []
        out: list[Piece] = []
        follows = bool(self._sent) and now < self._ends_at - CLOSE_S
        self._ends_at = max(self._ends_at, now) + len(audio) / self._rate_hz
        for samples in (audio,) if follows else (b"", audio):
            self._marks += 1
            piece = Piece(response_id, item_id, start_sample, samples, f"{self._epoch}.{self._marks}")
            self._sent.append(piece)
            out.append(piece)
        return out

    def clear(self, now: float) -> str | None:
        """Twilio is to drop what it has not played. Returns the mark to send behind that; ``None``: nothing was sent
        since the last one.
        """
        if self.resumes:
            self.resumes = False
            return None
        if self.waits:
            self._settle(now)
        self._epoch += 1
        self._cleared.extend(self._sent)
        self._sent.clear()
        self._ends_at = now
        self.waits = True
        return self._last

    def resend(self, now: float) -> list[Piece]:
        """A hold is over. What to send again: what was cleared and not heard; nothing before that is known, see
        :meth:`resume`.
        """
        self.resumes = True
        return self.resume(now)

    def resume(self, now: float) -> list[Piece]:
        """What has waited until it is known where to go on, if it is now."""
        if self.waits or not self.resumes:
            return []
        self.resumes = False
        again, self._cleared, self._behind = [*self._cleared, *self._behind], deque(), deque()
        out: list[Piece] = []
        for piece in again:
            if piece.audio:
                out += self.send(piece.response_id, piece.item_id, piece.start_sample, piece.audio, now)
        return out

    def stop_waiting(self, now: float) -> Heard | None:
        """The last mark does not come back: what may have been played was heard."""
        return self._settle(now) if self.waits else None

    def drop(self, item_id: str) -> int:
        """What was cleared of an item will never be played. Returns how many samples of it were heard."""
        unheard = (*self._cleared, *self._behind)
        heard = next((piece.start_sample for piece in unheard if piece.item_id == item_id), ALL)
        self._cleared = deque(piece for piece in self._cleared if piece.item_id != item_id)
        self._behind = deque(piece for piece in self._behind if piece.item_id != item_id)
        return heard

    def mark(self, name: str, now: float) -> Heard | None:
        """A mark has come back. Returns what is known by it of what was heard, if that is something."""
        if any(piece.mark == name for piece in self._sent):
            return self._played(self._sent, name, now)
        if not self.waits:
            return None
        if name == self._last:
            return self._settle(now)
        if any(piece.mark == name for piece in self._cleared):
            self._returned.append((name, now))
        return None

    @property
    def _last(self) -> str:
        return f"{self._epoch}.last"

    def _played(self, pieces: deque[Piece], name: str, now: float) -> Heard:
        """All before a mark has been played."""
        piece = pieces.popleft()
        while piece.mark != name:
            piece = pieces.popleft()
        self._marked_at = now
        return Heard(piece.response_id, piece.item_id, piece.start_sample + len(piece.audio), bool(pieces))

    def _settle(self, now: float) -> Heard | None:
        """What was cleared has been heard up to ``now``, and no further."""
        self.waits = False
        returned, self._returned = self._returned, []
        heard: Heard | None = None
        for name, at in returned:
            if now - at > BURST_S and any(piece.mark == name for piece in self._cleared):
                heard = replace(self._played(self._cleared, name, at), playing=False)
        rest = 0 if self._marked_at is None else max(0, round((now - self._marked_at) * self._rate_hz))
        self._marked_at = None
        while self._cleared:
            piece = self._cleared[0]
            samples = min(rest, len(piece.audio))
            start = piece.start_sample + samples
            heard = Heard(piece.response_id, piece.item_id, start, playing=False)
            if samples < len(piece.audio):
                self._cleared[0] = replace(piece, start_sample=start, audio=piece.audio[samples:])
                break
            rest -= samples
            self._cleared.popleft()
        return heard
