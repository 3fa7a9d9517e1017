"""The caller's side of a call that is played from a file, and the call as it was heard, as a file."""

from __future__ import annotations

import random
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bargein.core.audio import PCM16_24K
from bargein.load.errors import UsageError
from bargein.load.listener import Span
from bargein.load.marks import Mark, find_speech
from bargein.sound.files import read_mono
from bargein.sound.wav import NotWavError

RATE_HZ: Final = PCM16_24K.rate_hz
LONGEST_EXTRA_PAUSE_S: Final = 0.6


@dataclass(frozen=True, slots=True)
class Recording:
    """What the caller says: PCM16 mono, 24 kHz, and where in it there is speech."""

    audio: bytes
    marks: tuple[Mark, ...]

    @property
    def duration_s(self) -> float:
        return len(self.audio) / 2 / RATE_HZ

    @classmethod
    def of(cls, audio: bytes) -> Recording:
        return cls(audio, tuple(find_speech(np.frombuffer(audio, np.int16), RATE_HZ)))

    def with_longer_pauses(self, seed: int) -> Recording:
        """The same speech with up to 600 ms more silence before each stretch but the first, drawn from ``seed``.

        So the same recording interrupts at another word in each run.
        """
        draw = random.Random(seed)  # noqa: S311  # a repeatable draw, no secret
        pieces: list[bytes] = []
        marks: list[Mark] = []
        copied = 0
        added_s = 0.0
        for index, mark in enumerate(self.marks):
            if index:
                before = (self.marks[index - 1].end_s + mark.onset_s) / 2
                cut = 2 * int(before * RATE_HZ)
                extra = int(draw.uniform(0, LONGEST_EXTRA_PAUSE_S) * RATE_HZ)
                pieces += [self.audio[copied:cut], bytes(2 * extra)]
                copied, added_s = cut, added_s + extra / RATE_HZ
            marks.append(Mark(mark.onset_s + added_s, mark.end_s + added_s))
        pieces.append(self.audio[copied:])
        return Recording(b"".join(pieces), tuple(marks))


def write_heard(
    path: Path, caller: bytes, spans: Sequence[Span], audio: Mapping[str, Sequence[bytes]], began_s: float
) -> None:
    """Write a call as a stereo WAV of 24 kHz: the caller on the left, on the right what the caller heard.

    :param caller: PCM16 as it was sent, from ``began_s`` on.
    :param audio: PCM16 of each item, as it was received; ``spans`` say which of it was heard, and when.
    :raises OSError: the file cannot be written.
    """
    starts = [round((span.start_s - began_s) * RATE_HZ) for span in spans]
    ends = [start + span.sample_count for start, span in zip(starts, spans, strict=True)]
    sound: npt.NDArray[np.int16] = np.zeros((max([len(caller) // 2, *ends]), 2), np.int16)
    sound[: len(caller) // 2, 0] = np.frombuffer(caller, np.int16)
    items = {item_id: np.frombuffer(b"".join(pieces), np.int16) for item_id, pieces in audio.items()}
    for start, end, span in zip(starts, ends, spans, strict=True):
        sound[start:end, 1] = items[span.item_id][span.start_sample : span.start_sample + span.sample_count]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(sound.tobytes())


def read_recording(path: Path) -> Recording:
    """Read any WAV as PCM16 mono, 24 kHz.

    :raises UsageError: there is no such file, or it is no WAV that can be read; the message names it.
    """
    return Recording.of(read_samples(path).tobytes())


def read_samples(path: Path) -> npt.NDArray[np.int16]:
    """The same as samples.

    :raises UsageError: as :func:`read_recording`.
    """
    try:
        samples = read_mono(path, RATE_HZ)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except NotWavError as error:
        raise UsageError(f"{path}: {error}") from None
    if samples.size == 0:
        raise UsageError(f"{path}: the file holds no sound")
    return samples
