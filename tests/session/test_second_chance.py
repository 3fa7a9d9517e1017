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


def assert_each_was_asked_once(asked: list[Exchange], count: int) -> None:
    """What was heard before it was confirmed, ever more of it, and the turn: nothing of it twice."""
    lengths = [len(exchange.body) for exchange in asked]
    assert lengths == sorted(set(lengths))
    assert len(lengths) == count


@pytest.mark.parametrize("subprotocols", [BARGEIN_SUBPROTOCOLS, []], ids=["bargein.v1", "plain"])
@pytest.mark.parametrize("named", [True, False], ids=["the caller's recogniser", "a judge"])
@pytest.mark.parametrize("heard", ["", "Wait a moment."])
async def test_it_goes_on_if_nothing_was_said(model: Model, subprotocols: list[str], named: bool, heard: str) -> None:
    model.will(spoken(STORY))
    asked: list[Exchange] = []

    async def recognise(exchange: Exchange) -> None:
        asked.append(exchange)
        await exchange.answer(200, orjson.dumps({"text": heard}))

    # What is written down for the history would be asked for beside.
    options = {"transcription_model": "whisper-1", "history_sound_turns": 0}
    async with (
        scripted(recognise) as recogniser,
        running_server(model.url, transcription_url=recogniser.url, **options) as server,
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
            assert_each_was_asked_once(asked, 2)
            return
        assert (second["status"], second["output"]) == ("cancelled", [])
        third = (await caller.wait_for("response.done"))["response"]
        assert third["status"] == "completed"
        said = first["output"][0]["content"][0]["transcript"], third["output"][0]["content"][0]["transcript"]
        assert " ".join(said).split() == STORY.split()
        # Of no words nothing is certain: they are asked for once more before it is confirmed.
        assert_each_was_asked_once(asked, 3)
        assert server.metric("bargein_false_interruptions_total") == 1
        await caller.say_text("and now?")
        await caller.wait_for("response.done")
    assert [line for line in model.told() if line.startswith("user")] == ["user: count", "user: and now?"]
