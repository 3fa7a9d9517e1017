"""That the place of every word is right, and that the bank can say what it must."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bargein.demo import phrases
from bargein.demo.bank import BLOCK_SAMPLES, BankSpeaker, load_bank
from bargein.demo.clauses import MAX_WORDS, bare, bare_words, split_clauses
from bargein.demo.espeak import EspeakSpeaker, beginnings, filled_in, trusted
from bargein.demo.speech import RATE_HZ, Clip, Speaker, speak_whole, spoken
from bargein.demo.voices import VOICES, Voice, voice_called
from bargein.sound.files import read
from support.programs import require_program

ALLOY = VOICES["alloy"]
BANK_FILE = Path(phrases.__file__).parent / "data" / "phrases.wav"
QUIET = 30


@pytest.fixture(scope="module")
def espeak() -> EspeakSpeaker:
    return EspeakSpeaker(require_program("espeak-ng"))


@pytest.fixture(scope="module")
def bank() -> BankSpeaker:
    return load_bank()


def check(clip: Clip, text: str) -> None:
    """The clip's words are the text's, in order, each with sound in it, and between them there is none to speak of."""
    assert [word.text for word in clip.words] == text.split()
    covered = np.zeros(len(clip.samples), bool)
    before = 0
    for word in clip.words:
        assert before <= word.start_samples < word.end_samples <= len(clip.samples)
        sound = clip.samples[word.start_samples : word.end_samples].astype(int)
        assert np.abs(sound).max() > QUIET, word
        covered[word.start_samples : word.end_samples] = True
        before = word.start_samples
    assert np.sum(np.abs(clip.samples[~covered].astype(int)) > 500) < 0.002 * len(clip.samples)


@pytest.mark.parametrize("voice", VOICES.values(), ids=lambda voice: voice.name)
async def test_espeak_words_have_their_sound(espeak: EspeakSpeaker, voice: Voice) -> None:
    check(await speak_whole(phrases.PARROT, voice, espeak), phrases.PARROT)


@pytest.mark.parametrize("voice", VOICES.values(), ids=lambda voice: voice.name)
async def test_bank_words_have_their_sound(bank: BankSpeaker, voice: Voice) -> None:
    check(await speak_whole(phrases.PARROT, voice, bank), phrases.PARROT)


SENTENCES = (
    "Every evening she climbed one hundred and twelve steps",
    "So Marta did the only thing that she could do",
    "People came from everywhere to see it",
    "He built seven clocks before dinner",
)


def volume_spans(program: str, words: list[str]) -> list[tuple[int, int]]:
    """Where each word is, measured in another way: every second word is softer, once the odd and once the even ones.

    espeak-ng changes the volume exactly at a word, but puts a short break there, so this is another rendering.
    """

    def render(volumes: tuple[int, int]) -> npt.NDArray[np.int32]:
        tagged = (f'<prosody volume="{volumes[index % 2]}">{word}</prosody>' for index, word in enumerate(words))
        command = (program, "-m", "--stdout", "-v", ALLOY.espeak, "-s", "165", "-p", str(ALLOY.pitch), "--stdin")
        ssml = f"<speak>{' '.join(tagged)}</speak>".encode()
        done = subprocess.run(command, input=ssml, capture_output=True, check=True)
        return np.abs(read(done.stdout).mono.astype(np.int32))

    difference = render((96, 80)) - render((80, 96))
    louder = np.flatnonzero(np.abs(difference) > 5)
    changes = np.flatnonzero(np.diff(np.sign(difference[louder])))
    starts = [louder[0], *louder[changes + 1]]
    ends = [*louder[changes] + 1, louder[-1] + 1]
    return list(zip(starts, ends, strict=True))


@pytest.mark.parametrize("voice", [VOICES["alloy"], VOICES["nova"], VOICES["shimmer"]], ids=lambda voice: voice.name)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_word_places_agree_with_another_way_to_measure_them(espeak: EspeakSpeaker, sentence: str, voice: Voice) -> None:
    """Within 30 ms, word by word. The two renderings differ by a break of 16 ms that volume puts between words."""
    words = sentence.split()
    spans = volume_spans(require_program("espeak-ng"), words)
    assert len(spans) == len(words), "the other way found other words: choose another sentence"
    clip = espeak.render(words, ALLOY, 165)
    for index in range(1, len(words)):
        ours_ms = (clip.words[index].start_samples - clip.words[index - 1].start_samples) * 1000 / RATE_HZ
        theirs_ms = (spans[index][0] - spans[index - 1][0]) * 1000 / 22_050 - 16
        assert abs(ours_ms - theirs_ms) <= 30, (words[index], ours_ms, theirs_ms)


def test_a_rendering_whose_breath_changed_is_compared_with_its_like() -> None:
    """As espeak-ng 1.52 renders some clauses: from the third word on, a tag alters the sound from its first sample."""
    places, length = (100, 200, 300, 400), 500

    def rendering(slow_from: int | None, *, breath: int, tone: int = 7) -> npt.NDArray[np.int16]:
        sound = np.full(length, breath, np.int16)
        if slow_from is not None:
            sound[slow_from:] += tone
        return sound

    breaths = (1, 1, 2, 2, 2)
    renders = [rendering(None, breath=1)]
    renders += [rendering(place, breath=breath) for place, breath in zip((*places, 400), breaths, strict=True)]
    renders[-1] = rendering(400, breath=2, tone=9)
    assert beginnings(renders) == [100, 200, 300, 400]


def test_no_word_begins_where_there_is_no_room_for_it() -> None:
    words = ["and", "the", "parrot", "had", "learned", "it"]
    found: list[int | None] = [0, 400, 700, 0, 0, 0]
    starts = filled_in(trusted(found, words, 3000, 13), words, 3000)
    assert starts[:3] == [0, 400, 700]
    assert all(later - earlier >= 13 * 4 for earlier, later in pairwise([*starts, 3000])), starts


def test_a_pair_that_espeak_speaks_as_one_word_is_shared_out(espeak: EspeakSpeaker) -> None:
    words = ["but", "she", "did", "not", "stop."]
    clip = espeak.render(words, ALLOY, 165)
    lengths_ms = [(word.end_samples - word.start_samples) * 1000 / RATE_HZ for word in clip.words]
    assert min(lengths_ms) > 40, lengths_ms


async def test_the_bank_says_all_that_it_was_made_for(bank: BankSpeaker) -> None:
    for text in phrases.RECORDED:
        assert bank.sayable(text) == text
        check(await speak_whole(text, ALLOY, bank), " ".join(clause.text for clause in split_clauses(text)))


async def test_the_bank_puts_other_sentences_together(bank: BankSpeaker) -> None:
    texts = [
        f"{phrases.THE_TIME_IS} {phrases.clock_words(hour, minute)}."
        for hour in (0, 9, 14, 23)
        for minute in (0, 5, 59)
    ]
    texts += [f"{phrases.number_words(number).capitalize()}." for number in (21, 99, 100, 187)]
    texts.append(f"{phrases.LAST_HEARD} wished the ships good.")
    for text in texts:
        assert bank.sayable(text) == text
        check(await speak_whole(text, ALLOY, bank), text)


def test_the_bank_is_honest_about_what_it_cannot_say(bank: BankSpeaker) -> None:
    said = bank.sayable("Okay. A zebra sleeps. Another zebra wakes. Goodbye!")
    assert said == f"Okay. {phrases.CANNOT_SAY} Goodbye!"


def test_the_bank_is_small() -> None:
    assert BANK_FILE.stat().st_size < 2_000_000


def test_the_bank_is_read_as_sox_reads_it_from_any_place(tmp_path: Path) -> None:
    plain = tmp_path / "plain.wav"
    subprocess.run([require_program("sox"), "-D", str(BANK_FILE), "-e", "signed", "-b", "16", str(plain)], check=True)
    whole = read(plain).mono
    data = BANK_FILE.read_bytes()
    for first, count in ((0, 40 * BLOCK_SAMPLES), (100 * BLOCK_SAMPLES, 10), (777, 3 * BLOCK_SAMPLES), (504, 2)):
        assert np.array_equal(read(data, first, count).mono, whole[first : first + count])


def test_a_clip_of_the_bank_is_its_own(bank: BankSpeaker) -> None:
    """Each begins with a block, and has silence around it."""
    index = json.loads(BANK_FILE.with_suffix(".json").read_text("utf-8"))
    for clip in (index["clips"][0], index["clips"][-1]):
        sound = read(BANK_FILE, clip["first_block"] * BLOCK_SAMPLES, clip["blocks"] * BLOCK_SAMPLES).mono
        first, last = clip["words"][0][0], clip["words"][-1][1]
        assert 0 < first < last < len(sound)
        assert np.abs(sound[first:last].astype(int)).max() > 3000
        assert np.abs(sound[: first // 2].astype(int)).max() < 500


@pytest.mark.parametrize("speaker_name", ["espeak", "bank"])
async def test_speech_has_pauses_and_varied_rates(request: pytest.FixtureRequest, speaker_name: str) -> None:
    speaker: Speaker = request.getfixturevalue(speaker_name)
    clips = [clip async for clip in spoken(phrases.LIGHTHOUSE, ALLOY, speaker)]
    rates, pauses_ms = [], []
    for clip in clips:
        pauses_ms.append((len(clip.samples) - clip.words[-1].end_samples) * 1000 / RATE_HZ)
        if len(clip.words) >= 5:
            rates.append(len(clip.words) * 60 * RATE_HZ / clip.words[-1].end_samples)
    assert min(pauses_ms) > 80
    assert max(pauses_ms) > 400
    assert max(rates) / min(rates) > 1.3
    assert 110 < np.mean(rates) < 220


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("One, two. Three!", ["One,", "two.", "Three!"]),
        ("It costs 3.50 at 10:30, or so.", ["It costs 3.50 at 10:30,", "or so."]),
        ("Wait - what?", ["Wait,", "what?"]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        (" ".join(["word"] * 20), [" ".join(["word"] * MAX_WORDS), " ".join(["word"] * (20 - MAX_WORDS))]),
        ("...", []),
        ("", []),
    ],
)
def test_clauses(text: str, clauses: list[str]) -> None:
    assert [clause.text for clause in split_clauses(text)] == clauses


def test_bare_words() -> None:
    assert bare("O'clock.") == "o'clock"
    assert bare("“Don\u2019t!”") == "don't"
    assert bare_words("Hello ... world!") == ["hello", "world"]


def test_a_voice_of_any_name_is_always_the_same() -> None:
    assert voice_called("nova") is VOICES["nova"]
    assert voice_called("marin") is voice_called("marin")
    assert len({voice_called(f"voice {number}").name for number in range(50)}) == len(VOICES)
