"""The caller's words, written down beside the conversation: concurrent with the response, never delaying it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bargein.core.config import Transcription
from bargein.core.events import TranscriptionCompleted, TranscriptionFailed
from bargein.core.items import Failure, InputAudio
from bargein.errors import OverBudget, UpstreamError
from bargein.loop.tasks import Tasks
from bargein.session.work_observer import WorkObserver
from bargein.upstream import Transcriber, Transcript
from bargein.wire.errors import BUDGET_EXCEEDED

NO_RECOGNISER = Failure(
    "transcription_error",
    "transcription_unavailable",
    "No speech recogniser is configured on this server. The response does not depend on it.",
)

AT_ONCE: Final = 4
"""Each takes a socket, of which a caller who commits fifty times a second could take all."""
MOST_WAITING: Final = 256
"""A recording of five minutes that is sent at once holds fewer turns."""

TOO_MANY = Failure(
    "transcription_error",
    "too_many_transcriptions",
    f"{MOST_WAITING} turns wait to be transcribed already. The response does not depend on it.",
)

BROKEN = Failure(
    "transcription_error", "internal_error", "The server had an internal error. The response does not depend on it."
)


OnEvent = Callable[[TranscriptionCompleted | TranscriptionFailed], None]
Known = Callable[[InputAudio, Transcription], Transcript | None]


class TranscriptionTasks:
    """Runs the transcriptions of one session.

    :param known: what was written down of a turn already, while it was asked whether it is one.
    :param for_history: writes down what no caller has asked for (:mod:`bargein.core.in_words`).
    """

    def __init__(
        self,
        transcriber: Transcriber | None,
        observer: WorkObserver,
        known: Known,
        for_history: Transcriber | None = None,
    ) -> None:
        self._transcriber = transcriber
        self._for_history = for_history
        self._observer = observer
        self._known = known
        self._on_event: OnEvent = _nobody_asks
        self._tasks = Tasks()
        self._free = asyncio.Semaphore(AT_ONCE)
        self._closed = False

    def begin(self, on_event: OnEvent) -> None:
        """``on_event`` is told what comes of each."""
        self._on_event = on_event

    def start(self, item_id: str, speech: InputAudio, transcription: Transcription, *, told: bool = True) -> None:
        """Write down one item; what comes of it is one event.

        :param told: for the caller, else for the history.
        """
        if self._closed:
            return
        if self._tasks.count < MOST_WAITING:
            self._tasks.start(self._run(item_id, speech, transcription, told=told))
        else:
            asyncio.get_running_loop().call_soon(self._refuse, item_id, told)

    def close(self) -> None:
        """The session ends: nothing more is told, and none is started any more."""
        self._closed = True
        self._tasks.cancel()

    async def wait_closed(self) -> None:
        """Return when no task is left. Nobody is known any more then."""
        await self._tasks.wait()
        self._on_event = _nobody_asks

    async def _run(self, item_id: str, speech: InputAudio, transcription: Transcription, *, told: bool) -> None:
        event: TranscriptionCompleted | TranscriptionFailed
        seconds = speech.format.samples_of(len(speech.audio)) / speech.format.rate_hz
        transcriber = self._transcriber if told else self._for_history
        if transcriber is None:
            event = TranscriptionFailed(item_id, NO_RECOGNISER, told)
        else:
            try:
                said = self._known(speech, transcription)
                if said is None:
                    async with self._free:
                        said = await transcriber.transcribe(speech, transcription)
            except OverBudget as error:
                failure = Failure("insufficient_quota", BUDGET_EXCEEDED, error.message)
                event = TranscriptionFailed(item_id, failure, told)
            except UpstreamError as error:
                self._observer.transcription_failed(item_id, error)
                event = TranscriptionFailed(item_id, Failure("transcription_error", error.code, error.message), told)
            except Exception:
                self._observer.transcription_broke(item_id)
                event = TranscriptionFailed(item_id, BROKEN, told)
            else:
                event = TranscriptionCompleted(item_id, said.text, seconds, said.logprobs, told)
        self._tell(event)

    def _refuse(self, item_id: str, told: bool) -> None:
        if not self._closed:
            self._tell(TranscriptionFailed(item_id, TOO_MANY, told))

    def _tell(self, event: TranscriptionCompleted | TranscriptionFailed) -> None:
        if self._for_history is not None and isinstance(event, TranscriptionFailed):
            self._observer.turns_stay_sound(event.item_id)
        self._on_event(event)


def _nobody_asks(_: TranscriptionCompleted | TranscriptionFailed) -> None:
    pass
