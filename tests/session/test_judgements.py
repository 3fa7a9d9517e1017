"""Who is asked why somebody spoke over a reply: in order, until a deadline, and no longer than it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import orjson
import pytest

from bargein.core.actions import StartJudging
from bargein.core.audio import PCM16_24K
from bargein.core.config import SessionConfig, Transcription, TurnDetection
from bargein.core.events import PhraseHeard, UtteranceJudged
from bargein.core.items import InputAudio
from bargein.core.sound_judge import UtteranceFigures
from bargein.judging.judge import FAILURES_IN_A_ROW, REST_S, Judge, JudgeName, Rest, WordJudge
from bargein.judging.words import Vocabulary
from bargein.money import Caps
from bargein.session.judgements import BURST, BURST_SO_FAR, JudgementTasks
from bargein.session.purse import Purse
from bargein.session.recognisers import Recognisers
from bargein.upstream import Transcript, Transcriptions, UpstreamConfig
from support.money import empty_purse, work_observer
from support.scripted_upstream import Exchange, Script, ScriptedUpstream, scripted

MS = 48  # Bytes of a millisecond.
SOUND = bytes(range(1, 241)) * 100  # Half a second.
WHISPER = Transcription("whisper-1", language="en")
NAMED = SessionConfig(transcription=WHISPER)
SHORT = UtteranceFigures(
    duration_ms=250,
    speech_ms=240,
    probability=0.9,
    level_db=-30,
    audible=True,
)


def now() -> float:
    return asyncio.get_running_loop().time()


def utterance(
    name: str = "utt_1", *, limit_ms: int = 600, said: str = "Once upon a", unsaid: str = " time."
) -> StartJudging:
    return StartJudging(name, SOUND, PCM16_24K, SHORT, said, unsaid, "en", now() + limit_ms / 1000)


def hears(*texts: str, after_ms: int = 0) -> Script:
    """A recogniser that hears these, one after the other, each after so long."""
    left = list(texts)

    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(after_ms / 1000)
        await exchange.answer(200, orjson.dumps({"text": left.pop(0)}))

    return script


async def refuses(exchange: Exchange) -> None:
    await exchange.answer(500, b'{"error":{"message":"broken"}}')


class Silent:
    """A recogniser that never answers."""

    def __init__(self) -> None:
        self.waiting = 0

    async def __call__(self, exchange: Exchange) -> None:
        self.waiting += 1
        await exchange.gone()
        self.waiting -= 1
        raise ConnectionResetError


@dataclass
class Stage:
    """The judgements of one session, in front of recognisers."""

    tasks: JudgementTasks
    servers: list[ScriptedUpstream]
    told: list[UtteranceJudged] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: UtteranceJudged | PhraseHeard) -> None:
        assert isinstance(event, UtteranceJudged)
        self.told.append(event)
        self.came.set()

    async def verdict(self) -> tuple[str, str | None, str | None]:
        await asyncio.wait_for(self.came.wait(), 60)
        self.came.clear()
        return self.told[-1].judge, self.told[-1].verdict, self.told[-1].words


@asynccontextmanager
async def judged_by(
    *scripts: Script, config: SessionConfig = NAMED, model: str | None = "any", purse: Purse | None = None
) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(scripted(script)) for script in scripts]
        configs = [UpstreamConfig(base_url=server.url, model="m") for server in servers]
        transcribers = [await stack.enter_async_context(Transcriptions(config)) for config in configs]
        names: tuple[JudgeName, ...] = ("local", "words") if len(scripts) == 2 else ("words",)
        judges: list[Judge] = [
            WordJudge(
                name,
                transcriber,
                Vocabulary(),
                Rest(now),
                model=model,
                serves_turns=name == "words",
                hears_on=name == "words",
            )
            for name, transcriber in zip(names, transcribers, strict=False)
        ]
        asked = judges if purse is None else [judge.asking(Recognisers(purse).of) for judge in judges]
        tasks = JudgementTasks(asked, "judge", lambda: config, now, work_observer())
        stage = Stage(tasks, servers)
        tasks.begin(stage.take)
        yield stage
        tasks.close()
        await tasks.wait_closed()


async def test_the_words_are_read_against_what_was_said() -> None:
    async with judged_by(hears("Mm-hmm.", "Okay.", "Stop.", "", after_ms=100)) as stage:
        stage.tasks.start(utterance("a"))
        assert await stage.verdict() == ("words", "backchannel", "Mm-hmm.")
        assert stage.told[0].utterance_id == "a"
        assert stage.told[0].took_ms == pytest.approx(100, abs=5)
        stage.tasks.start(utterance("b", said="Shall I go on?", unsaid=""))
        assert await stage.verdict() == ("words", "interruption", "Okay.")
        stage.tasks.start(utterance("c"))
        assert await stage.verdict() == ("words", "interruption", "Stop.")
        stage.tasks.start(utterance("d"))
        assert await stage.verdict() == ("words", "noise", "")


async def test_who_fails_is_followed_by_the_next_and_last_by_the_sound() -> None:
    async with judged_by(refuses, hears("Yeah.", "(not understood)")) as stage:
        stage.tasks.start(utterance("a"))
        assert await stage.verdict() == ("words", "backchannel", "Yeah.")
        # Somebody spoke and was not understood: by its sound it is short.
        stage.tasks.start(utterance("b"))
        assert await stage.verdict() == ("sound", "backchannel", None)
        assert [len(server.exchanges) for server in stage.servers] == [2, 2]


async def test_who_answers_first_is_believed_and_the_next_not_asked() -> None:
    async with judged_by(hears("Stop."), hears()) as stage:
        stage.tasks.start(utterance())
        assert await stage.verdict() == ("local", "interruption", "Stop.")
        assert [len(server.exchanges) for server in stage.servers] == [1, 0]


async def test_after_the_deadline_the_sound_decides_and_the_recogniser_is_dropped() -> None:
    silent = Silent()
    async with judged_by(silent) as stage:
        begun = now()
        stage.tasks.start(utterance(limit_ms=600))
        assert await stage.verdict() == ("sound", "backchannel", None)
        assert 0.6 <= now() - begun < 0.7
        await asyncio.sleep(0.1)
        assert silent.waiting == 0


async def test_without_any_judge_the_sound_decides_at_once() -> None:
    for config in (NAMED, SessionConfig()):
        async with judged_by(config=config) as stage:
            begun = now()
            stage.tasks.start(utterance())
            assert await stage.verdict() == ("sound", "backchannel", None)
            assert now() == pytest.approx(begun, abs=1e-6)


async def test_a_recogniser_that_nobody_named_is_not_asked() -> None:
    async with judged_by(hears(), config=SessionConfig(), model=None) as stage:
        stage.tasks.start(utterance())
        assert await stage.verdict() == ("sound", "backchannel", None)
        assert not stage.servers[0].exchanges


async def test_what_is_stopped_is_never_told_and_its_connection_dropped() -> None:
    silent = Silent()
    async with judged_by(silent) as stage:
        stage.tasks.start(utterance("a"))
        await asyncio.sleep(0.1)
        assert silent.waiting == 1
        stage.tasks.stop("a")
        stage.tasks.stop("unknown")
        await asyncio.sleep(1.0)
        assert not stage.told
        assert silent.waiting == 0


async def test_nothing_is_told_when_the_session_is_over() -> None:
    silent = Silent()
    async with judged_by(silent) as stage:
        stage.tasks.start(utterance("a"))
        await asyncio.sleep(0.1)
        stage.tasks.close()
        stage.tasks.start(utterance("b"))
        await stage.tasks.wait_closed()
        await asyncio.sleep(1.0)
        assert not stage.told
        assert silent.waiting == 0


async def test_what_goes_on_is_answered_where_it_is_certain_and_not_by_who_would_be_late_then() -> None:
    async with judged_by(hears("Yeah."), hears("Wait", "Ca", "Can I", after_ms=100)) as stage:
        local, words = stage.servers
        stage.tasks.start(replace(utterance("a"), over=False))
        assert await stage.verdict() == ("words", "interruption", "Wait")
        stage.tasks.start(replace(utterance("b"), over=False))
        assert await stage.verdict() == ("", None, None), "a piece of a word, perhaps: not by the sound either"
        assert (len(local.exchanges), len(words.exchanges)) == (0, 2)
        stage.tasks.start(utterance("c"))
        assert await stage.verdict() == ("local", "backchannel", "Yeah.")


async def test_what_goes_on_takes_nothing_from_what_is_over() -> None:
    async with judged_by(hears(*["So"] * BURST_SO_FAR, "Stop.")) as stage:
        for _ in range(BURST_SO_FAR + 3):
            stage.tasks.start(replace(utterance(), over=False))
            assert await stage.verdict() == ("", None, None)
        assert len(stage.servers[0].exchanges) == BURST_SO_FAR
        stage.tasks.start(utterance())
        assert await stage.verdict() == ("words", "interruption", "Stop.")


async def test_two_are_asked_at_once_and_no_more() -> None:
    silent = Silent()
    async with judged_by(silent) as stage:
        for name in ("a", "b", "c", "d"):
            stage.tasks.start(utterance(name))
            await asyncio.sleep(0.05)
        assert silent.waiting == 2
        await asyncio.sleep(1.0)
        assert [event.utterance_id for event in stage.told] == ["c", "d"]


async def test_who_makes_many_sounds_is_judged_by_sound_for_a_while() -> None:
    async with judged_by(hears(*["Stop."] * 30)) as stage:
        for _ in range(BURST + 3):
            stage.tasks.start(utterance())
            await stage.verdict()
        assert [event.judge for event in stage.told].count("sound") == 3
        await asyncio.sleep(2.0)
        stage.tasks.start(utterance())
        assert await stage.verdict() == ("words", "interruption", "Stop.")


async def test_a_recogniser_that_is_always_late_or_broken_rests() -> None:
    silent = Silent()
    async with judged_by(silent) as stage:
        for _ in range(3):
            stage.tasks.start(utterance())
            await stage.verdict()
        begun = now()
        stage.tasks.start(utterance())
        assert await stage.verdict() == ("sound", "backchannel", None)
        assert now() == pytest.approx(begun, abs=1e-6)
        assert len(stage.servers[0].exchanges) == 3
        await asyncio.sleep(REST_S)
        stage.tasks.start(utterance())
        await stage.verdict()
        assert len(stage.servers[0].exchanges) == 4


async def test_the_transcript_of_an_interruption_serves_its_turn() -> None:
    turn = InputAudio(bytes(300 * MS) + SOUND + bytes(500 * MS), PCM16_24K)
    async with judged_by(hears("Stop it.")) as stage:
        assert stage.tasks.transcript_of(turn, WHISPER) is None
        stage.tasks.start(utterance())
        await stage.verdict()
        assert stage.tasks.transcript_of(turn, WHISPER) == Transcript("Stop it.")
        # Another recogniser, more sound behind or before it, or other sound: it must be asked.
        assert stage.tasks.transcript_of(turn, Transcription("whisper-1")) is None
        for other in (
            bytes(300 * MS) + SOUND + bytes(700 * MS),
            bytes(900 * MS) + SOUND + bytes(500 * MS),
            bytes(300 * MS) + SOUND[:-2] + bytes(500 * MS),
        ):
            assert stage.tasks.transcript_of(InputAudio(other, PCM16_24K), WHISPER) is None
        # The next utterance takes its place.
        stage.tasks.start(utterance("b"))
        assert stage.tasks.transcript_of(turn, WHISPER) is None


async def test_it_serves_a_turn_of_a_caller_who_has_named_no_recogniser_too() -> None:
    """It is written down for the history, by the one that judges."""
    turn = InputAudio(SOUND + bytes(500 * MS), PCM16_24K)
    async with judged_by(hears("Stop it."), config=SessionConfig(), model="any") as stage:
        stage.tasks.start(replace(utterance(), language=None))
        await stage.verdict()
        assert stage.tasks.transcript_of(turn, Transcription("any")) == Transcript("Stop it.")
        assert stage.tasks.transcript_of(turn, Transcription("another")) is None


@pytest.mark.parametrize(("text", "over"), [("Stop it.", True), ("(not understood)", True), ("so", False), ("", True)])
async def test_whatever_a_recogniser_writes_is_paid(text: str, over: bool) -> None:
    """Also where it decides nothing, because it goes on or was not understood."""
    purse = empty_purse()
    answered = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, orjson.dumps({"text": text}))
        answered.set()

    async with judged_by(script, purse=purse) as stage:
        stage.tasks.start(replace(utterance(), over=over))
        await answered.wait()
        await asyncio.sleep(0.1)  # In virtual time.
    assert purse.unpriced == 1


async def test_when_a_cap_is_full_the_sound_decides_and_nobody_rests_for_it() -> None:
    purse = empty_purse(caps=Caps(session=0.01))
    async with judged_by(hears(*["Stop."] * FAILURES_IN_A_ROW, "Stop it."), purse=purse) as stage:
        purse.session_dollars = 0.01
        for _ in range(FAILURES_IN_A_ROW):
            stage.tasks.start(utterance())
            assert await stage.verdict() == ("sound", "backchannel", None)
        assert not stage.servers[0].exchanges
        purse.session_dollars = 0.0
        stage.tasks.start(utterance())
        assert await stage.verdict() == ("words", "interruption", "Stop.")


async def test_what_was_no_interruption_serves_no_turn() -> None:
    turn = InputAudio(SOUND + bytes(500 * MS), PCM16_24K)
    async with judged_by(hears("Yeah.")) as stage:
        stage.tasks.start(utterance())
        assert await stage.verdict() == ("words", "backchannel", "Yeah.")
        assert stage.tasks.transcript_of(turn, WHISPER) is None


async def test_a_recogniser_is_asked_as_the_caller_asks_it() -> None:
    turns = TurnDetection()
    asked = SessionConfig(turn_detection=turns, transcription=Transcription("gpt-transcribe", "de", "Küche", ("de",)))
    async with judged_by(hears("Ja."), config=asked) as stage:
        stage.tasks.start(utterance())
        await stage.verdict()
        body = stage.servers[0].exchanges[0].body
    for part in (b"gpt-transcribe", b"K\xc3\xbcche", b"languages[]"):
        assert part in body
