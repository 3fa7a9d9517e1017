"""Our own code fails: one session ends and says so, or one transcription; nothing hangs and nothing leaks."""

from __future__ import annotations

import asyncio

import pytest

from bargein.core.actions import Action
from bargein.core.config import Transcription
from bargein.core.conversation import Conversation
from bargein.core.events import Event, StreamFailed, TimerFired
from bargein.core.items import InputAudio
from bargein.protocols import realtime
from bargein.session.session import Session
from bargein.upstream import OnSent, Transcript
from support.compiled import interpreted_only
from support.model import Model, refuses, spoken
from support.realtime_client import RealtimeClient, connect
from support.server import LastGiven, RunningServer, running_server

STORY = "one two three four five six seven eight nine ten"


def only_session(server: RunningServer) -> Session:
    (session,) = server.gateway.sessions
    assert isinstance(session, Session)
    return session


class BrokenConversation(Conversation):
    """A core with a defect: it fails on one kind of event."""

    breaks_on: type

    def handle(self, event: Event, now: float) -> list[Action]:
        if type(event) is self.breaks_on:
            raise RuntimeError("a defect of the core")
        return super().handle(event, now)


def break_core(conversation: Conversation, kind: type) -> None:
    conversation.__class__ = BrokenConversation
    conversation.breaks_on = kind  # type: ignore[attr-defined]


async def says_so_and_ends(caller: RealtimeClient) -> None:
    error = await caller.wait_for("error")
    assert error["error"]["type"] == "server_error"
    assert "Connect again" in error["error"]["message"]
    code, _ = await caller.wait_closed()
    assert code == 1011


@interpreted_only
async def test_in_a_timer(server: RunningServer, model: Model, last_given: LastGiven) -> None:
    model.will(spoken(STORY))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("count")
        await caller.wait_for("response.output_audio.delta")
        break_core(last_given.conversation, TimerFired)
        await says_so_and_ends(caller)


@interpreted_only
async def test_in_what_a_failed_stream_brings_about(server: RunningServer, model: Model, last_given: LastGiven) -> None:
    model.will(refuses(500, "The model had an error."))
    async with connect(server.realtime_url) as caller:
        await caller.wait_for("session.created")
        break_core(last_given.conversation, StreamFailed)
        await caller.say_text("hello")
        await says_so_and_ends(caller)


async def test_in_reading_a_message(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(data: bytes, *, beta: bool, bargein: bool) -> None:
        raise RuntimeError("a defect of the parser")

    async with connect(server.realtime_url) as caller:
        await caller.wait_for("session.created")
        monkeypatch.setattr(realtime, "parse_client_event", defect)
        await caller.send({"type": "response.create"})
        await says_so_and_ends(caller)


class BrokenTranscriber:
    def payee(self, transcription: Transcription) -> str:
        return transcription.model

    async def transcribe(
        self, speech: InputAudio, transcription: Transcription, on_sent: OnSent | None = None
    ) -> Transcript:
        raise RuntimeError("a defect of the recogniser's client")


class SlowToStop:
    """A recogniser whose connection takes a while to close."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.stopped = False

    def payee(self, transcription: Transcription) -> str:
        return transcription.model

    async def transcribe(
        self, speech: InputAudio, transcription: Transcription, on_sent: OnSent | None = None
    ) -> Transcript:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            self.stopped = True
        return Transcript("")


async def commit_a_second(caller: RealtimeClient) -> None:
    await caller.update_session(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
    await caller.append(bytes(48_000))
    await caller.send({"type": "input_audio_buffer.commit"})


async def test_in_a_transcription(model: Model) -> None:
    async with (
        running_server(model.url, transcriber=BrokenTranscriber()) as server,
        connect(server.realtime_url) as caller,
    ):
        await caller.wait_for("session.created")
        await commit_a_second(caller)
        failed = await caller.wait_for("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] == "internal_error"
        await caller.send({"type": "response.create"})
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"


async def test_a_session_is_closed_when_none_of_its_tasks_is_left(model: Model) -> None:
    recogniser = SlowToStop()
    async with running_server(model.url, transcriber=recogniser) as server:
        async with connect(server.realtime_url) as caller:
            await caller.wait_for("session.created")
            session = only_session(server)
            await commit_a_second(caller)
            await recogniser.asked.wait()
        await session.closed.wait()
        assert recogniser.stopped


@pytest.mark.parametrize("left", ["before", "meanwhile"])
async def test_a_drain_does_not_wait_for_callers_who_have_left(server: RunningServer, model: Model, left: str) -> None:
    model.will(model.hang_after("one two"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("count")
        await caller.wait_for("response.output_audio.delta")
        session = only_session(server)
        draining = asyncio.create_task(session.drain(1e12)) if left == "meanwhile" else None
    await session.closed.wait()
    async with asyncio.timeout(60):
        await (draining or session.drain(1e12))
