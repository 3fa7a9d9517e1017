"""Folders of people's own recordings, described by an ``index.json``: a list with an object for each file.

- ``kind``: what it is: see :data:`SPEECH`, :data:`SHORT_SOUNDS`, :data:`BACKGROUNDS`; ``backchannel…``, ``laugh…``; or
  ``rir``, a room's impulse response. Anything else is a short sound up to 6 s, and a background beyond.
- ``file``: its path, beside ``index.json``: anything that libsndfile reads.
- ``onset``: second of the first sample of what it is about; without it, by level.
- ``seconds_labelled``: how long that lasts.
- ``words``: what is said, where that is known; else by a name such as ``VOICE-KIND-words_of_it.flac``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bargein.bench.kinds.echoes import echoes_in
from bargein.bench.kinds.noises import background
from bargein.bench.kinds.people import CLIENTS, COMMANDS, length_class, scene
from bargein.bench.rendering import recording
from bargein.bench.scene import Client, Made, Recorded, Scene, Set, Wanted, set_of
from bargein.bench.waves import RATE_HZ, span
from bargein.errors import BargeinError

SPEECH: Final = ("speech", "digits", "letters", "command", "interruption")
SHORT_SOUNDS: Final = (
    "alarm", "baby", "cat", "clap", "clock", "cough", "cow", "crow", "dog", "door", "dtmf", "frog", "glass", "hens",
    "keyboard", "knock", "laptop", "mouse", "phone", "ring", "rooster", "rub", "siren", "sneeze",
    "tap", "throat", "tone",
)  # fmt: skip
BACKGROUNDS: Final = (
    "babble", "chainsaw", "engine", "fan", "fire", "helicopter", "music", "office", "radio", "rain", "sea", "street",
    "television", "train", "tv", "vacuum", "wind",
)  # fmt: skip
SHORT_UP_TO_S: Final = 6.0
LONGEST_SPEECH_S: Final = 4.0
SHORTEST_BACKGROUND_S: Final = 4.0
BACKGROUND_S: Final = 16.0
LEVELS_DB: Final = (-22.0, -26.0, -30.0)
NOISY: Final = (("babble", 10), ("street", 10), ("street", 5), ("music", 5), ("babble", 5), ("rain", 10))


class FolderError(BargeinError):
    """A folder of recordings is not as it should be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a folder."""

    kind: str
    path: Path
    name: str
    onset_s: float | None
    seconds: float | None
    words: str | None

    @property
    def set(self) -> Set:
        """By its name, so that it is the same wherever the folder is."""
        return set_of(self.name)


def read_folder(folder: Path) -> list[Entry]:
    """What a folder holds.

    :raises FolderError: there is no index, or it says something else.
    """
    index = folder / "index.json"
    try:
        listed = json.loads(index.read_text("utf-8"))
    except OSError as error:
        raise FolderError(f"--sounds {index}: {error.strerror}") from None
    except ValueError as error:
        raise FolderError(f"--sounds {index} is no JSON: {error}") from None
    if not isinstance(listed, list):
        raise FolderError(f"--sounds {index}: a list is wanted, with an object for each file")
    return [_entry(folder, index, number, one) for number, one in enumerate(listed)]


def _entry(folder: Path, index: Path, number: int, given: object) -> Entry:
    if not isinstance(given, dict):
        raise FolderError(f"--sounds {index}: entry {number} is no object")
    fields: dict[str, Any] = given
    kind, file = fields.get("kind"), fields.get("file")
    if not isinstance(kind, str) or not isinstance(file, str):
        raise FolderError(f'--sounds {index}: entry {number} needs "kind" and "file", both texts')
    path = folder / file
    if not path.is_file():
        raise FolderError(f"--sounds {index}: entry {number}: there is no file {path}")
    seconds = fields.get("seconds_labelled")
    for name, value in (("onset", fields.get("onset")), ("seconds_labelled", seconds)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            raise FolderError(f"--sounds {index}: entry {number}: {name!r} must be seconds, from 0 on")
    words = fields.get("words")
    named = words if isinstance(words, str) else _words_in(path.stem, kind)
    return Entry(kind, path, file, fields.get("onset"), seconds, named)


def _words_in(stem: str, kind: str) -> str | None:
    """Some recordings are named by what is said: ``VOICE-KIND-words_of_it``."""
    _, there, words = stem.partition(f"-{kind}-")
    return words.replace("_", " ") if there else None


def folder_scenes(entries: list[Entry], seeds: int) -> Iterator[Scene]:
    """The scenes that a folder's recordings make."""
    noises = {entry.kind: entry for entry in entries if _is(entry.kind, BACKGROUNDS)}
    for number, entry in enumerate(entries):
        if entry.kind == "rir":
            yield from echoes_in((str(entry.path),), seeds, set_=entry.set)
        elif _is(entry.kind, SPEECH):
            yield from _speech(entry, number, noises)
        elif entry.kind.startswith("backchannel"):
            yield from _over_reply(entry, number, "backchannel", CLIENTS)
        elif entry.kind.startswith("laugh"):
            yield from _over_reply(entry, number, "laughter", CLIENTS)
        elif _is(entry.kind, BACKGROUNDS) or (not _is(entry.kind, SHORT_SOUNDS) and _long(entry)):
            yield from _background(entry, number)
        else:
            yield from _over_reply(entry, number, "short sound", CLIENTS)


