"""Free speech through the ``espeak-ng`` program, and how the place of each word is measured.

The program is run, never loaded: its library is under the GPL.

It tells nobody where its words begin. But a change of the speaking rate (SSML ``prosody``) takes effect exactly at a
word and puts no break there, while a change of volume does. So each clause is rendered once as it is, and once more for
each word with everything from that word on at another rate: the first sample that differs is where the word begins.

In some voices of espeak-ng 1.52 a change of rate, wherever it is, may also alter the breath in all of the clause. Such
a rendering differs from the plain one too early, but not from others of its kind: each is compared with several, and
the latest of the differences counts, for none can come after the word.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import subprocess
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from bargein.demo.clauses import Clause
from bargein.demo.speech import RATE_HZ, Clip, Samples, SpokenWord
from bargein.demo.voices import Voice
from bargein.errors import BargeinError
from bargein.sound.files import read
from bargein.sound.resample import resample

QUIET: Final = 30
"""A sample below this is no speech: espeak-ng renders its pauses as exact zeros, and tails below it."""
SHORTEST_MS_PER_LETTER: Final = 13
"""No word is spoken faster. Its end counts as one letter."""
CACHE_SAMPLES: Final = 24_000 * 60 * 8
_RUNS: Final = 2
_PROBE_RATE: Final = "70%"
"""Slower, not faster: then even the closure before a "t" grows, and the difference begins with the word."""
_OTHER_RATE: Final = "80%"
"""For the last word, behind which no other begins that it could be compared with."""
_TIMEOUT_S: Final = 20.0


class EspeakError(BargeinError):
    """``espeak-ng`` could not be run, or said nothing."""


class EspeakSpeaker:
    """Speaks anything. Clauses that were spoken lately are kept.

    :param program: path of ``espeak-ng``.
    """

    name = "espeak-ng"

    def __init__(self, program: str) -> None:
        self._program = program
        self._runs = ThreadPoolExecutor(_RUNS, thread_name_prefix="espeak")
        self._clauses = ThreadPoolExecutor(_RUNS, thread_name_prefix="clause")
        self._cache: OrderedDict[tuple[str, str, int], Clip] = OrderedDict()
        self._cached_samples = 0

    def sayable(self, text: str) -> str:
        return text

    async def speak(self, clause: Clause, voice: Voice) -> Clip:
        words_per_minute = round(voice.words_per_minute * clause.speed)
        key = (clause.text, voice.name, words_per_minute)
        if (known := self._cache.get(key)) is not None:
            self._cache.move_to_end(key)
            return known
        loop = asyncio.get_running_loop()
        clip = await loop.run_in_executor(self._clauses, self.render, clause.words, voice, words_per_minute)
        self._keep(key, clip)
        return clip

    def _keep(self, key: tuple[str, str, int], clip: Clip) -> None:
        if key in self._cache:
            return
        self._cache[key] = clip
        self._cached_samples += len(clip.samples)
        while self._cached_samples > CACHE_SAMPLES:
            _, oldest = self._cache.popitem(last=False)
            self._cached_samples -= len(oldest.samples)

    def render(self, words: list[str], voice: Voice, words_per_minute: int) -> Clip:
        """Speak one clause and measure its words. Blocks for some 10 ms a word.

        :raises EspeakError: the program failed.
        """
        command = (
            self._program, "-m", "--stdout", "-v", voice.espeak, "-s", str(words_per_minute), "-p", str(voice.pitch),
        )  # fmt: skip
        probes = [(0, _PROBE_RATE), *((at, _PROBE_RATE) for at in range(1, len(words)))]
        renders = list(
            self._runs.map(lambda probe: _run(command, _ssml(words, *probe)), (*probes, (len(words) - 1, _OTHER_RATE)))
        )
        whole, rate_hz = renders[0]
        if not np.any(np.abs(whole) >= QUIET):
            raise EspeakError(f"espeak-ng said nothing for {' '.join(words)!r}")
        loud = np.flatnonzero(np.abs(whole.astype(np.int32)) >= QUIET)
        found = [int(loud[0]), *beginnings([samples for samples, _ in renders])]
        end = int(loud[-1]) + 1
        starts = filled_in(trusted(found, words, end, SHORTEST_MS_PER_LETTER * rate_hz // 1000), words, end)
        return _clip(whole, rate_hz, starts, words)


def find_espeak() -> EspeakSpeaker | None:
    """The speaker, where the program is installed."""
    program = shutil.which("espeak-ng")
    return EspeakSpeaker(program) if program else None


def _ssml(words: list[str], slow_from: int, rate: str) -> bytes:
    """The clause; from the word ``slow_from`` on it is slower, if that is not the first."""
    plain, slow = escape(" ".join(words[:slow_from])), escape(" ".join(words[slow_from:]))
    body = f'{plain} <prosody rate="{rate}">{slow}</prosody>' if slow_from else slow
    return f"<speak>{body}</speak>".encode()


def _run(command: Sequence[str], ssml: bytes) -> tuple[Samples, int]:
    try:
        done = subprocess.run([*command, "--stdin"], input=ssml, capture_output=True, check=True, timeout=_TIMEOUT_S)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise EspeakError(f"espeak-ng failed: {error}") from error
    wav = read(done.stdout)
    return wav.mono, wav.rate_hz


def beginnings(renders: Sequence[Samples]) -> list[int | None]:
    """Where each word but the first begins.

    :param renders: the plain one, one for each word but the first, and a second one for the last word.
    """
    whole = renders[0]
    found: list[int | None] = []
    for probe, following in pairwise(renders[1:]):
        differences = (_first_difference(probe, other) for other in (whole, following))
        found.append(max((place for place in differences if place is not None), default=None))
    return found


def _first_difference(one: Samples, other: Samples) -> int | None:
    shorter = min(len(one), len(other))
    differing = np.flatnonzero(one[:shorter] != other[:shorter])
    return int(differing[0]) if len(differing) else None


def trusted(found: list[int | None], words: list[str], end: int, shortest_letter: int) -> list[int | None]:
    """Take back what cannot be a word's beginning.

    espeak-ng speaks some pairs, such as "do not", as one entry of its dictionary; a tag between them changes both, and
    the difference begins too early or too late. Of two beginnings that are too near for the words between them, that
    one goes without which the lengths of the words fit their letters better. The first word's, and the end, are sure.
    """
    kept = [*found, end]
    known = [0]
    for at in range(1, len(kept)):
        while (here := kept[at]) is not None and known:
            before = known[-1]
            letters = sum(len(word) + 1 for word in words[before:at])
            if here - (kept[before] or 0) >= shortest_letter * letters:
                break
            choices = [index for index in (at, before) if index not in {0, len(words)}]
            if not choices:
                break
            latest = max(here, kept[before] or 0)
            likely = [*kept[: at + 1], *(later if later and later > latest else None for later in kept[at + 1 :])]
            dropped = min(choices, key=lambda index: _unevenness([*likely[:index], None, *likely[index + 1 :]], words))
            kept[dropped] = None
            if dropped == before:
                known.pop()
        if kept[at] is not None:
            known.append(at)
    return kept[:-1]


def _unevenness(starts: list[int | None], words: list[str]) -> float:
    """How much the words' lengths per letter differ, between the known starts."""
    known = [index for index, start in enumerate(starts) if start is not None]
    rates = []
    for one, other in pairwise(known):
        length = (starts[other] or 0) - (starts[one] or 0)
        rates.append(math.log(max(1, length) / sum(len(word) + 1 for word in words[one:other])))
    return float(np.ptp(rates)) if rates else 0.0


