"""What the agent has just said, as the caller's microphone may hear it: the sound that an echo is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bargein.core.audio import AudioFormat
from bargein.core.playback import Playback

AHEAD_S: Final = 0.2
"""How far ahead of our estimate a caller's player may be."""
LATE_S: Final = 1.0
"""How long after its end an echo may still come: the network, the player and the room."""
COMPARED_MS: Final = 500
"""At least so much of the caller's sound is compared: mere evidence of speech is shorter."""
BEFORE_S: Final = 0.45
"""Silence before a reply: what is heard may begin so much before the first sample of its echo. With
less to compare than is left of it then, any sound is alike: a few samples of a filter can be made to fit.
"""
BEHIND_S: Final = 0.1
"""Silence behind, where it ends before what is heard does."""


@dataclass(frozen=True, slots=True)
class Said:
    """Sound in the order in which it was played, with the silence around it."""

    pieces: list[str | bytes]
    format: AudioFormat
    ends_s: float
    """When the last of it is heard, by our estimate, in seconds from now."""


class Sayings:
    """Remembers the newest reply beyond its end."""

    def __init__(self) -> None:
        self._last: Playback | None = None
        self._ended_at = 0.0

    def ended(self, playback: Playback, now: float) -> None:
        """It was heard out, or is being stopped at the caller's."""
        self._last = playback
        self._ended_at = now

    def around(self, sounding: Playback | None, now: float, reach_s: float) -> Said | None:
        """What the caller may hear right now, and may have heard in the last ``reach_s``; no more than that.

        :param sounding: the reply that is being heard, if one is.
        """
        last, ended_s = self._last, now - self._ended_at
        if ended_s > reach_s + LATE_S:
            self._last = last = None
        if sounding is None or not sounding.sent_samples:
            if last is None or ended_s > LATE_S:
                return None
            left_s = reach_s - ended_s
            return _padded(_before_end(last, left_s), last.format, ended_s, 0.0, whole=_lasts(last) <= left_s)
        heard, fmt = sounding.heard(now), sounding.format
        begun_s = heard / fmt.rate_hz
        stop = min(sounding.sent_samples, heard + _samples(fmt, AHEAD_S))
        pieces = sounding.audio.stretch(heard - _samples(fmt, reach_s), stop)
        whole = begun_s <= reach_s
        if last is not None and last is not sounding and last.format == fmt and begun_s < reach_s:
            gap_s = max(0.0, ended_s - begun_s)
            left_s = reach_s - begun_s - gap_s
            pieces = [*_before_end(last, left_s), fmt.silence(_samples(fmt, gap_s)), *pieces]
            whole = _lasts(last) <= left_s
        return _padded(pieces, fmt, 0.0, (stop - heard) / fmt.rate_hz, whole=whole)


def _before_end(playback: Playback, duration_s: float) -> list[str | bytes]:
    sent = playback.sent_samples
    return playback.audio.stretch(sent - _samples(playback.format, max(0.0, duration_s)), sent)


def _lasts(playback: Playback) -> float:
    return playback.sent_samples / playback.format.rate_hz


def _padded(pieces: list[str | bytes], fmt: AudioFormat, since_s: float, ahead_s: float, *, whole: bool) -> Said:
    """``whole``: it begins with a reply's beginning, before which there was silence."""
    behind = fmt.silence(_samples(fmt, BEHIND_S + since_s))
    before = [fmt.silence(_samples(fmt, BEFORE_S))] if whole else []
    return Said([*before, *pieces, behind], fmt, ahead_s + BEHIND_S)


def _samples(fmt: AudioFormat, duration_s: float) -> int:
    return int(duration_s * fmt.rate_hz)
