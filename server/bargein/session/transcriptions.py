"""The caller's words, written down beside the conversation: concurrent with the response, never delaying it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from bargein.core.config import Transcription
from bargein.core.events import TranscriptionCompleted, TranscriptionFailed
from bargein.core.items import Failure, InputAudio
from bargein.errors import UpstreamError
from bargein.upstream import Transcriber, Transcript

NO_RECOGNISER = Failure(
    "transcription_error",
    "transcription_unavailable",
    "No speech recogniser is configured on this server. The response does not depend on it.",
)

BROKEN = Failure(
    "transcription_error", "internal_error", "The server had an internal error. The response does not depend on it."
)


OnEvent = Callable[[TranscriptionCompleted | TranscriptionFailed], None]
Known = Callable[[InputAudio, Transcription], Transcript | None]


class TranscriptionTasks:
    """Runs the transcriptions of one session.

    :param known: what was written down of a turn already, while it was asked whether it is one.
    """

    def __init__(
        self,
        transcriber: Transcriber | None,
        log: FilteringBoundLogger,
        known: Known,
    ) -> None:
        self._transcriber = transcriber
        self._log = log
        self._known = known
        self._on_event: OnEvent = _nobody_asks
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def begin(self, on_event: OnEvent) -> None:
        """``on_event`` is told what comes of each."""
        self._on_event = on_event

    def start(self, item_id: str, speech: InputAudio, transcription: Transcription) -> None:
        """Write down one item; what comes of it is told as one event."""
        if self._closed:
            return
        task = asyncio.get_running_loop().create_task(self._run(item_id, speech, transcription))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """The session ends: nothing more is told, and none is started any more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Return when no task is left. Nobody is known any more then."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._on_event = _nobody_asks

    async def _run(self, item_id: str, speech: InputAudio, transcription: Transcription) -> None:
        event: TranscriptionCompleted | TranscriptionFailed
        seconds = speech.format.samples_of(len(speech.audio)) / speech.format.rate_hz
        if self._transcriber is None:
            event = TranscriptionFailed(item_id, NO_RECOGNISER)
        else:
            try:
                said = self._known(speech, transcription)
                if said is None:
                    said = await self._transcriber.transcribe(speech, transcription)
            except UpstreamError as error:
                self._log.warning("transcription failed", item_id=item_id, error=str(error))
                event = TranscriptionFailed(item_id, Failure("transcription_error", error.code, error.message))
            except Exception:
                self._log.exception("transcription broke", item_id=item_id)
                event = TranscriptionFailed(item_id, BROKEN)
            else:
                event = TranscriptionCompleted(item_id, said.text, seconds, said.logprobs)
        self._on_event(event)


def _nobody_asks(_: TranscriptionCompleted | TranscriptionFailed) -> None:
    pass
