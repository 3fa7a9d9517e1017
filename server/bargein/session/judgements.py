"""Why the caller spoke over a reply: who knows is asked, in order, until the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bargein.core.actions import StartJudging
from bargein.core.audio import AudioFormat
from bargein.core.config import SessionConfig, Transcription
from bargein.core.events import PhraseHeard, UtteranceJudged
from bargein.core.items import InputAudio
from bargein.core.sound_judge import JUDGE_NAME, Leaning, judge_by_sound
from bargein.errors import OverBudget, UpstreamError
from bargein.judging.judge import Answer, Judge, Utterance
from bargein.judging.phrases import PhraseHearer
from bargein.loop.tasks import Tasks
from bargein.loop.time_limit import time_limit
from bargein.session.allowance import Allowance
from bargein.session.phrases import PhraseTasks
from bargein.session.work_observer import WorkObserver
from bargein.upstream import Transcript

RUNNING_AT_ONCE: Final = 2
"""Of one caller. Nobody waits for an older one."""
PER_S: Final = 1.0
BURST: Final = 10
"""How often a caller's utterances are given to recognisers, which may cost money: what is more is judged by sound."""
BURST_SO_FAR: Final = 5
"""The same of utterances that go on, which take nothing from those that are over."""
BEFORE_MS: Final = 500
AFTER_MS: Final = 150
"""Of a turn's sound, before and behind an utterance in it, that can hold no other word, silences aside."""

OnJudged = Callable[[UtteranceJudged | PhraseHeard], None]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was said in a piece of sound."""

    audio: bytes
    format: AudioFormat
    transcription: Transcription
    transcript: Transcript


class JudgementTasks:
    """Asks the judges about the utterances of one session, and answers for all of them: where none can tell, by sound.

    :param leaning: which way the sound counts.
    :param config: the session's, as it is now.
    :param now: the session's clock, in seconds.
    """

    def __init__(
        self,
        judges: Sequence[Judge],
        leaning: Leaning,
        config: Callable[[], SessionConfig],
        now: Callable[[], float],
        observer: WorkObserver,
        hearer: PhraseHearer | None = None,
    ) -> None:
        self.phrases = PhraseTasks(hearer, config, now, observer)
        self._judges = judges
        self._leaning = leaning
        self._config = config
        self._now = now
        self._observer = observer
        self._on_judged: OnJudged = _nobody_asks
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._all = Tasks()
        self._allowance = Allowance(PER_S, BURST)
        self._allowance_so_far = Allowance(PER_S, BURST_SO_FAR)
        self._known: _Known | None = None
        self._closed = False

    def begin(self, on_judged: OnJudged) -> None:
        """``on_judged`` is told each verdict, and what the words before pauses tell."""
        self._on_judged = on_judged
        self.phrases.begin(on_judged)

    def start(self, wanted: StartJudging) -> None:
        """Ask about an utterance. Its verdict is told as one event, unless it is stopped before."""
        if self._closed:
            return
        self._known = None
        while len(self._tasks) >= RUNNING_AT_ONCE:
            self.stop(next(iter(self._tasks)))
        self._tasks[wanted.utterance_id] = self._all.start(self._run(wanted, self._config().transcription))

    def stop(self, utterance_id: str) -> None:
        """Ask no longer, and drop the connection to whoever is being asked."""
        task = self._tasks.pop(utterance_id, None)
        if task is not None:
            task.cancel()

    def transcript_of(self, speech: InputAudio, transcription: Transcription) -> Transcript | None:
        """What was said in a turn, if the newest utterance that was written down is all of it."""
        known = self._known
        if known is None or known.format != speech.format or known.transcription != transcription:
            return None
        start = speech.audio.find(known.audio)
        if start < 0:
            return None
        fmt = speech.format
        before_ms = fmt.ms_of(fmt.samples_of(start))
        after_ms = fmt.ms_of(fmt.samples_of(len(speech.audio) - start - len(known.audio)))
        detection = self._config().turn_detection
        silence_ms = 0 if detection is None else detection.silence_duration_ms
        fits = before_ms <= BEFORE_MS and after_ms <= silence_ms + AFTER_MS
        return known.transcript if fits else None

    def close(self) -> None:
        """The session ends: nothing more is told, and nobody is asked any more."""
        self._closed = True
        self._known = None
        self.phrases.close()
        for utterance_id in list(self._tasks):
            self.stop(utterance_id)

    async def wait_closed(self) -> None:
        """Return when no task is left. Nobody is known any more then."""
        await self._all.wait()
        await self.phrases.wait_closed()
        self._on_judged = _nobody_asks

    async def _run(self, wanted: StartJudging, transcription: Transcription | None) -> None:
        begun_at = self._now()
        speech = InputAudio(wanted.audio, wanted.format)
        utterance = Utterance(speech, wanted.said, wanted.unsaid, wanted.language, transcription, wanted.over)
        name, answer = await self._ask(utterance, wanted.until - begun_at)
        if answer is None and not wanted.over:
            self._tasks.pop(wanted.utterance_id, None)
            self._on_judged(UtteranceJudged(wanted.utterance_id, None, name, (self._now() - begun_at) * 1000))
            return
        if answer is None:
            name, answer = JUDGE_NAME, Answer(judge_by_sound(wanted.figures, self._leaning))
        elif answer.verdict == "interruption" and answer.turn is not None:
            self._known = _Known(wanted.audio, wanted.format, *answer.turn)
        self._tasks.pop(wanted.utterance_id, None)
        took_ms = (self._now() - begun_at) * 1000
        self._on_judged(UtteranceJudged(wanted.utterance_id, answer.verdict, name, took_ms, answer.words))

    async def _ask(self, utterance: Utterance, limit_s: float) -> tuple[str, Answer | None]:
        judges = [judge for judge in self._judges if judge.can_judge(utterance)]
        allowance = self._allowance if utterance.over else self._allowance_so_far
        if not judges or not allowance.take(1, self._now()):
            return "", None
        asked = judges[0]
        try:
            async with time_limit(max(0.0, limit_s)):
                for asked in judges:
                    answer = await self._answer_of(asked, utterance)
                    if answer is not None:
                        return asked.name, answer
        except TimeoutError:
            asked.note_late()
            self._observer.judge_was_late(asked.name)
        return "", None

    async def _answer_of(self, judge: Judge, utterance: Utterance) -> Answer | None:
        try:
            return await judge.judge(utterance)
        except OverBudget:
            return None  # Another may cost nothing, as the sound does.
        except UpstreamError as error:
            self._observer.judge_failed(judge.name, error)
        except TimeoutError:
            raise
        except Exception:
            self._observer.judge_broke(judge.name)
        return None


def _nobody_asks(_: UtteranceJudged | PhraseHeard) -> None:
    pass
