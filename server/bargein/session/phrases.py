"""Whether the caller has finished a phrase: who hears words is asked, one pause at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bargein.core.actions import StartPhrase
from bargein.core.config import SessionConfig
from bargein.core.events import PhraseHeard
from bargein.core.items import InputAudio
from bargein.errors import OverBudget, UpstreamError
from bargein.judging.phrases import PhraseHearer, phrase_end
from bargein.loop.tasks import Tasks
from bargein.loop.time_limit import time_limit
from bargein.session.allowance import Allowance
from bargein.session.work_observer import WorkObserver

PER_S: Final = 0.5
BURST: Final = 10
"""How often a caller's pauses are given to a recogniser, which may cost money: the sound tells of what is more."""

OnHeard = Callable[[PhraseHeard], None]


class PhraseTasks:
    """Asks for the words of one session's turns so far.

    :param hearer: who is asked; ``None``: nobody, and nothing is answered.
    :param config: the session's, as it is now.
    :param now: the session's clock, in seconds.
    """

    def __init__(
        self,
        hearer: PhraseHearer | None,
        config: Callable[[], SessionConfig],
        now: Callable[[], float],
        observer: WorkObserver,
    ) -> None:
        self._hearer = hearer
        self._config = config
        self._now = now
        self._observer = observer
        self._on_heard: OnHeard = _nobody_asks
        self._allowance = Allowance(PER_S, BURST)
        self._task: asyncio.Task[None] | None = None
        self._phrase_id = ""
        self._all = Tasks()

    def begin(self, on_heard: OnHeard) -> None:
        """``on_heard`` is told what the words tell, where they are heard in time."""
        self._on_heard = on_heard

    def start(self, wanted: StartPhrase) -> None:
        """Ask about a pause, and about none before it any more."""
        self.close()
        if self._hearer is None or not self._allowance.take(1, self._now()):
            return
        self._phrase_id = wanted.phrase_id
        self._task = self._all.start(self._run(self._hearer, wanted))

    def stop(self, phrase_id: str) -> None:
        """Ask no longer, and drop the connection to whoever is being asked."""
        if phrase_id == self._phrase_id:
            self.close()

    def close(self) -> None:
        """Nothing is asked any more."""
        task, self._task, self._phrase_id = self._task, None, ""
        if task is not None:
            task.cancel()

    async def wait_closed(self) -> None:
        """Return when no task is left. Nobody is known any more then."""
        await self._all.wait()
        self._on_heard = _nobody_asks

    async def _run(self, hearer: PhraseHearer, wanted: StartPhrase) -> None:
        begun_at = self._now()
        transcription = self._config().transcription or hearer.transcription
        if transcription is None:
            return
        speech = InputAudio(wanted.audio, wanted.format)
        try:
            async with time_limit(max(0.0, wanted.until - begun_at)):
                written = await hearer.transcriber.transcribe(speech, transcription)
        except TimeoutError:
            self._observer.phrase_was_late()
            return
        except OverBudget:
            return
        except UpstreamError as error:
            self._observer.phrase_failed(error)
            return
        except Exception:
            self._observer.phrase_broke()
            return
        end = phrase_end(written.text, language=wanted.language or transcription.language)
        self._observer.phrase_heard(end, self._now() - begun_at)
        if wanted.phrase_id == self._phrase_id:
            self._on_heard(PhraseHeard(wanted.phrase_id, end))


def _nobody_asks(_: PhraseHeard) -> None:
    pass
