"""The sound of one reply: what is kept, what was sent, what was heard.

Audio is sent a bounded *lead* ahead of play-out and the rest is kept here, so that a hold needs no help of the
caller's player and the heard position is known to within the lead. Positions are samples of the item's audio; time is
an argument, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

from bargein.core.audio import BASE64_GROUP_SAMPLES, AudioFormat, slice_audio
from bargein.core.items import OutputAudio

ROUNDING_SAMPLES: Final = 0.01
"""Times are floats: a position that is short of a whole sample by less than this has reached it."""
SILENT_S: Final = 2.0
"""A player that says it is playing, and then nothing for so long, does not report."""
STOPPED_S: Final = 10.0
"""One that says it is not may have been stopped, by a hold of ours as well: it is given more time."""


class Position(Protocol):
    """How much of what was sent has been played to the caller."""

    def sent(self, sent_samples: int, now: float) -> None:
        """``sent_samples`` have left in all."""
        ...

    def begin_after(self, at: float) -> None:
        """Until then the caller plays what was sent before. Call before the first :meth:`sent`."""
        ...

    def heard(self, now: float) -> int:
        """Samples played by ``now``: never more than were sent, and never fewer than before, but for a report that is
        the first, the last, or the first after a silence.
        """
        ...

    def heard_until(self, samples: int, now: float) -> float:
        """The earliest time at which ``samples`` can have been heard, if nothing gets in the way."""
        ...


class AssumedPosition:
    """For callers who report nothing: plays in real time what has arrived, and starves when nothing has."""

    def __init__(self, rate_hz: int, played_samples: int = 0, sent_samples: int = 0, at: float | None = None) -> None:
        self._rate_hz = rate_hz
        self._sent = sent_samples
        self._played = float(played_samples)
        self._at = at

    def sent(self, sent_samples: int, now: float) -> None:
        self._advance(now)
        self._sent = sent_samples

    def begin_after(self, at: float) -> None:
        self._at = at if self._at is None else max(self._at, at)

    def heard(self, now: float) -> int:
        self._advance(now)
        return min(int(self._played + ROUNDING_SAMPLES), self._sent)

    def heard_until(self, samples: int, now: float) -> float:
        self._advance(now)
        begins = now if self._at is None else max(now, self._at)
        return begins + max(0.0, samples - self._played) / self._rate_hz

    def _advance(self, now: float) -> None:
        if self._at is not None and now > self._at:
            self._played = min(float(self._sent), self._played + (now - self._at) * self._rate_hz)
        if self._at is None or now > self._at:
            self._at = now


class ReportedPosition:
    """For ``bargein.v1`` callers: the last report, carried on by at most one report interval.

    Until the first report it assumes, as for any caller; and again when a player says no more though its caller's
    sound comes all the same, for else the reply would never go on. The next report is believed.

    :param came_at: when the caller's sound came last, in seconds. Of a line that is gone nothing is assumed.
    """

    def __init__(self, rate_hz: int, interval_s: float, came_at: Callable[[], float] = lambda: -math.inf) -> None:
        self._rate_hz = rate_hz
        self._interval_s = interval_s
        self._came_at = came_at
        self._assumed: AssumedPosition | None = AssumedPosition(rate_hz)
        self._sent = 0
        self._reported = 0
        self._reported_at = 0.0
        self._playing = False
        self._highest = 0
        self._final = False

    def sent(self, sent_samples: int, now: float) -> None:
        self._sent = sent_samples
        if self._assumed is not None:
            self._assumed.sent(sent_samples, now)

    def begin_after(self, at: float) -> None:
        if self._assumed is not None:
            self._assumed.begin_after(at)

    def report(self, samples: int, now: float, *, playing: bool, final: bool = False) -> None:
        """Take the caller's word: ``bargein.played``, or ``bargein.flushed`` (``final``), which may correct
        downwards.
        """
        if self._final:
            return
        if self._assumed is not None:
            self._highest = 0
            self._assumed = None
        samples = min(max(samples, 0), self._sent)
        self._final = final
        self._reported = samples if final else max(samples, self._reported)
        self._highest = samples if final else max(samples, self._highest)
        self._reported_at = now
        self._playing = playing and not final

    def heard(self, now: float) -> int:
        if self._assumed is not None:
            return self._assumed.heard(now)
        if self._is_silent():
            self._assumed = AssumedPosition(self._rate_hz, self._highest, self._sent, now)
            return self._highest
        heard = self._reported
        if self._playing:
            played_s = min(max(0.0, now - self._reported_at), self._interval_s)
            heard += int(played_s * self._rate_hz + ROUNDING_SAMPLES)
        self._highest = max(self._highest, min(heard, self._sent))
        return self._highest

    def heard_until(self, samples: int, now: float) -> float:
        if self._assumed is not None:
            return self._assumed.heard_until(samples, now)
        wait_s = max(0, samples - self.heard(now)) / self._rate_hz
        stalled = not self._playing or now - self._reported_at >= self._interval_s
        # Only the next report, or its absence, can move a stalled player: the first wakes us by itself.
        return now + (max(wait_s, self._interval_s) if stalled and wait_s else wait_s)

    def _is_silent(self) -> bool:
        patience_s = SILENT_S if self._playing else STOPPED_S
        return not self._final and self._came_at() - self._reported_at >= patience_s


class Playback:
    """Paces the audio of one item.

    :param lead_of: the lead, where it changes, in samples.
    :param keeps_sent: it is needed again when it has been sent.
    """

    def __init__(
        self,
        audio: OutputAudio,
        position: Position,
        *,
        lead_samples: int | None,
        slice_samples: int,
        lead_of: Callable[[], int] | None = None,
        keeps_sent: bool = True,
    ) -> None:
        self._keeps_sent = keeps_sent
        self.audio = audio
        self.position = position
        self.sent_samples = 0
        self._lead_samples = lead_samples
        self._lead_of = lead_of
        self._slice_samples = slice_samples
        self._piece = 0
        self._piece_start = 0

    def __repr__(self) -> str:
        return f"<Playback {self.progress}>"

    @property
    def progress(self) -> str:
        """For people."""
        fmt = self.format
        return f"sent {fmt.ms_of(self.sent_samples)} of {fmt.ms_of(self.audio.sample_count)} ms"

    @property
    def format(self) -> AudioFormat:
        return self.audio.format

    @property
    def backlog_samples(self) -> int:
        """Samples kept here that were not sent yet."""
        return self.audio.sample_count - self.sent_samples

    def add(self, audio: str | bytes, sample_count: int) -> None:
        """Keep a piece that the model produced."""
        self.audio.pieces.append(audio)
        self.audio.sample_count += sample_count

    def heard(self, now: float) -> int:
        return min(self.position.heard(now), self.sent_samples)

    def take(self, now: float) -> tuple[int, int, str | bytes] | None:
        """The next slice that is due: its first sample, its length in samples, its audio. ``None`` if nothing is
        due.
        """
        count = self._due_samples(now)
        if count == 0:
            return None
        piece = self.audio.pieces[self._piece]
        start = self.sent_samples - self._piece_start
        piece_samples = self.audio.samples_of(piece)
        rest = piece_samples - start
        if count >= rest:
            count = rest
            if not self._keeps_sent:
                self.audio.pieces[self._piece] = b""
            self._piece += 1
            self._piece_start += piece_samples
        elif isinstance(piece, str):
            count -= (start + count) % BASE64_GROUP_SAMPLES
        first = self.sent_samples
        self.sent_samples += count
        self.position.sent(self.sent_samples, now)
        return first, count, slice_audio(piece, start, start + count, self.format.bytes_per_sample)

    def next_due(self, now: float) -> float | None:
        """When the next slice becomes due; ``None`` while nothing is kept."""
        backlog = self.backlog_samples
        if backlog == 0:
            return None
        lead = self._lead
        if lead is None:
            return now
        wanted = self.sent_samples + min(backlog, self._slice_samples) - lead
        return self.position.heard_until(wanted, now) if wanted > 0 else now

    def heard_out_at(self, now: float) -> float:
        """The earliest time at which all that was sent can have been heard."""
        return self.position.heard_until(self.sent_samples, now)

    @property
    def _lead(self) -> int | None:
        return self._lead_samples if self._lead_of is None else self._lead_of()

    def _due_samples(self, now: float) -> int:
        wanted = min(self.backlog_samples, self._slice_samples)
        lead = self._lead
        if wanted == 0 or lead is None:
            return wanted
        room = self.heard(now) + lead - self.sent_samples
        # A sample of tolerance: timers are floats, and a slice that is short by one would be asked for again at once.
        return wanted if room >= wanted - 1 else 0
