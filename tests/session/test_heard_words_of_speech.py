"""Which words of real replies were heard: cut at every half second, by voices and formats."""

from __future__ import annotations

import pytest
from benchmarks.spoken_reply import Mismatches, cut_everywhere

from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat, Encoding
from bargein.demo.bank import load_bank
from bargein.demo.phrases import LIGHTHOUSE, PARROT
from bargein.demo.speech import speak_whole
from bargein.demo.voices import VOICES

FORMATS = [PCM16_24K, AudioFormat(Encoding.PCM16, 16_000), AudioFormat(Encoding.PCM16, 48_000), PCMU_8K]


async def mismatches(text: str, voice: str, fmt: AudioFormat, pace: float) -> Mismatches:
    clip = await speak_whole(text, VOICES[voice], load_bank())
    return cut_everywhere(clip, fmt, pace=pace, ahead_s=1.0, every_ms=500)


@pytest.mark.parametrize("fmt", FORMATS, ids=["pcm16", "16 kHz", "48 kHz", "pcmu"])
@pytest.mark.parametrize("voice", ["onyx", "shimmer"])
async def test_the_words_that_are_told_are_those_that_were_heard(voice: str, fmt: AudioFormat) -> None:
    found = await mismatches(PARROT, voice, fmt, pace=1.5)
    assert found.cuts > 60
    assert found.over <= 0.02 * found.cuts
    assert found.under <= 0.05 * found.cuts


async def test_a_minute_is_followed_to_its_end() -> None:
    """Nothing adds up on the way: the last words are as sure as the first."""
    found = await mismatches(LIGHTHOUSE, "alloy", PCM16_24K, pace=1.5)
    assert found.cuts > 120
    assert found.over <= 0.02 * found.cuts
    assert found.under <= 0.03 * found.cuts


async def test_a_model_that_speaks_in_real_time_is_followed_too() -> None:
    found = await mismatches(PARROT, "nova", PCM16_24K, pace=1.0)
    assert found.over <= 0.05 * found.cuts
    assert found.under <= 0.05 * found.cuts
