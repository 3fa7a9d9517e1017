"""Recognisers as one session asks them. Whatever is sent to one is sent here: it is paid, whatever comes of it, and who
asks the same while it is on its way waits for the same answer. When a cap is full, nothing is sent to who is paid.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bargein.core.config import Transcription
from bargein.core.items import InputAudio
from bargein.errors import OverBudget, UpstreamError
from bargein.session.purse import Purse
from bargein.session.streams import may_have_worked
from bargein.upstream import OnSent, Transcriber, Transcript

_Answer = asyncio.Future[Transcript]


class PaidTranscriber:
    """A :class:`~bargein.upstream.Transcriber` that one session's purse pays."""

    def __init__(self, transcriber: Transcriber, purse: Purse) -> None:
        self._transcriber = transcriber
        self._purse = purse
        self._requests: list[_Request] = []

    def payee(self, transcription: Transcription) -> str | None:
        """See :meth:`~bargein.upstream.Transcriber.payee`."""
        return self._transcriber.payee(transcription)

    async def transcribe(
        self, speech: InputAudio, transcription: Transcription, on_sent: OnSent | None = None
    ) -> Transcript:
        """See :meth:`~bargein.upstream.Transcriber.transcribe`. The connection is closed when nobody waits any more.

        :raises OverBudget: nothing was sent.
        """
        request = self._same(speech, transcription) or self._begin(speech, transcription)
        answer = request.awaited()
        try:
            return await answer
        finally:
            if request.sent and on_sent is not None:
                on_sent()
            await self._left(request, answer)
            del answer  # Its error knows this frame by its traceback: a circle.

    def _same(self, speech: InputAudio, transcription: Transcription) -> _Request | None:
        for request in self._requests:
            if request.asks(speech, transcription):
                return request
        return None

    def _begin(self, speech: InputAudio, transcription: Transcription) -> _Request:
        refused = None if self.payee(transcription) is None else self._purse.refuses_recognisers()
        if refused is not None:
            raise OverBudget(refused.message)
        request = _Request(speech, transcription)
        self._requests.append(request)
        request.task = asyncio.get_running_loop().create_task(self._ask(request))
        return request

    async def _left(self, request: _Request, answer: _Answer) -> None:
        """One waits no longer."""
        request.answers.discard(answer)
        task = request.task
        if task is not None and not request.answers:
            self._requests.remove(request)
            task.cancel()
            await asyncio.wait((task,))

    async def _ask(self, request: _Request) -> None:
        written: Transcript | None = None
        owed = True
        try:
            written = await self._transcriber.transcribe(request.speech, request.transcription, request.note_sent)
            request.succeed(written)
        except Exception as error:  # It is theirs who wait.
            owed = not isinstance(error, UpstreamError) or may_have_worked(error)
            request.fail(error)
        finally:
            request.task = None
            if request in self._requests:
                self._requests.remove(request)
            if written is not None or (request.sent and owed):
                self._pay(request, written)

    def _pay(self, request: _Request, written: Transcript | None) -> None:
        recogniser = self._transcriber.payee(request.transcription)
        if recogniser is not None:
            self._purse.transcribed(recogniser, request.speech, written)


class Recognisers:
    """Of one session: a :class:`PaidTranscriber` for each that is asked in it."""

    def __init__(self, purse: Purse) -> None:
        self._purse: Final = purse
        self._known: dict[Transcriber, PaidTranscriber] = {}

    def of(self, transcriber: Transcriber) -> Transcriber:
        """``transcriber``, paid by this session."""
        paid = self._known.get(transcriber)
        if paid is None:
            paid = self._known[transcriber] = PaidTranscriber(transcriber, self._purse)
        return paid


class _Request:
    """Sound that is on its way to a recogniser."""

    def __init__(self, speech: InputAudio, transcription: Transcription) -> None:
        self.speech = speech
        self.transcription = transcription
        self.task: asyncio.Task[None] | None = None
        """Until it ends."""
        self.answers: set[_Answer] = set()
        """One for each who waits."""
        self.sent = False

    def asks(self, speech: InputAudio, transcription: Transcription) -> bool:
        mine = self.speech
        return transcription == self.transcription and mine.format == speech.format and mine.audio == speech.audio

    def awaited(self) -> _Answer:
        answer: _Answer = asyncio.get_running_loop().create_future()
        self.answers.add(answer)
        return answer

    def note_sent(self) -> None:
        self.sent = True

    def succeed(self, written: Transcript) -> None:
        for answer in self._open():
            answer.set_result(written)

    def fail(self, error: Exception) -> None:
        for answer in self._open():
            answer.set_exception(error)

    def _open(self) -> list[_Answer]:
        """Of those who still wait."""
        return [answer for answer in self.answers if not answer.done()]
