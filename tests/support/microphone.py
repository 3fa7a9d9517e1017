"""A microphone for tests: streams frames on a clock of its own, silence when nothing is said."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import websockets

from bargein.core.audio import AudioFormat


@dataclass(slots=True)
class _Utterance:
    rest: bytes
    said: asyncio.Future[int]
    first_sample: int | None = None


class Microphone:
    """Sends ``frame_ms`` of audio every ``frame_ms / speed`` for as long as its ``async with`` block lasts.

    Frames that are late are sent at once, so the mean rate holds on a busy machine, as with a real sound card.
    """

    def __init__(
        self, send: Callable[[bytes], Awaitable[None]], *, audio_format: AudioFormat, frame_ms: int, speed: float
    ) -> None:
        self._send = send
        self._format = audio_format
        self._frame_samples = audio_format.samples_in_ms(frame_ms)
        self._frame_s = frame_ms / 1000 / speed
        self._queue: deque[_Utterance] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self.samples_sent = 0
        """Samples sent since the start: the session's input clock, if nothing else appends to it."""
        self.muted = False
        """While true no samples are sent at all, as when a client mutes by stopping its track."""

    @property
    def position_ms(self) -> int:
        """:attr:`samples_sent` in milliseconds of the input clock."""
        return self._format.ms_of(self.samples_sent)

    async def say(self, audio: bytes) -> int:
        """Speak ``audio`` (in the microphone's format) after what is already being said.

        Returns, when its last sample was sent, the input clock in samples at which its *first* one was sent.

        :raises ConnectionError: the connection ended before.
        """
        return await self.start_saying(audio)

    def start_saying(self, audio: bytes) -> asyncio.Future[int]:
        """As :meth:`say`, but returns at once: the future is done when the last sample was sent."""
        said: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._ended:
            said.set_exception(_connection_ended())
        else:
            self._queue.append(_Utterance(audio, said))
        return said

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="test microphone")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        for utterance in self._queue:
            utterance.said.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        try:
            while True:
                if not self.muted:
                    await self._send_frame()
                due_s += self._frame_s
                await asyncio.sleep(max(0.0, due_s - loop.time()))
        except websockets.ConnectionClosed:
            self._ended = True
            for utterance in self._queue:
                if not utterance.said.done():
                    utterance.said.set_exception(_connection_ended())

    async def _send_frame(self) -> None:
        """Send one frame: what is being said, filled up with silence."""
        frame_bytes = self._format.bytes_of(self._frame_samples)
        frame = b""
        finished: list[_Utterance] = []
        while self._queue and len(frame) < frame_bytes:
            utterance = self._queue[0]
            if utterance.first_sample is None:
                utterance.first_sample = self.samples_sent + self._format.samples_of(len(frame))
            room = frame_bytes - len(frame)
            frame += utterance.rest[:room]
            utterance.rest = utterance.rest[room:]
            if not utterance.rest:
                finished.append(self._queue.popleft())
        frame += self._format.silence(self._frame_samples - self._format.samples_of(len(frame)))
        await self._send(frame)
        self.samples_sent += self._frame_samples
        for utterance in finished:
            if not utterance.said.done():
                utterance.said.set_result(utterance.first_sample or 0)


def _connection_ended() -> ConnectionError:
    return ConnectionError("the connection ended before everything was said")
