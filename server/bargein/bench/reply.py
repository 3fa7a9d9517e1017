"""What the simulated model says: a long reply, spoken by a synthetic voice, as a model streams it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import pybase64

from bargein.bench.scene import Spoken
from bargein.bench.voices import spoken
from bargein.bench.waves import Sound, at_level, pcm16
from bargein.core.completion import AudioPiece, Finished, StreamPiece, TranscriptPiece

REPLY_DB: Final = -20.0
THINKING_S: Final = 0.3
"""From the request to the first sound."""
FASTER: Final = 2.0
"""How much faster than speech the model is."""
PIECE_SAMPLES: Final = 4_800

TEXT: Final = (
    "Of course, let me tell you about the old lighthouse on the northern coast. | "
    "It was built more than a hundred years ago, after a winter in which nine ships were lost on the rocks. | "
    "The first keeper came with his family and two goats, and he stayed for thirty one years. | "
    "Every evening he climbed the stairs, lit the lamp, and wrote down the wind and the weather in a book. | "
    "When the fog came in from the sea, his daughters took turns at the bell, four strokes a minute till morning. | "
    "Today the lamp is electric and nobody lives there any more, but the books are kept in the museum of the town. | "
    "You can read in them how many birds came in spring, what the bread cost, and when the first motor boat went by. | "
    "If you like, I can tell you how to get there, when it is open, and where you may stay for the night nearby. | "
    "The path begins behind the church, follows the wall for about two miles, and then goes down to the beach. | "
    "Take good shoes with you, and something to drink, because there is no shop between the village and the tower. "
)
"""About a minute."""


@dataclass(frozen=True, slots=True)
class Spoke:
    """A reply as its model gives it: pieces of sound, each with the words that begin in it."""

    sound: Sound
    pieces: tuple[tuple[StreamPiece, ...], ...]


@functools.lru_cache(8)
def reply_of(voice: str) -> Spoke:
    """The reply, spoken by ``voice``.

    :raises NoVoiceError: it cannot speak.
    """
    phrases = [phrase.strip() for phrase in TEXT.split("|")]
    sound = at_level(spoken(Spoken(voice, TEXT, tuple(0.35 for _ in phrases[1:]))), REPLY_DB)
    raw = pcm16(sound)
    words = " ".join(phrases).split(" ")
    count = -(-len(raw) // PIECE_SAMPLES)
    pieces: list[tuple[StreamPiece, ...]] = []
    told = 0
    for number in range(count):
        part = raw[number * PIECE_SAMPLES : (number + 1) * PIECE_SAMPLES]
        until = -(-len(words) * (number + 1) // count)
        text = "".join(f"{word} " for word in words[told:until])
        told = until
        audio = AudioPiece(pybase64.b64encode(part.astype("<i2").tobytes()).decode("ascii"), len(part))
        pieces.append((TranscriptPiece(text), audio) if text else (audio,))
    pieces.append((Finished("stop"),))
    return Spoke(sound, tuple(pieces))
