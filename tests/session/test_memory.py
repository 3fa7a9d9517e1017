"""What a session leaves behind: nothing, and without the garbage collector, which runs rarely in a server."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

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
            conversation = weakref.ref(session._conversation)  # type: ignore[attr-defined]
            ended = session.closed
            watched = weakref.ref(session)
            del session
        await ended.wait()
        await model.left.wait()
        # The transport tells of its end in the loop's next passes.
        for _ in range(10):
            await asyncio.sleep(0)
        assert conversation() is None
        # A cancelled task's traceback holds on to it until the next, cheap, collection of what is young.
        gc.collect(0)
        assert watched() is None
    finally:
        gc.enable()
