"""Replies of many minutes: what it takes to cut one does not grow with its length, nor do the mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bargein.alignment.aligner import Aligner
from bargein.alignment.heard_words import BEGINNING, LONG_STEPS, NEAR_STEPS, Transcript
from bargein.alignment.voiced_clock import STEP_MS, STEPS_PER_S, SpeechCurve
from bargein.alignment.word_places import VoicePace, WordPlaces
from bargein.core.audio import PCM16_24K, AudioFormat
from bargein.core.cutting import Cutter
from bargein.core.history import History
from bargein.core.items import Message, OutputAudio

LOUD, QUIET = b"\x00\x10", b"\x00\x00"
PIECE_MS = 100
SENTENCE = "abed bide code, dame edit. "
SENTENCE_MS = 2400
SOUND = ((LOUD, 1200), (QUIET, 300), (LOUD, 600), (QUIET, 300))


class LoudOrQuiet:
    """Measures sound that is either, and counts what it is given."""

    def __init__(self) -> None:
        self.measured_ms = 0

    def speech_curve(self, pieces: Sequence[str | bytes], fmt: AudioFormat) -> SpeechCurve:
        raw = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        step = fmt.bytes_of(fmt.samples_in_ms(STEP_MS))
        levels = [-20.0 if raw[at + 1] else -90.0 for at in range(0, len(raw) - step + 1, step)]
        self.measured_ms += len(levels) * STEP_MS
        return SpeechCurve(levels, [False] * len(levels))


class Reply:
    """All of it has arrived; so much of it has been sent."""

    def __init__(self, sentence: str, count: int, sent_ms: int, *, finished: bool = True) -> None:
        self.timeline = Transcript(24_000)
        self.audio = OutputAudio(PCM16_24K, self.timeline, finished=finished)
        self.measures = LoudOrQuiet()
        places = WordPlaces(self.audio, self.measures, VoicePace())
        places.add(sentence * count)
        for sample, ms in SOUND * count:
            for _ in range(ms // PIECE_MS):
                self.audio.pieces.append(sample * (PIECE_MS * 24))
                self.audio.sample_count += PIECE_MS * 24
        self.most_at_once_ms = 0
        self.told_at: dict[int, int] = {}
        for ms in range(PIECE_MS, sent_ms + 1, PIECE_MS):
            before_ms = self.measures.measured_ms
            self.told_at[ms] = places.characters_by(ms * 24)
            self.most_at_once_ms = max(self.most_at_once_ms, self.measures.measured_ms - before_ms)

    def heard_by(self, ms: int) -> str:
        """Of a cut there."""
        history = History()
        history.append(Message("item_1", "assistant", [self.audio]))
        cutter = Cutter(history, Aligner(self.measures))
        cutter.cut_at("item_1", self.audio, ms * 24)
        return history.heard["item_1"].text


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("sentences", [0, 1, 20, 100, 125])
def test_the_words_that_were_heard_are_found_wherever_a_long_reply_is_cut(sentences: int, finished: bool) -> None:
    reply = Reply(SENTENCE, 250, 130 * SENTENCE_MS, finished=finished)
    in_the_pause_ms = sentences * SENTENCE_MS + 1400
    assert reply.heard_by(in_the_pause_ms) == SENTENCE * sentences + "abed bide code,"


def test_a_cut_measures_no_more_than_what_is_near_it_and_unknown() -> None:
    reply = Reply(SENTENCE, 250, 130 * SENTENCE_MS)
    known_ms = reply.measures.measured_ms
    reply.heard_by(130 * SENTENCE_MS)
    assert known_ms < 130 * SENTENCE_MS + 12_000
    assert reply.measures.measured_ms <= 130 * SENTENCE_MS + NEAR_STEPS * STEP_MS
    measured_ms = reply.measures.measured_ms
    reply.heard_by(60 * SENTENCE_MS)
    assert reply.measures.measured_ms == measured_ms


def test_what_is_looked_at_is_bounded() -> None:
    reply = Reply(SENTENCE, 250, 200 * SENTENCE_MS)
    for ms in range(1000, 200 * SENTENCE_MS, 7000):
        stretch = reply.timeline.stretch(ms * 24, reply.audio.sample_count, finished=True)
        assert stretch.begin.steps <= ms // STEP_MS <= stretch.end_steps
        assert stretch.end_steps - stretch.begin.steps <= LONG_STEPS + 5 * STEPS_PER_S


def test_a_short_reply_is_looked_at_as_a_whole() -> None:
    count = LONG_STEPS * STEP_MS // SENTENCE_MS
    reply = Reply(SENTENCE, count, count * SENTENCE_MS)
    stretch = reply.timeline.stretch(30_000 * 24, reply.audio.sample_count, finished=True)
    assert (stretch.begin, stretch.end_steps, stretch.whole) == (BEGINNING, count * SENTENCE_MS // STEP_MS, True)


def test_a_second_cut_never_tells_more_than_the_first() -> None:
    reply = Reply(SENTENCE, 250, 130 * SENTENCE_MS)
    history = History()
    history.append(Message("item_1", "assistant", [reply.audio]))
    cutter = Cutter(history, Aligner(reply.measures))
    before = reply.audio.transcript
    for ms in range(120 * SENTENCE_MS, 0, -3700):
        cutter.cut_at("item_1", reply.audio, ms * 24)
        text = history.heard["item_1"].text
        assert before.startswith(text)
        before = text
