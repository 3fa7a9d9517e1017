"""What a session leaves behind: nothing, and without the garbage collector, which runs rarely in a server."""

from __future__ import annotations

import asyncio
import gc

import pytest

from bargein.core.conversation import Conversation
from bargein.gateway.websockets_transport import WebsocketsTransport
from bargein.session.session import Session
from support.model import Model, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, connect
from support.server import RunningServer
from support.sounds import pcm16, speech


@pytest.mark.parametrize("subprotocols", [(), BARGEIN_SUBPROTOCOLS], ids=["stock", "bargein.v1"])
async def test_an_ended_session_is_gone_at_once(
    server: RunningServer, model: Model, subprotocols: tuple[str, ...]
) -> None:
    model.will(spoken("one two three"), model.hang_after("one two three"))
    gc.collect()
    gc.disable()
    try:
        async with connect(server.realtime_url, subprotocols=subprotocols) as caller:
            await caller.update_session(audio={"input": {"transcription": {"model": "whisper-1"}}})
            async with caller.microphone(speed=8) as microphone:
                await microphone.say(pcm16(speech("tell me a story")))
                await caller.wait_for("response.output_audio_transcript.delta")
            await caller.send({"type": "response.cancel"})
            await caller.wait_for("response.done")
            await caller.say_text("again")
            await caller.wait_for("response.output_audio_transcript.delta")
            (session,) = server.gateway._sessions
            ended = session.closed
            del session
            assert (alive(Session), alive(Conversation)) == (1, 1)
        await ended.wait()
        await model.left.wait()
        # The transport tells of its end in the loop's next passes.
        for _ in range(10):
            await asyncio.sleep(0)
        assert alive(Conversation) == 0
        # A cancelled task's traceback holds on to it until the next, cheap, collection of what is young.
        gc.collect(0)
        assert alive(Session) == 0
    finally:
        gc.enable()


async def test_an_ended_connection_is_gone_at_once(server: RunningServer) -> None:
    gc.collect()
    gc.disable()
    try:
        async with connect(server.realtime_url) as caller:
            await caller.wait_for("session.created")
            (session,) = server.gateway._sessions
            ended = session.closed
            del session
            assert alive(WebsocketsTransport) == 1
        await ended.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert alive(WebsocketsTransport) == 0
    finally:
        gc.enable()


def alive(kind: type) -> int:
    """How many there are. Compiled classes know no weak references."""
    return sum(type(thing) is kind for thing in gc.get_objects())
