"""What a scene is: who makes which sound when, and what a good server would do about it.

A scene is a small value; its sound is made where it is run.
"""

from __future__ import annotations

import enum
import zlib
from dataclasses import dataclass
from typing import Literal

Set = Literal["tune", "report"]
"""What may be tuned on, and what only tells how good it has become."""
Client = Literal["plain", "bargein.v1"]
Channel = Literal["wide", "telephone", "clipped"]


class Wanted(enum.Enum):
    """What a good server does."""

    YIELD = "yield"
    """The caller wants to speak: the reply stops."""
    SURVIVE = "survive"
    """It is nothing: the reply is heard to its end."""
    QUIET = "quiet"
    """Nobody speaks, and it is nothing: no turn begins."""
    TURN = "turn"
    """Nobody speaks, and the caller does: a turn begins."""
    ONE_TURN = "one turn"
    """The caller pauses within a turn: it is answered once, when it is over."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words by a synthetic voice.

    :param pauses: silences after its phrases, in seconds; the words are phrases, parted by ``|``.
    """

    voice: str
    words: str
    pauses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A sound made by calculation: one of :data:`bargein.bench.made.MAKERS`."""

    what: str
    seed: int
    seconds: float = 0.0
    """Of what has no length of its own."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file of somebody's.

    :param onset_s: first sample of what it is about; ``None``: by its level.
    :param from_s: where in the file to begin, of what is long.
    """

    path: str
    onset_s: float | None = None
    seconds: float | None = None
    from_s: float = 0.0
    words: str | None = None


Source = Spoken | Made | Recorded


@dataclass(frozen=True, slots=True)
class Echo:
    """What the caller's microphone hears of its loudspeaker.

    :param room: ``walls:SECONDS``, or a file with an impulse response.
    :param level_db: beside what is played.
    """

    room: str
    level_db: float
    delay_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One call.

    :param family: which row of the summary it belongs to; ``kind`` is the finer row.
    :param sound: what happens; ``None``: nothing but the background.
    :param at_s: when it begins.
    :param level_db: how loud it is where it is active, below full scale.
    :param noise: behind it, from the beginning of the call.
    :param snr_db: how far the noise is below ``level_db``.
    :param reply: the voice of the agent who speaks meanwhile; ``None``: it is silent.
    :param seconds: how long the call is.
    """

    name: str
    family: str
    kind: str
    wanted: Wanted
    set: Set
    sound: Source | None
    at_s: float
    level_db: float
    seconds: float
    reply: str | None
    client: Client = "plain"
    channel: Channel = "wide"
    noise: Source | None = None
    snr_db: float = 0.0
    room_db: float = -65.0
    echo: Echo | None = None
    language: str = "en"
    turn_detection: str = "server_vad"
    detection: tuple[tuple[str, str | int], ...] = ()
    """Fields of it that the caller sets."""
    answered: bool = False
    """The agent, who is silent, answers what it hears."""

    @property
    def words(self) -> str | None:
        """What a recogniser without fault would write of it: empty where nobody speaks, ``None`` where nobody knows."""
        match self.sound:
            case Spoken(words=words):
                return words.replace("|", " ")
            case Recorded(words=words):
                return words
            case _:
                return ""


def set_of(*what: object) -> Set:
    """A third of everything is for reporting only, always the same: by what it is."""
    return "report" if zlib.crc32(repr(what).encode()) % 3 == 0 else "tune"
