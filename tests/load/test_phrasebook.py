"""The speech that ships, asides, and the room behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.load.bank import BANK, RATE_HZ, read_phrase, write_phrase
from bargein.load.errors import UsageError
from bargein.load.frames import FrameCutter
from bargein.load.marks import find_speech
from bargein.load.noises import aside, room
from bargein.load.phrasebook import Speech
from bargein.load.scenario import load_scenario
from bargein.sound.wav import wrap

NOISY = load_scenario("noisy")[0][2]
TALK = load_scenario("talk")[0][2]


@pytest.mark.parametrize("path", sorted(BANK.glob("*.wav")), ids=lambda path: path.stem)
def test_each_phrase_is_speech_from_its_first_sample_to_its_last(path: Path) -> None:
    samples = read_phrase(path)
    (mark,) = find_speech(samples, RATE_HZ)
    assert mark.onset_s < 0.15
    assert samples.size / RATE_HZ - mark.end_s < 0.25


def test_a_phrase_survives_its_file(tmp_path: Path) -> None:
    samples = (8000 * np.sin(np.arange(999) / 10)).astype(np.int16)
    write_phrase(tmp_path / "phrase.wav", samples)
    assert np.abs(read_phrase(tmp_path / "phrase.wav").astype(int) - samples).max() < 300


def test_messages_are_whole_frames_of_the_format() -> None:
    cutter = FrameCutter(PCMU_8K, 20, binary=True)
    book = Speech(PCMU_8K, seed=1).phrasebook(TALK, cutter)
    assert book.asides == ()
    assert book.room == (b"\xff" * 160,)
    for said in (*book.questions, *book.interruptions):
        assert {len(message) for message in said.messages} == {160}
        assert 0 <= len(said.messages) * 0.02 - said.duration_s < 0.02


def test_the_same_seed_makes_the_same_sounds() -> None:
    cutter = FrameCutter(PCM16_24K, 20, binary=False)
    books = [Speech(PCM16_24K, seed).phrasebook(NOISY, cutter) for seed in (1, 1, 2)]
    assert books[0] == books[1]
    assert books[0] != books[2]
    assert {said.kind for said in books[0].asides} == {"cough", "mm-hm", "click"}


def test_noise_has_the_level_it_was_asked_for_and_repeats_without_a_click() -> None:
    noise = room(24_000, 2.0, -48, seed=3)
    assert 20 * np.log10(np.sqrt(np.mean(noise**2))) == pytest.approx(-48, abs=0.1)
    steps = np.abs(np.diff(noise))
    assert abs(noise[0] - noise[-1]) <= steps.max()


def test_asides_are_shorter_than_words() -> None:
    for kind in ("cough", "mm-hm", "click"):
        for seed in range(5):
            assert aside(kind, 24_000, seed).size / 24_000 < 0.3


def test_recordings_of_ones_own(tmp_path: Path) -> None:
    phrase = read_phrase(BANK / "andrew-story.wav")
    silence = np.zeros(RATE_HZ, np.int16)
    (tmp_path / "mine.wav").write_bytes(wrap(np.concatenate([silence, phrase, silence]).tobytes(), RATE_HZ))
    book = Speech(PCM16_24K, 0, tmp_path).phrasebook(TALK, FrameCutter(PCM16_24K, 20, binary=True))
    assert [said.name for said in book.questions] == ["mine"]
    assert book.questions[0].duration_s == pytest.approx(phrase.size / RATE_HZ, abs=0.3)


@pytest.mark.parametrize(
    ("name", "data", "hint"), [("a.wav", b"no sound", "a.wav: not a WAV"), ("a.txt", b"", "no .wav file")]
)
def test_a_folder_without_speech(tmp_path: Path, name: str, data: bytes, hint: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=hint):
        Speech(PCM16_24K, 0, tmp_path)
