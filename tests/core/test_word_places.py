"""Where each word of a reply is in its sound, while that is being sent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bargein.alignment.heard_words import Transcript
from bargein.alignment.voiced_clock import STEP_MS, SpeechCurve
from bargein.alignment.word_places import VoicePace, WordPlaces
from bargein.core.audio import PCM16_24K, AudioFormat
from bargein.core.items import OutputAudio
from bargein.core.measures import EchoMatch

LOUD, QUIET = b"\x00\x10", b"\x00\x00"
SLICE_MS = 100


class LoudOrQuiet:
    """Measures sound that is either: its first byte but one tells."""

    def __init__(self) -> None:
        self.measured_ms: list[int] = []

    def speech_curve(self, pieces: Sequence[str | bytes], fmt: AudioFormat) -> SpeechCurve:
        raw = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        step = fmt.bytes_of(fmt.samples_in_ms(STEP_MS))
        self.measured_ms.append(len(raw) // step * STEP_MS)
        levels = [-20.0 if raw[at + 1] else -90.0 for at in range(0, len(raw) - step + 1, step)]
        return SpeechCurve(levels, [False] * len(levels))

    def echo_match(
        self, heard: bytes, heard_format: AudioFormat, said: Sequence[str | bytes], said_format: AudioFormat
    ) -> EchoMatch:
        return EchoMatch(0.0)

    def pitch_slope(self, heard: bytes, heard_format: AudioFormat) -> float | None:
        return None


class Sent:
    """A reply, its words and its sound, of which a slice is sent every 100 ms."""

    def __init__(self, pace: VoicePace | None = None) -> None:
        self.audio = OutputAudio(PCM16_24K, Transcript(24_000))
        self.measures = LoudOrQuiet()
        self.places = WordPlaces(self.audio, self.measures, pace or VoicePace())
        self.sent_ms = 0
        self.told: list[tuple[int, str]] = []
        """The words that went with the slice that begins at so many ms."""

    def sound(self, *runs: tuple[bytes, int]) -> None:
        """Runs of sound and ms arrive, in pieces of 100 ms."""
        for sample, ms in runs:
            for _ in range(ms // SLICE_MS):
                self.audio.pieces.append(sample * 2400)
                self.audio.sample_count += 2400

    def send(self, ms: int) -> None:
        while ms > 0:
            self._tell(self.sent_ms + SLICE_MS)
            self.sent_ms += SLICE_MS
            ms -= SLICE_MS

    def arrive_late(self, text: str) -> str:
        """Words that arrive: those that are told at once."""
        self.places.add(text)
        before = len(self.told)
        self._tell(self.sent_ms)
        return "".join(words for _, words in self.told[before:])

    def _tell(self, upto_ms: int) -> None:
        count = self.places.characters_by(upto_ms * 24)
        known = sum(len(words) for _, words in self.told)
        if count > known:
            self.told.append((self.sent_ms, self.audio.transcript[known:count]))


def test_each_word_goes_with_the_slice_in_which_it_is_spoken() -> None:
    """Four letters and a joint take 297 ms; a word is told ahead of the slice that holds the first fifth of it."""
    sent = Sent()
    sent.places.add("abed bide code dame edit fame game home")
    sent.sound((LOUD, 2400))
    sent.audio.finished = True
    sent.send(2400)
    assert sent.told == [
        (0, "abed"), (300, " bide"), (600, " code"), (900, " dame"),
        (1200, " edit"), (1500, " fame"), (1800, " game"), (2100, " home"),
    ]  # fmt: skip


def test_nothing_is_said_in_a_pause() -> None:
    """The next clause waits until the voice goes on, however long that takes."""
    sent = Sent()
    sent.places.add("abed bide code, dame edit fame")
    sent.sound((LOUD, 1000), (QUIET, 1500), (LOUD, 1000))
    sent.audio.finished = True
    sent.send(3500)
    assert [at_ms for at_ms, words in sent.told if words == " code,"] < [1000]
    assert [at_ms for at_ms, words in sent.told if words == " dame"] == [2500]


def test_silence_before_the_first_word_holds_no_words() -> None:
    sent = Sent()
    sent.places.add("abed bide code dame")
    sent.sound((QUIET, 900), (LOUD, 1200), (QUIET, 300))
    sent.audio.finished = True
    sent.send(2400)
    assert [at_ms for at_ms, _ in sent.told] == [900, 1200, 1500, 1800]


def test_a_slow_voice_is_known_from_the_reply_before() -> None:
    """In real time nothing is known of the rest of a reply. The fourth word is spoken from 1800 to 2400 ms."""
    pace = VoicePace()
    fourth_ms = []
    for _ in range(2):
        sent = Sent(pace)
        for word in ("abed", " bide", " code", " dame", " edit", " fame"):
            sent.places.add(word)
        for _ in range(6):
            sent.sound((LOUD, 600))
            sent.send(600)
        sent.audio.finished = True
        sent.places.ended()
        fourth_ms.append(sent.told[3][0])
    assert fourth_ms == [900, 1500]


def test_words_that_arrive_after_their_sound_are_told_at_once() -> None:
    sent = Sent()
    sent.sound((LOUD, 3000))
    sent.send(2000)
    assert sent.arrive_late("abed bide code") == "abed bide code"
    sent.sound((LOUD, 3000))
    sent.send(3000)
    assert sent.arrive_late(" dame edit") == " dame edit"


def test_words_that_arrive_with_all_of_their_sound_behind_them_go_with_it() -> None:
    """A server that sends its sound first: the words were not ahead of it."""
    sent = Sent()
    sent.sound((LOUD, 8000))
    sent.send(500)
    told = sent.arrive_late("abed bide code dame edit fame game home idle kite lame mile name open pole rude")
    assert told == "abed"
    sent.audio.finished = True
    sent.send(3500)
    assert 6 <= len(sent.audio.transcript[: sent.places.characters_by(4000 * 24)].split()) <= 9


def test_words_that_arrive_behind_their_sound_may_have_been_spoken_before_they_arrived() -> None:
    """The second clause begins behind the pause, at 2400 ms, though all of the sound was there before the text."""
    sent = Sent()
    sent.sound((LOUD, 2000), (QUIET, 400), (LOUD, 1000))
    sent.send(500)
    sent.arrive_late("abed bide code dame edit, fame game home idle kite")
    sent.audio.finished = True
    sent.send(2900)
    assert [at_ms for at_ms, words in sent.told if " fame" in words] == [2400]


def test_a_word_in_pieces_is_never_lost() -> None:
    sent = Sent()
    sent.places.add("aba")
    sent.sound((LOUD, 300))
    sent.send(300)
    assert sent.told == [(0, "aba")]
    assert sent.arrive_late("lone ok") == "lone"
    sent.sound((LOUD, 2000))
    sent.audio.finished = True
    sent.send(2000)
    assert "".join(words for _, words in sent.told) == "abalone ok"


@pytest.mark.parametrize("finished", [True, False])
def test_no_word_waits_longer_than_the_slowest_voice_would_need(finished: bool) -> None:
    """Two words and a minute of sound: the second is not kept for its end."""
    sent = Sent()
    sent.places.add("abed bide")
    sent.sound((LOUD, 60_000))
    sent.audio.finished = finished
    sent.send(2000)
    assert sent.audio.transcript[: sent.places.characters_by(2000 * 24)] == "abed bide"


def test_sound_is_measured_once_and_only_some_seconds_ahead() -> None:
    sent = Sent()
    sent.places.add("abed bide code, dame edit. " * 60)
    sent.sound((LOUD, 90_000))
    sent.send(10_000)
    assert sent.measures.measured_ms == [9100, 6000]


def test_without_words_nothing_is_measured() -> None:
    sent = Sent()
    sent.sound((LOUD, 30_000))
    sent.send(30_000)
    assert sent.measures.measured_ms == []
