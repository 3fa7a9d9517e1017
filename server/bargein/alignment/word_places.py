"""Where the words of a reply are in its sound, while that is being sent: transcripts keep step with the sound by it.

The same search as after an interruption (:mod:`bargein.alignment.score`), but never of the whole reply: once in some
seconds, from the last clause end that was sent to some seconds ahead. Words within a clause are spread by their
letters. So a second of sound costs the same however long the reply is, and however far the model is ahead.
"""

from __future__ import annotations

import math
from typing import Final

from bargein.alignment.clause_alignment import FASTEST_PACE, USUAL_PACE, Laid, lay_clauses
from bargein.alignment.heard_words import Mark, Transcript
from bargein.alignment.known_curve import Curves
from bargein.alignment.score import Anchor, Score
from bargein.alignment.spoken_words import spoken_words
from bargein.alignment.voiced_clock import STEPS_PER_S, VoicedClock
from bargein.core.items import OutputAudio

TOLD_SHARE: Final = 0.2
"""Of a word: with the sound up to there it is told. It may be cut off before it counts as heard, and never after."""
AHEAD_STEPS: Final = 9 * STEPS_PER_S
"""So much sound is looked at beyond what is being sent."""
REST_STEPS: Final = 2 * STEPS_PER_S
"""No less than this is left for the next look."""
UNSURE_STEPS: Final = 3 * STEPS_PER_S
"""What lies nearer to the end of what was looked at may be placed otherwise when more is known."""
SURE_STEPS: Final = 4 * STEPS_PER_S
"""A clause end that lies nearer to it is not yet where to look from the next time."""
LEAST_STEPS: Final = STEPS_PER_S
"""Between two looks."""
LATE_STEPS: Final = 2 * STEPS_PER_S
"""A piece of text that arrives so far behind the end of the text before it does not run ahead of its sound."""
UNHEARD_STEPS: Final = 1.0 * STEPS_PER_S
"""So much of a voice is taken to be known before it is heard."""
REMEMBERED_STEPS: Final = 30.0 * STEPS_PER_S
"""About so much of it is remembered."""
EARLIER_STEPS: Final = 3.0 * STEPS_PER_S
"""So much do earlier replies count against this one."""
ALL_PACES: Final = (0.74, 0.86, 1.0, 1.16, 1.35)
NEAR_PACES: Final = (0.86, 1.0, 1.16)
CHARACTERS_PER_S: Final = 12.0
"""Of speech with its pauses, where nothing more is known."""
SLOWEST_PACE: Final = 2.5 * USUAL_PACE
"""Of any voice, in voiced steps for a letter. No word waits longer than the slowest voice would need to come to it."""
QUIETEST_PEAK_DB: Final = -50.0
"""Nobody speaks in a sound that is nowhere louder."""
_NEVER: Final = 1 << 62


class VoicePace:
    """How long one voice takes for a letter: learnt from replies that are known to their ends."""

    def __init__(self) -> None:
        self.heard_steps = 0.0
        """Voiced sound from which it is known; what is long ago counts less."""
        self._letters = 0.0

    @property
    def steps_per_letter(self) -> float:
        """In voiced steps."""
        return (self.heard_steps + UNHEARD_STEPS) / (self._letters + UNHEARD_STEPS / USUAL_PACE)

    def learn(self, voiced_steps: float, letters: float) -> None:
        """So many letters were spoken in so much voiced sound."""
        if self.heard_steps > REMEMBERED_STEPS:
            self.heard_steps /= 2
            self._letters /= 2
        self.heard_steps += voiced_steps
        self._letters += letters