def _is(kind: str, words: tuple[str, ...]) -> bool:
    return any(kind == word or kind.startswith((f"{word}-", f"{word} ")) for word in words)


def _long(entry: Entry) -> bool:
    return len(recording(str(entry.path))) / RATE_HZ > SHORT_UP_TO_S


def _extent(entry: Entry) -> tuple[float, float]:
    """When it begins, and for how long it lasts, in seconds."""
    whole = recording(str(entry.path))
    first, last = span(whole)
    onset_s = first / RATE_HZ if entry.onset_s is None else entry.onset_s
    return onset_s, max(0.05, last / RATE_HZ - onset_s) if entry.seconds is None else entry.seconds


def _speech(entry: Entry, number: int, noises: dict[str, Entry]) -> Iterator[Scene]:
    onset_s, lasts_s = _extent(entry)
    lasts_s = min(lasts_s, LONGEST_SPEECH_S)
    sound = Recorded(str(entry.path), entry.onset_s, None, 0.0, entry.words)
    if lasts_s >= LONGEST_SPEECH_S:
        sound = replace(sound, seconds=onset_s + LONGEST_SPEECH_S)
    spoken = f"interruption {length_class(lasts_s)}"
    family = "command" if (entry.words or "").replace("-", " ") in COMMANDS else spoken
    for client in CLIENTS:
        quiet = scene(
            f"interruption/{entry.name}/{client}",
            family=family, kind=entry.kind, wanted=Wanted.YIELD, set_=entry.set,
            sound=sound, seconds=lasts_s + onset_s, level_db=LEVELS_DB[number % 3], client=client,
        )  # fmt: skip
        yield quiet
    what, snr_db = NOISY[number % len(NOISY)]
    noise = noises.get(what)
    behind = Made(what, number % 9, 8.0) if noise is None else Recorded(str(noise.path), seconds=8.0, from_s=number % 5)
    yield replace(
        quiet,
        name=f"interruption/{entry.name}/{what} {snr_db} dB",
        family=spoken,
        kind=f"{what} {snr_db} dB",
        noise=behind,
        snr_db=snr_db,
        client=CLIENTS[number // 2 % 2],
    )
    yield replace(
        quiet, name=f"turn/{entry.name}", family="turn begins", wanted=Wanted.TURN, reply=None,
        client=CLIENTS[number % 2],
    )  # fmt: skip


def _over_reply(entry: Entry, number: int, family: str, clients: tuple[Client, ...]) -> Iterator[Scene]:
    onset_s, lasts_s = _extent(entry)
    lasts_s = min(lasts_s, SHORT_UP_TO_S)
    sound = Recorded(str(entry.path), entry.onset_s, onset_s + lasts_s + 0.1, 0.0, entry.words)
    if len(recording(str(entry.path))) / RATE_HZ < onset_s + lasts_s + 0.1:
        sound = replace(sound, seconds=None)
    for client in clients:
        yield scene(
            f"{family}/{entry.name}/{client}", family=family, kind=entry.kind, wanted=Wanted.SURVIVE, set_=entry.set,
            sound=sound, seconds=lasts_s + onset_s, level_db=LEVELS_DB[number % 3], client=client,
        )  # fmt: skip


def _background(entry: Entry, number: int) -> Iterator[Scene]:
    whole_s = len(recording(str(entry.path))) / RATE_HZ
    starts = [start for start in (0.0, 8.0) if start + SHORTEST_BACKGROUND_S <= whole_s] or [0.0]
    for start_s, begins, silent in itertools.product(starts, (False, True), (False, True)):
        sound = Recorded(str(entry.path), seconds=BACKGROUND_S, from_s=start_s)
        client = CLIENTS[(number + begins) % 2]
        name = f"{entry.name}/{start_s:g}"
        yield background(entry.kind, name, sound, entry.set, client, begins=begins, silent=silent)
