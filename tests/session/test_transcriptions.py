"""How many turns of one caller are written down at a time: each takes a socket to the recogniser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bargein.core.audio import PCM16_24K
from bargein.core.config import Transcription
from bargein.core.events import TranscriptionCompleted, TranscriptionFailed
from bargein.core.items import InputAudio
from bargein.session.transcriptions import AT_ONCE, MOST_WAITING, TranscriptionTasks
from bargein.upstream import Transcriptions, UpstreamConfig
from support.money import work_observer
from support.scripted_upstream import Exchange, scripted

WHISPER = Transcription("whisper-1")
SOUND = InputAudio(bytes(4800), PCM16_24K)


class Slow:
    """A recogniser that answers when it may, and the session that asks it."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.under_way = 0
        self.most = 0
        self._told: asyncio.Queue[TranscriptionCompleted | TranscriptionFailed] = asyncio.Queue()
        self.changed = asyncio.Condition()
        self.tasks: TranscriptionTasks

    async def script(self, exchange: Exchange) -> None:
        async with self.changed:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.changed.notify_all()
        await self.may_answer.wait()
        self.under_way -= 1
        await exchange.answer(200, b'{"text": "hi"}')

    def hear(self, event: TranscriptionCompleted | TranscriptionFailed) -> None:
        self._told.put_nowait(event)

    async def told(self, count: int) -> list[TranscriptionCompleted | TranscriptionFailed]:
        async with asyncio.timeout(60):
            return [await self._told.get() for _ in range(count)]

    @property
    def nothing_told(self) -> bool:
        return self._told.empty()

    def start(self, count: int) -> None:
        for number in range(count):
            self.tasks.start(f"item_{number}", SOUND, WHISPER)


@asynccontextmanager
async def slow() -> AsyncIterator[Slow]:
    stage = Slow()
    async with (
        scripted(stage.script) as server,
        Transcriptions(UpstreamConfig(base_url=server.url, model="m")) as hearing,
    ):
        stage.tasks = TranscriptionTasks(hearing, work_observer(), lambda *_: None)
        stage.tasks.begin(stage.hear)
        yield stage
        stage.tasks.close()
        await stage.tasks.wait_closed()


async def test_a_caller_who_commits_without_end_takes_few_sockets() -> None:
    async with slow() as stage:
        stage.start(5 * AT_ONCE)
        async with stage.changed, asyncio.timeout(60):
            await stage.changed.wait_for(lambda: stage.under_way == AT_ONCE)
        stage.may_answer.set()
        told = await stage.told(5 * AT_ONCE)
    assert stage.most == AT_ONCE
    assert all(isinstance(event, TranscriptionCompleted) for event in told)


async def test_more_than_may_wait_are_refused_in_words() -> None:
    async with slow() as stage:
        stage.start(MOST_WAITING + 3)
        told = await stage.told(3)
        assert [event.item_id for event in told] == [f"item_{MOST_WAITING + number}" for number in range(3)]
        for event in told:
            assert isinstance(event, TranscriptionFailed)
            assert event.failure.code == "too_many_transcriptions"


async def test_the_end_of_a_session_ends_those_that_wait() -> None:
    async with slow() as stage:
        stage.start(5 * AT_ONCE)
        async with stage.changed, asyncio.timeout(60):
            await stage.changed.wait_for(lambda: stage.under_way == AT_ONCE)
        stage.tasks.close()
        await stage.tasks.wait_closed()
    assert stage.nothing_told
