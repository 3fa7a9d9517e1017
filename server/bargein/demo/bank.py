"""Speech from the recorded bank: whole clauses as they were recorded, other sentences word by word."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import numpy as np

from bargein.demo.clauses import Clause, bare, bare_words, split_clauses
from bargein.demo.phrases import CANNOT_SAY
from bargein.demo.speech import RATE_HZ, Clip, Samples, SpokenWord
from bargein.demo.voices import Voice
from bargein.sound.files import length, read
from bargein.sound.resample import resample

JOIN_MS: Final = 35
"""Silence between two pieces that were recorded apart."""
BLOCK_SAMPLES: Final = 505
"""What sox makes of a block of 256 bytes of IMA ADPCM."""
_FADE_MS: Final = 4
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One clause of the bank: where it begins, and each word's first and last sample in it, at the bank's rate."""

    words: tuple[str, ...]
    first_block: int
    spans: tuple[tuple[int, int], ...]


class BankSpeaker:
    """Speaks without any other program.

    :param sound: a WAV file of the clips, one after another, each beginning with a block.
    :param index: what :mod:`bargein.demo.make_bank` wrote beside it.
    """

    name = "bank"

    def __init__(self, sound: bytes, index: dict[str, Any]) -> None:
        self._sound = sound
        self._rate_hz = length(sound).rate_hz
        self._clauses: dict[tuple[str, ...], Recorded] = {}
        self._at: dict[str, list[tuple[Recorded, int]]] = {}
        for clip in index["clips"]:
            spans = tuple((start, end) for start, end in clip["words"])
            words = tuple(bare(word) for word in clip["text"].split(" "))
            recorded = Recorded(words, clip["first_block"], spans)
            self._clauses[words] = recorded
            for place, word in enumerate(words):
                self._at.setdefault(word, []).append((recorded, place))

    def sayable(self, text: str) -> str:
        """The text, with each sentence that has an unknown word replaced by an apology."""
        said: list[str] = []
        for sentence in _SENTENCE.split(text.strip()):
            can = all(word in self._at for word in bare_words(sentence))
            if can or said[-1:] != [CANNOT_SAY]:
                said.append(sentence if can else CANNOT_SAY)
        return " ".join(said)

    async def speak(self, clause: Clause, voice: Voice) -> Clip:
        """Speak one clause. Its speed is that of the recording.

        :raises KeyError: a word is not in the bank.
        """
        return await asyncio.to_thread(self._say, clause.words, voice)

    def _say(self, words: list[str], voice: Voice) -> Clip:
        pieces: list[Samples] = []
        spoken: list[SpokenWord] = []
        length = 0
        for recorded, first, count in self._pieces([bare(word) for word in words]):
            if pieces:
                gap = np.zeros(JOIN_MS * RATE_HZ // 1000, np.int16)
                pieces.append(gap)
                length += len(gap)
            clip = self._cut(recorded, first, count, voice, words[len(spoken) : len(spoken) + count])
            pieces.append(clip.samples)
            spoken += [word.moved(length) for word in clip.words]
            length += len(clip.samples)
        return Clip(np.concatenate(pieces), tuple(spoken))

    def _pieces(self, words: list[str]) -> Iterator[tuple[Recorded, int, int]]:
        """Cover the words by the longest runs that were recorded: the clause, its first word, how many."""
        at = 0
        while at < len(words):
            recorded, first, count = max(
                (
                    (candidate, place, _run_length(words[at:], candidate.words[place:]))
                    for candidate, place in self._at[words[at]]
                ),
                key=lambda run: (run[2], len(run[0].words) == run[2]),
            )
            yield recorded, first, count
            at += count

    def _cut(self, recorded: Recorded, first: int, count: int, voice: Voice, words: list[str]) -> Clip:
        played_hz = round(self._rate_hz * voice.bank_speed)
        spans = recorded.spans[first : first + count]
        start, end = spans[0][0], spans[-1][1]
        sound = read(self._sound, recorded.first_block * BLOCK_SAMPLES + start, end - start).mono
        samples = _faded(resample(sound, played_hz, RATE_HZ))

        def place(at: int) -> int:
            return min(round((at - start) * RATE_HZ / played_hz), len(samples))

        return Clip(samples, tuple(SpokenWord(w, place(a), place(b)) for w, (a, b) in zip(words, spans, strict=True)))


def _run_length(wanted: list[str], recorded: tuple[str, ...]) -> int:
    length = 0
    for one, other in zip(wanted, recorded, strict=False):
        if one != other:
            break
        length += 1
    return length


def _faded(samples: Samples) -> Samples:
    """Without a click at either end."""
    count = min(_FADE_MS * RATE_HZ // 1000, len(samples) // 2)
    if not count:
        return samples
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    faded = samples.astype(np.float32)
    faded[:count] *= ramp
    faded[-count:] *= ramp[::-1]
    return faded.astype(np.int16)


def load_bank() -> BankSpeaker:
    """The bank that ships with the package."""
    data = resources.files("bargein.demo") / "data"
    return BankSpeaker((data / "phrases.wav").read_bytes(), json.loads((data / "phrases.json").read_text("utf-8")))


def clauses_of(texts: tuple[str, ...]) -> list[Clause]:
    """The clauses of many texts, each only once."""
    found = {tuple(bare_words(clause.text)): clause for text in texts for clause in split_clauses(text)}
    return list(found.values())
