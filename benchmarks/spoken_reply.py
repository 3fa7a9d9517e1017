"""Replies whose words are known to the sample, cut everywhere: what the model would be told, and what was heard."""

from __future__ import annotations

from dataclasses import dataclass

from bargein.alignment.heard_words import Transcript
from bargein.core.audio import PCM16_24K, AudioFormat, Encoding
from bargein.demo.speech import Clip
from bargein.session.measures import NumpyMeasures
from bargein.sound.g711 import pcm16_to_ulaw
from bargein.sound.resample import resample

PIECE_MS = 100
FIRST_CUT_MS = 500


@dataclass(slots=True)
class Mismatches:
    """Of replies that were cut: how many, and of how many the model is told too many words or too few."""

    cuts: int = 0
    over: int = 0
    under: int = 0

    def __add__(self, other: Mismatches) -> Mismatches:
        return Mismatches(self.cuts + other.cuts, self.over + other.over, self.under + other.under)


def cut_everywhere(clip: Clip, fmt: AudioFormat, *, pace: float, ahead_s: float, every_ms: int) -> Mismatches:
    """Cut a reply at many places, each time as it had arrived by then.

    :param pace: of the model, a multiple of real time.
    :param ahead_s: sound that had arrived when the first was heard.
    """
    sound = clip.samples if fmt is PCM16_24K else resample(clip.samples, PCM16_24K.rate_hz, fmt.rate_hz)
    raw = pcm16_to_ulaw(sound) if fmt.encoding is Encoding.PCMU else sound.astype("<i2").tobytes()
    found = Mismatches()
    for cut_ms in range(FIRST_CUT_MS, fmt.ms_of(len(sound)), every_ms):
        heard_samples = fmt.samples_in_ms(cut_ms)
        arrived = min(len(sound), fmt.samples_in_ms((cut_ms * pace + ahead_s * 1000) // PIECE_MS * PIECE_MS))
        transcript = _transcript(clip, fmt, arrived)
        curve = NumpyMeasures().speech_curve([raw[: fmt.bytes_of(arrived)]], fmt)
        count = transcript.heard_characters(heard_samples, arrived, finished=arrived == len(sound), curve=curve)
        told = len(transcript.text[:count].split())
        at = cut_ms * PCM16_24K.rate_hz // 1000
        begun = sum(word.start_samples < at for word in clip.words)
        ended = sum(word.end_samples <= at for word in clip.words)
        found += Mismatches(1, told > begun, told < ended)
    return found


def _transcript(clip: Clip, fmt: AudioFormat, arrived: int) -> Transcript:
    """Every word a little ahead of its sound; the last with the end of it."""
    transcript = Transcript(fmt.rate_hz)
    for word in clip.words:
        needed_ms = max(0, PCM16_24K.ms_of(word.start_samples) - 1500) // PIECE_MS * PIECE_MS
        if fmt.samples_in_ms(needed_ms) <= arrived:
            transcript.add(f"{word.text} ", fmt.samples_in_ms(needed_ms))
    return transcript
