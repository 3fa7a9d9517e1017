"""Recognisers as one session asks them, over HTTP: what they are sent is paid, and nothing is sent twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bargein.core.actions import StartPhrase
from bargein.core.audio import PCM16_24K
from bargein.core.config import SessionConfig, Transcription
from bargein.core.events import PhraseHeard
from bargein.core.items import InputAudio
from bargein.errors import OverBudget, UpstreamError
from bargein.judging.phrases import PhraseHearer
from bargein.money import Caps, Ledger, Price, Prices
from bargein.money.books import Books
from bargein.session.phrases import PhraseTasks
from bargein.session.purse import Purse
from bargein.session.recognisers import Recognisers
from bargein.upstream import OnSent, Transcriber, Transcript, Transcriptions, UpstreamConfig
from support.model import Model, spoken
from support.money import work_observer
from support.realtime_client import connect
from support.scripted_upstream import Exchange, Script, ScriptedUpstream, scripted
from support.server import running_server
from support.sounds import pcm16, speech

WHISPER = Transcription("whisper-1")
TWO_SECONDS = InputAudio(bytes(96_000), PCM16_24K)
A_CENT_A_SECOND = Price(per_second=0.01)


@dataclass
class Stage:
    """One session's recogniser, and its purse."""

    hearing: Transcriptions
    recogniser: Transcriber
    purse: Purse
    books: Books
    server: ScriptedUpstream

    def begin(self, speech: InputAudio = TWO_SECONDS, asked: Transcription = WHISPER) -> asyncio.Task[Transcript]:
        return asyncio.create_task(self.recogniser.transcribe(speech, asked))

    @property
    def written_s(self) -> float:
        """What the ledger has of it."""
        return sum(float(row["transcribed_s"]) for row in self.books.ledger.used("key", 1))


@asynccontextmanager
async def heard_by(script: Script, caps: Caps | None = None) -> AsyncIterator[Stage]:
    async with scripted(script) as server, Transcriptions(UpstreamConfig(base_url=server.url, model="m")) as hearing:
        books = Books(Prices({"whisper-1": A_CENT_A_SECOND}), Ledger(), caps or Caps(), model="m", max_tokens=1)
        purse = Purse(books, "key", work_observer())
        yield Stage(hearing, Recognisers(purse).of(hearing), purse, books, server)
        books.ledger.close()


