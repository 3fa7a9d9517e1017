"""Speech with the place of every word in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from bargein.core.audio import PCM16_24K
from bargein.demo.clauses import Clause, split_clauses
from bargein.demo.voices import Voice

Samples = npt.NDArray[np.int16]

RATE_HZ: Final = PCM16_24K.rate_hz


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word and its place: samples at 24 kHz, from the first that belongs to it to the one behind its last."""

    text: str
    start_samples: int
    end_samples: int

    def moved(self, by_samples: int) -> SpokenWord:
        return replace(self, start_samples=self.start_samples + by_samples, end_samples=self.end_samples + by_samples)

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "start_samples": self.start_samples, "end_samples": self.end_samples}


@dataclass(frozen=True, slots=True)
class Clip:
    """Spoken words: mono PCM16 at 24 kHz, words counted from its first sample."""

    samples: Samples
    words: tuple[SpokenWord, ...]


class Speaker(Protocol):
    """Turns clauses into sound."""

    name: str

    def sayable(self, text: str) -> str:
        """What will really be said for a text. It may have to leave things out, and says so."""

    async def speak(self, clause: Clause, voice: Voice) -> Clip:
        """Speak one clause of a sayable text, without the pause behind it. Cancelling abandons it."""


async def spoken(text: str, voice: Voice, speaker: Speaker) -> AsyncIterator[Clip]:
    """Speak a sayable text, clause by clause with its pauses; the next clause is made while one is being used."""
    clauses = split_clauses(text)
    tasks = [asyncio.create_task(speaker.speak(clause, voice)) for clause in clauses[:1]]
    try:
        for index, clause in enumerate(clauses):
            if index + 1 < len(clauses):
                tasks.append(asyncio.create_task(speaker.speak(clauses[index + 1], voice)))
            clip = await tasks[index]
            pause = np.zeros(PCM16_24K.samples_in_ms(clause.pause_ms), np.int16)
            yield Clip(np.concatenate((clip.samples, pause)), clip.words)
    finally:
        for task in tasks:
            task.cancel()


async def speak_whole(text: str, voice: Voice, speaker: Speaker) -> Clip:
    """Speak a sayable text into one clip."""
    pieces: list[Samples] = []
    words: list[SpokenWord] = []
    length = 0
    async for clip in spoken(text, voice, speaker):
        pieces.append(clip.samples)
        words.extend(word.moved(length) for word in clip.words)
        length += len(clip.samples)
    return Clip(np.concatenate(pieces) if pieces else np.zeros(0, np.int16), tuple(words))
