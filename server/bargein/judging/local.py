"""A recogniser on this machine: a Whisper model of the operator's, in a process of its own.

What works on sound for a third of a second must hold up nobody's voice, so it has a process that the event loop writes
to and reads from. It is started with the first utterance, or by :meth:`LocalRecogniser.tell_at_start`, and again when
it has died.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import orjson
import structlog

from bargein.core.audio import AudioFormat, Encoding
from bargein.core.config import Transcription
from bargein.core.items import InputAudio
from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamTimedOut, UpstreamUnavailable
from bargein.sound.g711 import alaw_to_pcm16, ulaw_to_pcm16
from bargein.sound.resample import resample
from bargein.upstream import OnSent, Transcript

RATE_HZ: Final = 16_000
WAITING: Final = 4
"""More utterances than this wait for nobody: by their turn they would be late."""
START_TIMEOUT_S: Final = 60.0
ANSWER_TIMEOUT_S: Final = 10.0
WORKER: Final = (sys.executable, "-m", "bargein.judging.local_worker")

_log: Final = structlog.get_logger(__name__)


class LocalRecogniser:
    """A :class:`~bargein.upstream.Transcriber`. One serves all sessions of a process, on one event loop.

    :param folder: of the model, as ``faster-whisper`` reads it (CTranslate2's format).
    :param worker: the program that listens, with its arguments before the folder.
    """

    def __init__(self, folder: Path, worker: Sequence[str] = WORKER) -> None:
        self._command = (*worker, str(folder))
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the process."""
        self._closed = True
        await self._end_process()

    async def tell_at_start(self) -> None:
        """Load the model now, so that the first utterance does not wait for it, and log whether it can be."""
        try:
            async with self._turn:
                if self._process is None:
                    await self._start_process()
        except UpstreamError as error:
            _log.error("short utterances are judged without the recogniser on this machine", why=error.message)
        else:
            _log.info("the recogniser on this machine is ready")

    def payee(self, transcription: Transcription) -> None:
        """See :meth:`~bargein.upstream.Transcriber.payee`: nobody."""

    async def transcribe(
        self, speech: InputAudio, transcription: Transcription, on_sent: OnSent | None = None
    ) -> Transcript:
        """See :meth:`~bargein.upstream.Transcriber.transcribe`. Cancelled, it listens on to what it has begun, before
        the next.

        :raises UpstreamError: it has died, is not there, or has too much to do.
        """
        if self._waiting >= WAITING:
            raise UpstreamUnavailable("The recogniser on this machine has too much to do.", code="busy")
        self._waiting += 1
        given_up = asyncio.Event()
        # What was begun is finished, whoever has lost interest: its answer must not be taken for the next one's.
        work = asyncio.ensure_future(self._transcribe(_pcm16_at_16k(speech), transcription.language, given_up))
        work.add_done_callback(self._done)
        try:
            return Transcript(await asyncio.shield(work))
        finally:
            given_up.set()

    def _done(self, work: asyncio.Future[str]) -> None:
        self._waiting -= 1
        if not work.cancelled():
            work.exception()  # It was told to whoever still waits for it.

    async def _transcribe(self, sound: bytes, language: str | None, given_up: asyncio.Event) -> str:
        async with self._turn:
            if given_up.is_set():
                return ""
            process = self._process or await self._start_process()
            assert process.stdin is not None, "it was asked for"
            head = orjson.dumps({"bytes": len(sound), "language": language})
            try:
                process.stdin.write(head + b"\n" + sound)
                await process.stdin.drain()
            except OSError as error:
                raise await self._died("It is gone.") from error
            text = (await self._read_line(process, ANSWER_TIMEOUT_S)).get("text")
            if not isinstance(text, str):
                raise UpstreamMalformed("The recogniser on this machine has written no words.", code="no_text")
            return text

    async def _start_process(self) -> asyncio.subprocess.Process:
        if self._closed:
            raise UpstreamUnavailable("The recogniser on this machine has ended.", code="closed")
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        ready = await self._read_line(process, START_TIMEOUT_S)
        if ready.get("ready") is not True:
            why = f"The recogniser on this machine does not work: {ready.get('why')}"
            await self._end_process()
            raise UpstreamUnavailable(why, code="not_ready")
        return process

    async def _read_line(self, process: asyncio.subprocess.Process, timeout_s: float) -> dict[str, Any]:
        assert process.stdout is not None, "it was asked for"
        try:
            async with asyncio.timeout(timeout_s):
                line = await process.stdout.readline()
        except TimeoutError as error:
            await self._end_process()
            why = f"The recogniser on this machine did not answer within {timeout_s:g} s."
            raise UpstreamTimedOut(why, code="whole_answer") from error
        except asyncio.CancelledError:
            await self._end_process()
            raise
        if not line:
            raise await self._died("Its process has ended.")
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    async def _died(self, why: str) -> UpstreamUnavailable:
        await self._end_process()
        return UpstreamUnavailable(f"The recogniser on this machine failed: {why}", code="died")

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _pcm16_at_16k(speech: InputAudio) -> bytes:
    fmt: AudioFormat = speech.format
    match fmt.encoding:
        case Encoding.PCM16:
            sound = speech.audio
        case Encoding.PCMU:
            sound = ulaw_to_pcm16(speech.audio).tobytes()
        case Encoding.PCMA:
            sound = alaw_to_pcm16(speech.audio).tobytes()
    return resample(np.frombuffer(sound, "<i2"), fmt.rate_hz, RATE_HZ).astype("<i2").tobytes()
