"""A reply that was interrupted for nothing goes on, over real sockets, with a recogniser over real HTTP."""

from __future__ import annotations

import orjson
import pytest

from support.model import Model, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, connect
from support.scripted_upstream import Exchange, scripted
from support.server import running_server
from support.sounds import pcm16, speech

STORY = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
SOUND = pcm16(speech("wait a moment"))


@pytest.mark.parametrize("subprotocols", [BARGEIN_SUBPROTOCOLS, []], ids=["bargein.v1", "plain"])
@pytest.mark.parametrize("named", [True, False], ids=["the caller's recogniser", "a judge"])
@pytest.mark.parametrize("heard", ["", "Wait a moment."])
async def test_it_goes_on_if_nothing_was_said(model: Model, subprotocols: list[str], named: bool, heard: str) -> None:
    model.will(spoken(STORY))
    asked: list[Exchange] = []

    async def recognise(exchange: Exchange) -> None:
        asked.append(exchange)
        await exchange.answer(200, orjson.dumps({"text": heard}))

    async with (
        scripted(recognise) as recogniser,
        running_server(model.url, transcription_url=recogniser.url, transcription_model="whisper-1") as server,
        connect(server.realtime_url, subprotocols=subprotocols) as caller,
        caller.microphone() as microphone,
    ):
        if named:
            await caller.update_session(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await caller.say_text("count")
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 1000)
        await microphone.say(SOUND)
        first = (await caller.wait_for("response.done"))["response"]
        assert first["status"] == "cancelled"
        second = (await caller.wait_for("response.done"))["response"]
        if heard:
            assert second["status"] == "completed"
            assert model.told(1)[-1] == "user: <input_audio>"
            assert len(asked) == 1
            return
        assert (second["status"], second["output"]) == ("cancelled", [])
        third = (await caller.wait_for("response.done"))["response"]
        assert third["status"] == "completed"
        said = first["output"][0]["content"][0]["transcript"], third["output"][0]["content"][0]["transcript"]
        assert " ".join(said).split() == STORY.split()
        assert len(asked) == 1
        assert server.metric("bargein_false_interruptions_total") == 1
        await caller.say_text("and now?")
        await caller.wait_for("response.done")
    assert [line for line in model.told() if line.startswith("user")] == ["user: count", "user: and now?"]