def filled_in(found: list[int | None], words: list[str], length: int) -> list[int]:
    """Put each start that is not known between its neighbours, by the words' letters."""
    starts: list[int] = []
    for index, start in enumerate(found):
        if start is None:
            until = next((i for i in range(index + 1, len(found)) if found[i] is not None), len(words))
            after = found[until] if until < len(words) else None
            letters = [len(word) + 1 for word in words[index - 1 : until]]
            starts.append(starts[-1] + ((length if after is None else after) - starts[-1]) * letters[0] // sum(letters))
        else:
            starts.append(start)
    return starts


def _clip(whole: Samples, rate_hz: int, starts: list[int], words: list[str]) -> Clip:
    """Cut the silence off both ends, go to 24 kHz, and let no word begin or end in silence."""
    loud = np.flatnonzero(np.abs(whole.astype(np.int32)) >= QUIET)
    first, last = int(loud[0]), int(loud[-1]) + 1
    spans: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], last], strict=True):
        inside = loud[np.searchsorted(loud, start) : np.searchsorted(loud, end)]
        spans.append((int(inside[0]), int(inside[-1]) + 1) if len(inside) else (start, end))
    samples = resample(whole[first:last], rate_hz, RATE_HZ)

    def place(at: int) -> int:
        return min(max(0, round((at - first) * RATE_HZ / rate_hz)), len(samples))

    spoken = (SpokenWord(word, place(a), place(b)) for word, (a, b) in zip(words, spans, strict=True))
    return Clip(samples, tuple(spoken))
