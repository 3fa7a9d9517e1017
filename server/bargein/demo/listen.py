"""Understanding speech without ever waiting for it in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from bargein.demo.engines import RATE_HZ as WORKER_HZ
from bargein.demo.engines import installed
from bargein.demo.speech import Samples
from bargein.errors import BargeinError
from bargein.sound.levels import loudness
from bargein.sound.resample import resample

SPEECH_DB: Final = -48.0
"""20 ms that are louder may be speech."""
_SPEECH_STEPS: Final = 3
LOUDEST: Final = 16_000.0
NOISE_RMS: Final = 40.0
ROOM_MS: Final = 150
KEPT_ANSWERS: Final = 64
"""The same sound comes twice when a caller wants a transcript: once to be answered, once to be written down."""
_START_TIMEOUT_S: Final = 30.0
_ANSWER_TIMEOUT_S: Final = 20.0
_QUEUED: Final = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in a sound.

    :ivar text: the command that was understood.
    :ivar able: whether words could be understood at all here.
    :ivar speech: whether there was anything but silence.
    """

    text: str | None
    able: bool
    speech: bool
    duration_ms: int


def _prepared(samples: Samples) -> bytes:
    """The sound at a usual level, with room around it and a little noise.

    The acoustic model was trained on rooms: of 96 commands it understood 67 amid digital silence and 95 amid
    noise. Of 51 from a telephone it understood 34 amid noise of 5, and 44 amid noise of 40.
    """
    padded = np.pad(samples.astype(np.float32), WORKER_HZ * ROOM_MS // 1000)
    padded *= LOUDEST / max(float(np.max(np.abs(padded))), 1.0)
    padded += np.random.default_rng(0).normal(0.0, NOISE_RMS, len(padded)).astype(np.float32)
    return np.clip(padded, -32768, 32767).astype("<i2").tobytes()


class _WorkerDiedError(BargeinError):
    """The process ended, or did not answer in time."""


@dataclass(slots=True)
class _Job:
    sound: bytes
    answer: asyncio.Future[str | None]


class Recogniser:
    """Owns the worker process: starts it when it is first needed, and again when it has died.

    :param enabled: ``False`` does without it, as on a machine for which no decoder has a wheel.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self.able = enabled and installed()
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(_QUEUED)
        self._pump: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._answers: OrderedDict[bytes, asyncio.Future[str | None]] = OrderedDict()

    async def start(self) -> None:
        """Start the worker now, so that the first caller does not wait for it. Does nothing where it cannot listen."""
        if self.able:
            self._ensure_pump()
            # Silence: the answer means that the worker is up.
            await self._ask(bytes(2))

    async def understand(self, samples: Samples, rate_hz: int) -> Heard:
        """Understand a sound. Cancelling leaves the worker well. Never raises for what the worker does."""
        duration_ms = len(samples) * 1000 // rate_hz
        at_16k = resample(samples, rate_hz, WORKER_HZ)
        levels = loudness(at_16k.tobytes(), WORKER_HZ, 20)
        speech = sum(level > SPEECH_DB for level in levels) >= _SPEECH_STEPS
        text = await self._ask(_prepared(at_16k)) if speech and self.able else None
        return Heard(text, self.able, speech, duration_ms)

    async def close(self) -> None:
        """End the worker."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        await self._end_process()

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id, while it runs."""
        return self._process.pid if self._process is not None else None

    def _ensure_pump(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._work(), name="demo-recogniser")

    async def _ask(self, sound: bytes) -> str | None:
        self._ensure_pump()
        key = hashlib.sha256(sound).digest()
        answer = self._answers.get(key)
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            try:
                self._jobs.put_nowait(_Job(sound, answer))
            except asyncio.QueueFull:
                _log.warning("the recogniser is behind by %d sounds: this one is not listened to", _QUEUED)
                return None
            self._answers[key] = answer
            if len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return await asyncio.shield(answer)

    async def _work(self) -> None:
        """One sound after the other. A sound with which the worker dies is tried once more, with a new one."""
        while True:
            job = await self._jobs.get()
            text: str | None = None
            for _ in range(2):
                try:
                    text = await self._answer(job.sound)
                    break
                except _WorkerDiedError as error:
                    _log.warning("%s", error)
                    await self._end_process()
            job.answer.set_result(text)

    async def _answer(self, sound: bytes) -> str | None:
        process = self._process or await self._start_process()
        if process is None or process.stdin is None:
            return None
        try:
            process.stdin.write(len(sound).to_bytes(4, "big") + sound)
            await process.stdin.drain()
        except OSError as error:
            raise _WorkerDiedError(f"the listening process is gone: {error}") from error
        answer = await self._read_line(process, _ANSWER_TIMEOUT_S)
        text = answer.get("text")
        return text if isinstance(text, str) else None

    async def _start_process(self) -> asyncio.subprocess.Process | None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bargein.demo.listen_worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._process = process
        ready = await self._read_line(process, _START_TIMEOUT_S)
        if not ready.get("ready"):
            _log.warning("speech cannot be understood here: %s", ready.get("why"))
            self.able = False
            await self._end_process()
            return None
        return process

    async def _read_line(self, process: asyncio.subprocess.Process, timeout_s: float) -> dict[str, Any]:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise _WorkerDiedError(f"the listening process did not answer within {timeout_s:g} s") from error
        if not line:
            raise _WorkerDiedError("the listening process ended")
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
