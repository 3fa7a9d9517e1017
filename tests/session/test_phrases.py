"""The words before a pause, asked of a recogniser over HTTP: in time, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
import pytest

from bargein.core.actions import StartPhrase
from bargein.core.audio import PCM16_24K
from bargein.core.config import SessionConfig, Transcription
from bargein.core.events import PhraseHeard
from bargein.core.turn_end import PhraseEnd
from bargein.judging.phrases import PhraseHearer
from bargein.session.phrases import BURST, PhraseTasks
from bargein.upstream import Transcriptions, UpstreamConfig
from support.money import work_observer
from support.scripted_upstream import Exchange, Script, ScriptedUpstream, scripted

SOUND = bytes(range(1, 241)) * 100  # Half a second.
LIMIT_S = 1.0


def now() -> float:
    return asyncio.get_running_loop().time()


def phrase(name: str = "phrase_1") -> StartPhrase:
    return StartPhrase(name, SOUND, PCM16_24K, "en", now() + LIMIT_S)


@dataclass
class Stage:
    """One session's phrases, in front of a recogniser."""

    tasks: PhraseTasks
    server: ScriptedUpstream
    told: list[PhraseHeard] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: PhraseHeard) -> None:
        self.told.append(event)
        self.came.set()

    async def end_of(self, name: str) -> PhraseEnd | None:
        self.came.clear()
        self.tasks.start(phrase(name))
        await asyncio.wait_for(self.came.wait(), 60)
        assert self.told[-1].phrase_id == name
        return self.told[-1].end


def hears(*texts: str) -> Script:
    left = list(texts)

    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, orjson.dumps({"text": left.pop(0)}))

    return script


class Silent:
    """A recogniser that never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        self.asked.set()
        await exchange.gone()
        self.left.set()
        raise ConnectionResetError


@asynccontextmanager
async def heard_by(
    script: Script, *, named: Transcription | None = None, usual: Transcription | None = None
) -> AsyncIterator[Stage]:
    async with scripted(script) as server, Transcriptions(UpstreamConfig(base_url=server.url, model="m")) as hearing:
        config = SessionConfig(transcription=named)
        tasks = PhraseTasks(PhraseHearer(hearing, usual), lambda: config, now, work_observer())
        stage = Stage(tasks, server)
        tasks.begin(stage.take)
        yield stage
        tasks.close()
        await tasks.wait_closed()


USUAL = Transcription("whisper-1")


async def test_what_was_heard_tells_how_the_phrase_ends() -> None:
    async with heard_by(hears("A table for", "What time is it?", "mine"), usual=USUAL) as stage:
        assert await stage.end_of("a") == "open"
        assert await stage.end_of("b") == "finished"
        assert await stage.end_of("c") is None


async def test_the_caller_s_own_recogniser_is_named_before_the_usual_one() -> None:
    async with heard_by(hears("mine"), named=Transcription("gpt-transcribe"), usual=USUAL) as stage:
        await stage.end_of("a")
        assert b"gpt-transcribe" in stage.server.exchanges[0].body


async def test_where_nobody_has_named_a_recogniser_none_is_asked() -> None:
    async with heard_by(hears("mine")) as stage:
        stage.tasks.start(phrase())
        await asyncio.sleep(LIMIT_S)  # In virtual time.
        assert not stage.server.exchanges


async def test_an_answer_that_comes_too_late_is_not_waited_for() -> None:
    silent = Silent()
    async with heard_by(silent, usual=USUAL) as stage:
        begun = now()
        stage.tasks.start(phrase())
        await silent.left.wait()
        assert now() - begun == pytest.approx(LIMIT_S, abs=0.05)
        assert not stage.told


async def test_what_is_not_wanted_any_more_drops_its_connection() -> None:
    silent = Silent()
    async with heard_by(silent, usual=USUAL) as stage:
        stage.tasks.start(phrase("a"))
        await silent.asked.wait()
        stage.tasks.stop("another")
        assert not silent.left.is_set()
        stage.tasks.stop("a")
        await silent.left.wait()
        assert not stage.told


async def test_a_recogniser_that_fails_tells_nothing_and_is_asked_again() -> None:
    answers = [(500, b'{"error":{"message":"broken"}}'), (200, b'{"text":"and"}')]
    answered = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.answer(*answers.pop(0))
        answered.set()

    async with heard_by(script, usual=USUAL) as stage:
        stage.tasks.start(phrase("a"))
        await answered.wait()
        assert await stage.end_of("b") == "open"
        assert [event.phrase_id for event in stage.told] == ["b"]


async def test_who_pauses_all_the_time_is_not_asked_about_all_the_time() -> None:
    async with heard_by(hears(*["and"] * 2 * BURST), usual=USUAL) as stage:
        for number in range(BURST):
            await stage.end_of(str(number))
        stage.tasks.start(phrase("one too many"))
        await asyncio.sleep(0.5)
        assert len(stage.server.exchanges) == BURST
