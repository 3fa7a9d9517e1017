"""The two packages that can decode speech by a grammar, behind one face: the one with a wheel for this Python is used.

Both are by the maintainer of CMU Sphinx and score alike. SoundSwallower's own acoustic model is one for telephones,
which hears "stop" as "hello"; ``data/en-us`` is the model that pocketsphinx comes with.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

RATE_HZ: Final = 16_000
FRAMES_PER_S: Final = 100
PACKAGES: Final = ("soundswallower", "pocketsphinx")
"""In the order in which they are tried."""
MODEL: Final = Path(__file__).parent / "data" / "en-us"

_VARIANT: Final = re.compile(r"\(\d+\)")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The sentence of a grammar that fits a sound best.

    :ivar log_score: natural logarithm of how well it fits; only differences over the same sound mean anything.
    :ivar end_frame: where its last word ends, in frames of 10 ms.
    """

    text: str
    log_score: float
    end_frame: int


class Decoder(Protocol):
    """Decodes sounds by one grammar."""

    def decode(self, pcm16: bytes) -> Decoded | None:
        """The best sentence for mono PCM16 at 16 kHz, or ``None`` if none is possible."""
        ...


class Engine(Protocol):
    """One of the packages.

    :ivar dictionary: how words are pronounced: a line for each, a second pronunciation as ``word(2)``.
    """

    dictionary: Path

    def decoder(self, grammar: str, dictionary: Path, beams: dict[str, float]) -> Decoder:
        """A decoder for a grammar in JSGF.

        :param dictionary: it must hold every word of the grammar.
        :param beams: how unlikely a path may become before it is given up.
        """
        ...


def installed() -> bool:
    """Whether speech can be decoded here."""
    return any(importlib.util.find_spec(package) is not None for package in PACKAGES)


def load_engine() -> Engine:
    """The first package that is installed.

    :raises ImportError: none is.
    """
    try:
        return SoundSwallower()
    except ImportError:
        return PocketSphinx()


class SoundSwallower:
    """https://github.com/ReadAlongs/SoundSwallower"""

    def __init__(self) -> None:
        from soundswallower import get_model_path  # noqa: PLC0415 - there is no wheel for every machine

        self.dictionary = Path(get_model_path("en-us")) / "dict.txt"

    def decoder(self, grammar: str, dictionary: Path, beams: dict[str, float]) -> Decoder:
        from soundswallower import Decoder as Native  # noqa: PLC0415

        native = Native(hmm=str(MODEL), dict=str(dictionary), samprate=RATE_HZ, loglevel="FATAL", **_OPTIONS, **beams)
        native.set_jsgf_string(grammar)
        return _SoundSwallowerDecoder(native)


@dataclass(frozen=True, slots=True)
class _SoundSwallowerDecoder:
    native: Any

    def decode(self, pcm16: bytes) -> Decoded | None:
        _feed(self.native, pcm16)
        best = self.native.hyp
        if best.text is None:
            return None
        ends = (
            (segment.text, round((segment.start + segment.duration) * FRAMES_PER_S) - 1) for segment in self.native.seg
        )
        return _decoded(best.text, best.score, ends)


class PocketSphinx:
    """https://github.com/cmusphinx/pocketsphinx"""

    def __init__(self) -> None:
        from pocketsphinx import get_model_path  # noqa: PLC0415 - there is no wheel for every Python

        self._model = get_model_path("en-us/en-us")
        self.dictionary = Path(get_model_path("en-us/cmudict-en-us.dict"))

    def decoder(self, grammar: str, dictionary: Path, beams: dict[str, float]) -> Decoder:
        from pocketsphinx import Decoder as Native  # noqa: PLC0415

        native = Native(
            hmm=self._model, dict=str(dictionary), lm=None, samprate=RATE_HZ, loglevel="FATAL", **_OPTIONS, **beams
        )
        native.add_jsgf_string("grammar", grammar)
        native.activate_search("grammar")
        return _PocketSphinxDecoder(native)


@dataclass(frozen=True, slots=True)
class _PocketSphinxDecoder:
    native: Any

    def decode(self, pcm16: bytes) -> Decoded | None:
        _feed(self.native, pcm16)
        best = self.native.hyp()
        if best is None:
            return None
        return _decoded(best.hypstr, best.score, ((segment.word, segment.end_frame) for segment in self.native.seg()))


# No search for the best path through the lattice: with loops in the grammar it takes minutes.
_OPTIONS: Final = {"bestpath": False}


def _feed(native: Any, pcm16: bytes) -> None:  # noqa: ANN401 - neither package's class is one that both share
    native.start_utt()
    native.process_raw(pcm16, full_utt=True)
    native.end_utt()


def _decoded(text: str, score: float, segments: Iterable[tuple[str, int]]) -> Decoded | None:
    ends = [end for word, end in segments if not word.startswith(("<", "(", "["))]
    return Decoded(_VARIANT.sub("", text), math.log(score), max(ends)) if ends and score > 0 else None