class Gate:
    """A recogniser that answers when it may, and knows who has left."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        self.asked.set()
        leaving, may = asyncio.create_task(exchange.gone()), asyncio.create_task(self.may.wait())
        await asyncio.wait({leaving, may}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        may.cancel()
        await asyncio.wait({leaving, may})
        if not self.may.is_set():
            self.left.set()
            raise ConnectionResetError
        await exchange.answer(200, b'{"text":"hello"}')


async def test_what_is_written_is_paid() -> None:
    gate = Gate()
    gate.may.set()
    async with heard_by(gate) as stage:
        assert await stage.begin() == Transcript("hello")
        assert stage.purse.session_dollars == pytest.approx(0.02)
        assert stage.written_s == 2


async def test_what_is_called_back_is_paid_by_its_seconds() -> None:
    gate = Gate()
    async with heard_by(gate) as stage:
        asking = stage.begin()
        await gate.asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await gate.left.wait()
        assert stage.purse.session_dollars == pytest.approx(0.02)


async def test_what_was_never_sent_costs_nothing() -> None:
    gate = Gate()
    async with heard_by(gate) as stage:
        asking = stage.begin()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (stage.server.exchanges, stage.written_s) == ([], 0)
        await stage.hearing.aclose()
        with pytest.raises(UpstreamError):
            await stage.begin()
        assert (stage.server.exchanges, stage.written_s) == ([], 0)


@pytest.mark.parametrize(("status", "body", "paid_s"), [(500, b"{}", 0), (400, b"{}", 0), (200, b"hello", 2)])
async def test_who_refuses_is_not_paid_but_who_answers_nonsense_is(status: int, body: bytes, paid_s: float) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, body)

    async with heard_by(script) as stage:
        with pytest.raises(UpstreamError):
            await stage.begin()
        assert stage.written_s == paid_s


async def test_who_asks_the_same_meanwhile_waits_for_the_same_answer() -> None:
    gate = Gate()
    async with heard_by(gate) as stage:
        first, second = stage.begin(), stage.begin(InputAudio(bytes(96_000), PCM16_24K), Transcription("whisper-1"))
        await gate.asked.wait()
        gate.may.set()
        assert await first == await second == Transcript("hello")
        assert (len(stage.server.exchanges), stage.written_s) == (1, 2)
        await stage.begin()
        assert (len(stage.server.exchanges), stage.written_s) == (2, 4), "what was answered is asked anew"


async def test_who_is_called_back_takes_the_answer_from_nobody() -> None:
    gate = Gate()
    async with heard_by(gate) as stage:
        first, second = stage.begin(), stage.begin()
        await gate.asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not gate.left.is_set()
        gate.may.set()
        assert await second == Transcript("hello")
        assert (len(stage.server.exchanges), stage.written_s) == (1, 2)


async def test_when_nobody_waits_any_more_the_connection_is_dropped_and_the_next_asks_anew() -> None:
    gate = Gate()
    async with heard_by(gate) as stage:
        for asking in (both := [stage.begin(), stage.begin()]):
            await gate.asked.wait()
            asking.cancel()
        third = stage.begin()
        await asyncio.wait(both)
        await gate.left.wait()
        gate.may.set()
        assert await third == Transcript("hello")
        assert (len(stage.server.exchanges), stage.written_s) == (2, 4)


@pytest.mark.parametrize(
    ("speech", "asked"),
    [
        (InputAudio(bytes(95_998) + b"\1\0", PCM16_24K), WHISPER),
        (TWO_SECONDS, Transcription("whisper-1", language="en")),
    ],
    ids=["other sound", "another question"],
)
async def test_what_is_not_the_same_is_asked_beside(speech: InputAudio, asked: Transcription) -> None:
    gate = Gate()
    async with heard_by(gate) as stage:
        both = [stage.begin(), stage.begin(speech, asked)]
        gate.may.set()
        assert await asyncio.gather(*both) == [Transcript("hello")] * 2
        assert (len(stage.server.exchanges), stage.written_s) == (2, 4)


async def test_a_failure_is_told_to_all_who_wait() -> None:
    async def fails(exchange: Exchange) -> None:
        await exchange.answer(500, b"{}")

    async with heard_by(fails) as stage:
        outcomes = await asyncio.gather(stage.begin(), stage.begin(), return_exceptions=True)
        assert [isinstance(outcome, UpstreamError) for outcome in outcomes] == [True, True]
        assert len(stage.server.exchanges) == 1


async def test_the_words_before_pauses_are_paid_also_where_the_caller_goes_on() -> None:
    gate = Gate()
    async with heard_by(gate) as stage:
        now = asyncio.get_running_loop().time
        phrases = PhraseTasks(PhraseHearer(stage.recogniser, WHISPER), SessionConfig, now, work_observer())
        phrases.begin(lambda _: None)
        for number in range(3):
            gate.asked.clear()
            phrases.start(StartPhrase(f"p{number}", bytes(96_000 + 2 * number), PCM16_24K, "en", now() + 1.0))
            await gate.asked.wait()
        await phrases.wait_closed()  # The last is late.
        assert stage.written_s == pytest.approx(6, abs=1e-3)


async def test_a_turn_that_interrupted_is_sent_once_for_the_judge_and_for_the_history(model: Model) -> None:
    sent: list[int] = []

    async def recognise(exchange: Exchange) -> None:
        sent.append(len(exchange.body))
        await asyncio.sleep(0.2)
        await exchange.answer(200, b'{"text":"(not understood)"}')

    model.will(spoken("one two three four five six seven eight " * 6))
    options = {"transcription_model": "whisper-1", "history_sound_turns": 2}
    async with (
        scripted(recognise) as recogniser,
        running_server(model.url, transcription_url=recogniser.url, **options) as server,
        connect(server.realtime_url) as caller,
        caller.microphone() as microphone,
    ):
        await caller.say_text("count")
        await caller.wait_until(lambda: len(caller.audio()) >= 48_000)
        await microphone.say(pcm16(speech("wait a moment")))
        await caller.wait_for("response.done")
        await caller.wait_for("response.done")
        await asyncio.sleep(1.0)  # In virtual time.
    assert len(sent) == len(set(sent)), "no sound twice"
    assert len(sent) > 1, "what was heard before it was confirmed, and the turn"


class OnThisMachine:
    """A recogniser that costs nothing."""

    def payee(self, transcription: Transcription) -> None:
        pass

    async def transcribe(
        self, speech: InputAudio, transcription: Transcription, on_sent: OnSent | None = None
    ) -> Transcript:
        return Transcript("hello")


@pytest.mark.parametrize(
    "caps", [Caps(session=0.03), Caps(key_day=0.03), Caps(day=0.03)], ids=["session", "key", "day"]
)
async def test_when_a_cap_is_full_nothing_is_sent_to_who_is_paid(caps: Caps) -> None:
    gate = Gate()
    gate.may.set()
    async with heard_by(gate, caps) as stage:
        for _ in range(2):
            await stage.begin()
        with pytest.raises(OverBudget, match=r"0\.0300 US dollars, is used up|has used up .* 0\.0300 US dollars"):
            await stage.begin()
        assert (len(stage.server.exchanges), stage.written_s) == (2, 4)
        free = Recognisers(stage.purse).of(OnThisMachine())
        assert await free.transcribe(TWO_SECONDS, WHISPER) == Transcript("hello")


async def test_what_is_held_for_a_turn_in_progress_keeps_no_recogniser_from_listening() -> None:
    """Else, near a cap, nobody would hear why the turn is interrupted."""
    gate = Gate()
    gate.may.set()
    async with heard_by(gate, Caps(session=1.0, day=1.0)) as stage:
        assert isinstance(stage.books.ledger.hold("key", 5.0, stage.books.caps), int)
        assert await stage.begin() == Transcript("hello")


async def test_when_nobody_can_look_at_the_budget_nothing_is_sent() -> None:
    gate = Gate()
    async with heard_by(gate, Caps(day=1.0)) as stage:
        stage.books.ledger.close()
        with pytest.raises(OverBudget, match="cannot be looked at right now"):
            await stage.begin()


async def test_when_a_cap_is_full_no_words_are_asked_for_at_pauses() -> None:
    gate = Gate()
    async with heard_by(gate, Caps(session=0.01)) as stage:
        stage.purse.session_dollars = 0.01
        now = asyncio.get_running_loop().time
        phrases = PhraseTasks(PhraseHearer(stage.recogniser, WHISPER), SessionConfig, now, work_observer())
        heard: list[PhraseHeard] = []
        phrases.begin(heard.append)
        phrases.start(StartPhrase("p", bytes(96_000), PCM16_24K, "en", now() + 1.0))
        await phrases.wait_closed()
        assert (heard, stage.server.exchanges) == ([], [])