class WordPlaces:
    """Follows one reply.

    :param audio: its sound and its transcript, as they arrive.
    :param pace: of the voice, for all replies that it speaks.
    """

    def __init__(self, audio: OutputAudio, measures: Curves, pace: VoicePace) -> None:
        timeline = audio.timeline
        assert isinstance(timeline, Transcript), "it was made by us"
        self._audio = audio
        self._timeline = timeline
        self._measures = measures
        self._pace = pace
        self._step_samples = audio.format.rate_hz // STEPS_PER_S
        self._words = spoken_words("")
        self._parsed_characters = 0
        self._places: list[int] = []
        """The sample with which each word is told."""
        self._placed_steps = 0.0
        """Where the last of them ends."""
        self._told_words = 0
        self._told_characters = 0
        self._due_samples = 0
        """Nothing changes before so much is sent."""
        self._look_samples = 0
        """When to look again."""
        self._base = Anchor(0, 0)
        """The last clause end that was sent, in steps of the sound."""
        self._base_voiced_steps = 0.0
        """Before it."""
        self._base_letters = 0.0
        """Before it."""
        self._steps_per_letter = pace.steps_per_letter
        """Behind the last clause end that is known."""

    def add(self, text: str) -> None:
        """A piece of the transcript arrived."""
        audio = self._audio
        behind = audio.sample_count - self._covered_samples()
        self._timeline.add(text, 0 if behind > LATE_STEPS * self._step_samples else audio.sample_count)
        if self._told_words >= len(self._places):
            self._due_samples = 0

    def characters_by(self, samples: int) -> int:
        """How many characters of the transcript go with the first ``samples`` of the sound: whole words, and never
        fewer than before.
        """
        if samples >= self._due_samples and samples > 0:
            self._advance(samples)
        return self._told_characters

    def ended(self) -> None:
        """All of the reply was sent: learn from it."""
        self._parse()
        end = self._audio.sample_count // self._step_samples
        clock = self._clock(self._base.steps, end)
        letters = self._base_letters + sum([word.letters for word in self._words[self._base.words :]])
        voiced_steps = self._base_voiced_steps + clock.total
        # A model that was cut short has written more than it has said.
        if FASTEST_PACE * letters < voiced_steps < SLOWEST_PACE * letters:
            self._pace.learn(voiced_steps, letters)

    def _advance(self, samples: int) -> None:
        self._parse()
        words, places = self._words, self._places
        if samples >= self._look_samples and self._told_words < len(words):
            self._look(samples)
        for index in range(len(places), len(words)):
            steps = words[index].letters * self._steps_per_letter
            self._place(self._placed_steps + TOLD_SHARE * steps, self._placed_steps + steps)
        count = self._told_words
        while count < len(words) and places[count] <= samples:
            count += 1
        self._told_words = count
        if count:
            # The last word may have grown since it was told.
            self._told_characters = max(self._told_characters, words[count - 1].end)
        self._due_samples = min(places[count], self._look_samples) if count < len(words) else _NEVER

    def _parse(self) -> None:
        """Read the words that have come. The last one that was known may go on in them."""
        timeline, words = self._timeline, self._words
        if self._parsed_characters == timeline.length:
            return
        if words:
            words.pop()
        words.extend(spoken_words(timeline.text, words[-1].end if words else 0))
        self._parsed_characters = timeline.length

    def _covered_samples(self) -> int:
        """Where the text that has arrived ends, about."""
        placed = len(self._places)
        characters = self._timeline.length - (self._words[placed - 1].end if placed else 0)
        return int((self._placed_steps + characters * STEPS_PER_S / CHARACTERS_PER_S) * self._step_samples)

    def _place(self, told_steps: float, end_steps: float) -> None:
        """Place one more word: where it is told, and where it ends."""
        self._places.append(int(told_steps * self._step_samples))
        self._placed_steps = end_steps

    # Looking at the sound.

    def _look(self, samples: int) -> None:
        """Place all words that are not known to have been sent."""
        audio, base = self._audio, self._base
        received = audio.sample_count // self._step_samples
        end = min(received, samples // self._step_samples + AHEAD_STEPS)
        if received - end < REST_STEPS:
            end = received
        whole = audio.finished and end == received
        self._look_samples = (
            _NEVER
            if whole
            else max(samples + LEAST_STEPS * self._step_samples, (end - UNSURE_STEPS) * self._step_samples)
        )
        clock = self._clock(base.steps, end)
        del self._places[base.words :]
        self._placed_steps = float(base.steps if clock.total else end)
        score = self._score(clock, whole=whole)
        if clock.total and score.words:
            laid = lay_clauses(score, clock, finished=whole, paces=self._paces())
            self._lay(score, clock, laid)
            if not whole:
                self._rebase(score, clock, laid, min(samples // self._step_samples, end - SURE_STEPS))

    def _paces(self) -> tuple[float, ...]:
        """To try: around that of the voice in its earlier replies and in this one; few where it is known."""
        letters = self._base_letters + EARLIER_STEPS / self._pace.steps_per_letter
        likeliest = (self._base_voiced_steps + EARLIER_STEPS) / letters
        known = self._base_voiced_steps + self._pace.heard_steps >= EARLIER_STEPS
        return tuple([times * likeliest for times in (NEAR_PACES if known else ALL_PACES)])

    def _score(self, clock: VoicedClock, *, whole: bool) -> Score:
        """The words that may be in the sound that is looked at."""
        base, timeline = self._base, self._timeline
        words, arrived = [], []
        letters = clock.total / FASTEST_PACE
        for index in range(base.words, len(self._words)):
            if letters <= 0 and not whole:
                break
            word = self._words[index]
            letters -= word.letters
            words.append(word)
            before = timeline.arrival_of(word.end) / self._step_samples - base.steps
            arrived.append(int(clock.before(max(before, 0.0))))
        return Score(words, arrived)

    def _lay(self, score: Score, clock: VoicedClock, laid: Laid) -> None:
        """Place the words between the clause ends that were found, and behind the last of them."""
        base_steps = self._base.steps
        for index, anchor in enumerate(laid.anchors):
            last_words, pace = len(score.words), laid.steps_per_letter
            if index + 1 < len(laid.anchors):
                following = laid.anchors[index + 1]
                last_words = following.words
                letters = score.letters_before[last_words] - score.letters_before[anchor.words]
                pace = (following.steps - anchor.steps) / letters
            letters_before = score.letters_before[anchor.words]
            for word in range(anchor.words, last_words):
                length = score.words[word].letters * pace
                end = anchor.steps + (score.letters_before[word + 1] - letters_before) * pace
                latest = (self._base_letters + score.letters_before[word + 1]) * SLOWEST_PACE - self._base_voiced_steps
                end = min(end, max(latest, 0.0))
                told = clock.moment(max(end - (1.0 - TOLD_SHARE) * length, 0.0))
                self._place(base_steps + told, base_steps + clock.moment(end))
        self._steps_per_letter = min(laid.steps_per_letter, SLOWEST_PACE)

    def _rebase(self, score: Score, clock: VoicedClock, laid: Laid, sent_steps: int) -> None:
        """Look from the last clause end that was sent on, the next time."""
        base = self._base
        passed = laid.anchors[0]
        for anchor in laid.anchors:
            if base.steps + clock.moment(anchor.steps) <= sent_steps:
                passed = anchor
        if passed.words:
            self._base = Anchor(math.ceil(base.steps + clock.moment(passed.steps)), base.words + passed.words)
            self._base_voiced_steps += passed.steps
            self._base_letters += score.letters_before[passed.words]
            mark = Mark(self._base.steps, score.words[passed.words - 1].end, self._paces())
            self._timeline.mark(mark)

    def _clock(self, begin: int, end: int) -> VoicedClock:
        """Of these steps."""
        audio = self._audio
        timeline = self._timeline
        curve = timeline.curve.between(begin, end, audio.pieces, audio.format, self._measures)
        return VoicedClock(curve, end - begin, max(timeline.curve.peak_db, QUIETEST_PEAK_DB))
