"""Which voice speaks: the names of the Chat Completions API, each a little different."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker.

    :ivar espeak: voice and variant of ``espeak-ng``.
    :ivar pitch: 0 to 99, 50 is the variant's own.
    :ivar words_per_minute: in the middle; single clauses are spoken faster and slower.
    :ivar bank_speed: how fast the recorded bank is played for this voice. Its pitch goes with it.
    """

    name: str
    espeak: str
    pitch: int
    words_per_minute: int
    bank_speed: float


VOICES: Final = {
    voice.name: voice
    for voice in (
        Voice("alloy", "en-us", 45, 145, 1.0),
        Voice("echo", "en-us+m3", 40, 142, 0.93),
        Voice("fable", "en-gb", 52, 142, 1.05),
        Voice("onyx", "en-us+m1", 22, 138, 0.87),
        Voice("nova", "en-us+f3", 55, 150, 1.12),
        Voice("shimmer", "en-us+f2", 70, 148, 1.18),
    )
}
_IN_ORDER: Final = tuple(VOICES.values())


def voice_called(name: str) -> Voice:
    """The voice of that name; any other name always gets the same one of the six."""
    return VOICES.get(name) or _IN_ORDER[zlib.crc32(name.encode()) % len(_IN_ORDER)]
