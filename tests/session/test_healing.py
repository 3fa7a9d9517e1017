"""A turn with a pause in it, over sockets: what the caller sees, and what the model is told."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from support.model import Model, spoken
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.server import RunningServer
from support.sounds import pcm16, speech

FIRST = pcm16(speech("I would like to know"))
SECOND = pcm16(speech("what time it is in Rome"))
STORY = "one two three four five six seven eight nine ten"


def turns(request: dict[str, Any]) -> list[int]:
    """Of each turn with sound that the model was told of, how many bytes it has."""
    return [
        len(base64.b64decode(part["input_audio"]["data"]))
        for message in request["messages"]
        if message["role"] == "user"
        for part in message["content"]
        if part["type"] == "input_audio"
    ]


@pytest.mark.parametrize("subprotocols", [[], BARGEIN_SUBPROTOCOLS])
async def test_both_pieces_are_answered_as_one(server: RunningServer, model: Model, subprotocols: list[str]) -> None:
    model.will(model.hang_after(STORY), spoken("it is noon"))
    async with (
        connect(server.realtime_url, subprotocols=subprotocols) as caller,
        caller.microphone() as microphone,
    ):
        await microphone.say(FIRST)
        await caller.wait_for("response.output_audio_transcript.delta")
        await microphone.say(SECOND)
        cut = await caller.wait_for("response.done")
        await caller.wait_for("response.done")
        items = [event["item_id"] for event in caller.events if event["type"] == "input_audio_buffer.committed"]
    assert cut["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert len(model.requests) == 2
    (one,), (both,) = turns(model.requests[0]), turns(model.requests[1])
    assert model.told() == ["user: <input_audio>"]
    assert both > one + len(SECOND)
    assert len(items) == len(set(items)) == 2
    assert server.metric("bargein_turns_healed_total") == 1
    ladder_is_whole(caller)


def ladder_is_whole(caller: RealtimeClient) -> None:
    """What a stock client relies on: each response and each item begins and ends once."""
    for begins, ends in [
        ("response.created", "response.done"),
        ("response.output_item.added", "response.output_item.done"),
        ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
    ]:
        assert caller.types.count(begins) == caller.types.count(ends) == 2


async def test_who_has_listened_is_told_apart(server: RunningServer, model: Model) -> None:
    model.will(model.hang_after(STORY), spoken("it is noon"))
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        await microphone.say(FIRST)
        await caller.wait_until(lambda: len(caller.audio()) >= 2 * 24 * 1500)
        await microphone.say(SECOND)
        await caller.wait_for("response.done")
        await caller.wait_for("response.done")
    told = model.told()
    assert told[0] == told[-1] == "user: <input_audio>"
    assert told[1].startswith("assistant: one two")
    assert server.metric("bargein_turns_healed_total") == 0
