"""What callers say, ready to be sent: phrases of the bank or of a folder, asides, and the room behind them.

Everything is cut into messages once, before the run, and shared by all callers.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from bargein.core.audio import AudioFormat, Encoding
from bargein.load.bank import BANK, read_phrase
from bargein.load.bank import RATE_HZ as BANK_RATE_HZ
from bargein.load.errors import UsageError
from bargein.load.frames import FrameCutter
from bargein.load.marks import find_speech
from bargein.load.noises import Sound, aside, room
from bargein.load.scenario import Aside, Scenario
from bargein.sound.files import read_mono
from bargein.sound.g711 import pcm16_to_alaw, pcm16_to_ulaw
from bargein.sound.resample import resample
from bargein.sound.wav import NotWavError

ROOM_S: Final = 10.0
"""A room's noise repeats after this long."""
ASIDES_OF_A_KIND: Final = 8

Kind = Literal["question", "interruption"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sound of a caller. Its first sample is the onset; nothing but silence or the room follows its last."""

    name: str
    kind: Kind | Aside
    duration_s: float
    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """The sounds of one kind of caller."""

    questions: tuple[Utterance, ...]
    """Said when the agent is silent."""
    interruptions: tuple[Utterance, ...]
    asides: tuple[Utterance, ...]
    room: tuple[bytes, ...]
    """Messages of silence or noise, to be sent round and round."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    name: str
    kind: Kind
    sound: Sound


class Speech:
    """The phrases at one rate, from which a :class:`Phrasebook` is made for each scenario.

    :param folder: WAV files of one's own, any rate; the first stretch of speech of each is used, as question and as
        interruption. ``None``: the bank that ships.
    :raises UsageError: the folder holds no speech, or a file that is no WAV.
    """

    def __init__(self, audio_format: AudioFormat, seed: int, folder: Path | None = None) -> None:
        self._format = audio_format
        self._seed = seed
        self._phrases = (
            _from_bank(audio_format.rate_hz) if folder is None else _from_folder(folder, audio_format.rate_hz)
        )

    def phrasebook(self, scenario: Scenario, cutter: FrameCutter) -> Phrasebook:
        rate_hz = self._format.rate_hz
        frame_samples = self._format.samples_in_ms(cutter.frame_ms)
        if scenario.noise is None:
            background = np.zeros(frame_samples, np.float32)
        else:
            frames = int(ROOM_S * 1000 / cutter.frame_ms)
            background = room(rate_hz, frames * frame_samples / rate_hz, scenario.noise.level_db, self._seed)
        draw = random.Random(self._seed)  # noqa: S311  # a repeatable draw, no secret

        def utterance(name: str, kind: Kind | Aside, sound: Sound) -> Utterance:
            length = -(-sound.size // frame_samples) * frame_samples
            start = draw.randrange(background.size)
            mixed = np.take(background, np.arange(start, start + length), mode="wrap")
            mixed[: sound.size] += sound
            return Utterance(name, kind, sound.size / rate_hz, tuple(cutter.cut(self._encoded(mixed))))

        spoken = [utterance(phrase.name, phrase.kind, phrase.sound) for phrase in self._phrases]
        asides = [
            utterance(f"{kind} {number}", kind, aside(kind, rate_hz, self._seed * ASIDES_OF_A_KIND + number))
            for kind in (scenario.aside.sounds if scenario.aside.share else ())
            for number in range(ASIDES_OF_A_KIND)
        ]
        return Phrasebook(
            questions=tuple(said for said in spoken if said.kind == "question"),
            interruptions=tuple(said for said in spoken if said.kind == "interruption"),
            asides=tuple(asides),
            room=tuple(cutter.cut(self._encoded(background))),
        )

    def _encoded(self, sound: Sound) -> bytes:
        samples = np.asarray(np.clip(sound, -1, 1) * 32767, np.int16)
        match self._format.encoding:
            case Encoding.PCM16:
                return samples.tobytes()
            case Encoding.PCMU:
                return pcm16_to_ulaw(samples)
            case Encoding.PCMA:
                return pcm16_to_alaw(samples)


def _from_bank(rate_hz: int) -> list[_Phrase]:
    bank = tomllib.loads((BANK / "bank.toml").read_text(encoding="utf-8"))
    return [
        _Phrase(
            f"{voice}: {phrase['text']}",
            phrase["kind"],
            _sound(resample(read_phrase(BANK / f"{voice}-{name}.wav"), BANK_RATE_HZ, rate_hz)),
        )
        for voice in bank["voices"]
        for name, phrase in bank["phrases"].items()
        if phrase["kind"] in get_args(Kind)
    ]


def _from_folder(folder: Path, rate_hz: int) -> list[_Phrase]:
    phrases = []
    for path in sorted(folder.glob("*.wav")):
        try:
            samples = read_mono(path, rate_hz)
        except (OSError, NotWavError) as error:
            raise UsageError(f"{path}: {error}") from None
        for mark in find_speech(samples, rate_hz)[:1]:
            spoken = _sound(samples[int(mark.onset_s * rate_hz) : int(mark.end_s * rate_hz)])
            phrases += [_Phrase(path.stem, "question", spoken), _Phrase(path.stem, "interruption", spoken)]
    if not phrases:
        raise UsageError(f"{folder}: no .wav file with speech in it")
    return phrases


def _sound(samples: npt.NDArray[np.int16]) -> Sound:
    return samples.astype(np.float32) / np.float32(32768)
