"""What the caller's loudspeaker plays, in step with what the microphone hears."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.core.items import OutputAudio
from bargein.session.measures import pcm16
from bargein.sound.resample import resample

AHEAD_MS: Final = 100
"""A caller's player may be so much ahead of our estimate."""
SLACK_MS: Final = 60
"""Our estimate moves in steps, by the network and by reports; the loudspeaker does not. Where it is further away than
that, something has happened: another reply, a pause.
"""
LONGEST_DELAY_MS: Final = 1_500


class FarEnd:
    """Follows the replies of one caller.

    :param rate_hz: of the sound that is given, that of the microphone.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._ahead = AHEAD_MS * rate_hz // 1000
        self._slack = SLACK_MS * rate_hz // 1000
        self._line = np.zeros((LONGEST_DELAY_MS + AHEAD_MS) * rate_hz // 1000, np.float32)
        """What was played; its end is what will be, :data:`AHEAD_MS` from now."""
        self._audio: OutputAudio | None = None
        self._at = 0
        """The next sample of it."""
        self._piece = 0
        self._piece_start = 0
        self._sound: npt.NDArray[np.float32] | None = None
        """The piece, at our rate, where it was needed."""

    def advance(self, count: int, playing: tuple[OutputAudio, int] | None) -> bool:
        """So many samples of the microphone have come.

        :param playing: the sound that the loudspeaker plays, and which sample of it, by what is known.
        :returns: whether it is another sound, or has moved by more than time has.
        """
        line = self._line
        line[:-count] = line[count:]
        if playing is None:
            self._audio = None
            line[-count:] = 0.0
            return False
        audio, heard = playing
        target = heard * self._rate_hz // audio.format.rate_hz + self._ahead
        if audio is self._audio and abs(self._at + count - target) <= self._slack:
            line[-count:] = self._take(self._at, count)
            return False
        if audio is not self._audio:
            self._audio = audio
            self._rewind()
        start = max(0, target - self._ahead - count)
        line[len(line) - (target - start) :] = self._take(start, target - start)
        return True

    def played(self, delay_ms: float, count: int) -> npt.NDArray[np.float32]:
        """The newest ``count`` samples whose echo, by that delay, comes now."""
        back = min(max(round((delay_ms + AHEAD_MS) * self._rate_hz / 1000), 0), len(self._line) - count)
        end = len(self._line) - back
        return self._line[end - count : end].copy()

    def _take(self, start: int, count: int) -> npt.NDArray[np.float32]:
        """Samples of the reply, silence where it has none."""
        found = np.zeros(count, np.float32)
        if start < self._piece_start:
            self._rewind()
        filled = 0
        audio = self._audio
        while audio is not None and filled < count and self._piece < len(audio.pieces):
            at = start + filled - self._piece_start
            length = self._samples_of(audio.pieces[self._piece], audio)
            if at >= length:
                if self._piece == len(audio.pieces) - 1:
                    break
                self._piece_start += length
                self._piece += 1
                self._sound = None
                continue
            if self._sound is None:
                self._sound = _at_rate(audio.pieces[self._piece], audio, self._rate_hz, length)
            part = self._sound[at : at + count - filled]
            found[filled : filled + len(part)] = part
            filled += len(part)
        self._at = start + count
        return found

    def _samples_of(self, piece: str | bytes, audio: OutputAudio) -> int:
        if self._sound is not None:
            return len(self._sound)
        return audio.samples_of(piece) * self._rate_hz // audio.format.rate_hz

    def _rewind(self) -> None:
        self._piece = self._piece_start = 0
        self._sound = None


def _at_rate(piece: str | bytes, audio: OutputAudio, rate_hz: int, count: int) -> npt.NDArray[np.float32]:
    samples = pcm16([piece], audio.format)
    if audio.format.rate_hz != rate_hz:
        samples = resample(samples, audio.format.rate_hz, rate_hz)
    sound = np.zeros(count, np.float32)
    sound[: min(count, len(samples))] = samples[:count]
    return sound
