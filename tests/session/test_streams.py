"""Reading the model's streams: when, and no further; and the end of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bargein.core.completion import CompletionRequest, StreamPiece, TranscriptPiece
from bargein.errors import UpstreamError, UpstreamMalformed, UpstreamTimedOut, UpstreamUnavailable
from bargein.session.streams import Streams, may_have_worked
from bargein.upstream import Drop
from support.money import work_observer

REQUEST = CompletionRequest(messages=(), audio=True, voice=None)


@dataclass
class Source:
    """An :class:`~bargein.upstream.Upstream` that always has more to say."""

    asked_for: int = 0
    """Pieces."""
    dropped: int = 0

    @asynccontextmanager
    async def stream(
        self,
        request: CompletionRequest,
        *,
        on_begun: Callable[[Drop], None] | None = None,
        on_closed: Callable[[], None] | None = None,
    ) -> AsyncIterator[AsyncIterator[StreamPiece]]:
        assert on_begun is not None
        assert on_closed is not None
        on_begun(self.drop)
        try:
            yield self.pieces()
        finally:
            on_closed()

    async def pieces(self) -> AsyncIterator[StreamPiece]:
        while True:
            await asyncio.sleep(0)
            self.asked_for += 1
            yield TranscriptPiece(f"{self.asked_for} ")

    def drop(self) -> bool:
        self.dropped += 1
        return True


@dataclass
class Reader:
    """What a session does with its streams."""

    source: Source = field(default_factory=Source)
    told: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    enough: int = 3
    read_enough: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.streams = Streams(self.source, work_observer())
        self.streams.begin(
            on_piece=self.take,
            on_failure=lambda response_id, failure, processed: None,
            on_closed=lambda response_id, delay_s: self.closed.append(response_id),
        )
        self.streams.start("resp_1", REQUEST)

    def take(self, response_id: str, piece: StreamPiece) -> None:
        assert isinstance(piece, TranscriptPiece)
        self.told.append(piece.text)
        if len(self.told) == self.enough:
            self.streams.pause(response_id)
            self.read_enough.set()


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader()
    yield reader
    reader.streams.close()
    await reader.streams.wait_closed()


async def passes_of_the_loop() -> None:
    """More than any piece takes."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_while_it_is_paused_nothing_more_is_asked_for(reader: Reader) -> None:
    await reader.read_enough.wait()
    await passes_of_the_loop()
    assert reader.source.asked_for == 3
    reader.read_enough.clear()
    reader.enough = 5
    reader.streams.go_on("resp_1")
    await reader.read_enough.wait()
    await passes_of_the_loop()
    assert reader.told == ["1 ", "2 ", "3 ", "4 ", "5 "]
    assert reader.source.asked_for == 5


async def test_while_the_callers_socket_is_full_nothing_more_is_asked_for(reader: Reader) -> None:
    reader.enough = 1000
    reader.streams.hold()
    await passes_of_the_loop()
    held_at = reader.source.asked_for
    await passes_of_the_loop()
    assert reader.source.asked_for == held_at < 10
    reader.streams.release()
    await passes_of_the_loop()
    assert reader.source.asked_for > held_at + 10


async def test_cancelling_drops_the_socket_before_anything_else_happens(reader: Reader) -> None:
    await reader.read_enough.wait()
    reader.streams.cancel("resp_1")
    assert reader.source.dropped == 1
    await passes_of_the_loop()
    assert reader.closed == ["resp_1"]
    assert reader.source.asked_for == 3


@dataclass
class Burst(Source):
    """Whose pieces have all come already; :attr:`breaks` says when it breaks off."""

    breaks: asyncio.Event = field(default_factory=asyncio.Event)

    async def pieces(self) -> AsyncIterator[StreamPiece]:
        for number in range(1, 6):
            yield TranscriptPiece(f"{number} ")
        await self.breaks.wait()
        raise UpstreamUnavailable("It broke.")


async def test_of_a_cancelled_stream_nothing_more_is_told_though_it_has_come() -> None:
    streams = Streams(Burst(), work_observer())
    told: list[object] = []

    def take(response_id: str, piece: StreamPiece) -> None:
        told.append(piece)
        if len(told) == 2:
            streams.cancel(response_id)

    streams.begin(take, lambda *failure: told.append(failure), lambda *closed: None)
    streams.start("resp_1", REQUEST)
    await passes_of_the_loop()
    assert told == [TranscriptPiece("1 "), TranscriptPiece("2 ")]
    streams.close()
    await streams.wait_closed()


async def test_what_becomes_of_a_stream_whose_place_another_has_taken_is_nobodys() -> None:
    """The model is asked once more for the same response."""
    source = Burst()
    streams = Streams(source, work_observer())
    failures: list[str] = []
    streams.begin(lambda *piece: None, lambda response_id, *_: failures.append(response_id), lambda *closed: None)
    streams.start("resp_1", REQUEST)
    await passes_of_the_loop()
    first, source.breaks = source.breaks, asyncio.Event()
    streams.start("resp_1", REQUEST)
    await passes_of_the_loop()
    first.set()
    await passes_of_the_loop()
    assert failures == []
    source.breaks.set()
    await passes_of_the_loop()
    assert failures == ["resp_1"]
    streams.close()
    await streams.wait_closed()


@pytest.mark.parametrize(
    ("error", "worked"),
    [
        (UpstreamTimedOut("", code="connect_timeout"), False),
        (UpstreamTimedOut("", code="stall_timeout"), True),
        (UpstreamMalformed(""), True),
        (UpstreamMalformed("", http_status=502), False),
        (UpstreamUnavailable("", code="connect_failed"), False),
    ],
)
def test_who_may_have_worked_on_a_request_is_paid(error: UpstreamError, worked: bool) -> None:
    assert may_have_worked(error) is worked
