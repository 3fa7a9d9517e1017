"""A call whose old turns are told by their words: what the model is sent, byte by byte."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from support.model import Model, spoken
from support.realtime_client import connect
from support.server import RunningServer, running_server
from support.sounds import pcm16, speech

QUESTION = pcm16(speech("what time it is in Rome"))
TURNS = 9


async def talk(server: RunningServer, model: Model, **session: Any) -> list[str]:  # noqa: ANN401 (whatever a session has)
    """A call of some turns. Returns the types of what the caller was told."""
    model.will(*(spoken(f"it is {number} o'clock") for number in range(TURNS)))
    async with connect(server.realtime_url) as caller, caller.microphone() as microphone:
        if session:
            await caller.update_session(**session)
        for _ in range(TURNS):
            await microphone.say(QUESTION)
            await caller.wait_for("response.done")
            await microphone.say(bytes(96_000))
        return [event["type"] for event in caller.events]


def sounds(request: dict[str, Any]) -> list[bool]:
    """Of each turn of the caller's, whether it was told by its sound."""
    turns = [message["content"] for message in request["messages"] if message["role"] == "user"]
    return [isinstance(content, list) and content[0]["type"] == "input_audio" for content in turns]


def goes_on(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a request begins with all messages of the one before, to the byte."""
    first, second = (json.dumps(request["messages"]) for request in (before, after))
    return second.startswith(first[:-1])


async def test_old_turns_are_told_by_their_words_in_steps(model: Model) -> None:
    options = {"transcription_model": "a-recogniser", "history_sound_turns": 2, "vad": "webrtcvad"}
    async with running_server(model.url, **options) as server:
        types = await talk(server, model)
    assert len(model.requests) == TURNS
    assert [sum(sounds(request)) for request in model.requests] == [1, 2, 3, 2, 3, 2, 3, 2, 3]
    assert sounds(model.requests[-1]) == [False] * 6 + [True] * 3
    assert model.told()[:2] == ["user: what the caller said", "assistant: it is 0 o'clock "]
    # Nobody has asked to be told the transcripts.
    assert not [name for name in types if "transcription" in name]
    whole = [goes_on(*pair) for pair in zip(model.requests, model.requests[1:], strict=False)]
    assert whole == [True, True, False, True, False, True, False, True]


async def test_replies_are_told_by_their_words_from_the_beginning(model: Model) -> None:
    options = {"transcription_model": "a-recogniser", "upstream_flavour": "openai", "vad": "webrtcvad"}
    async with running_server(model.url, **options) as server:
        await talk(server, model)
    replies = [message for message in model.requests[-1]["messages"] if message["role"] == "assistant"]
    assert replies == [{"role": "assistant", "content": f"it is {number} o'clock "} for number in range(TURNS - 1)]


async def test_all_stays_sound_where_a_setting_says_so(model: Model) -> None:
    options = {"transcription_model": "a-recogniser", "history_sound_turns": 0, "vad": "webrtcvad"}
    async with running_server(model.url, **options) as server:
        await talk(server, model)
    assert sounds(model.requests[-1]) == [True] * TURNS


@pytest.mark.parametrize(
    ("options", "session", "said"),
    [
        ({}, {}, "stay in the history as sound: no recogniser is known"),
        (
            {"transcription_model": "a-recogniser"},
            {},
            "turns that nobody has written down stay in the history as sound",
        ),
    ],
    ids=["no recogniser", "a recogniser that fails"],
)
async def test_turns_that_nobody_writes_down_stay_sound_and_that_is_said_once(
    model: Model, options: dict[str, Any], session: dict[str, Any], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    model.transcription_status = 500
    async with running_server(model.url, vad="webrtcvad", judge_words=False, **options) as server:
        await talk(server, model, **session)
    assert sounds(model.requests[-1]) == [True] * TURNS
    printed = capfd.readouterr()
    assert (printed.out + printed.err).count(said) == 1


async def test_the_transcripts_that_a_caller_asks_for_serve_too(model: Model) -> None:
    transcription = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    async with running_server(model.url, vad="webrtcvad") as server:
        types = await talk(server, model, **transcription)
    assert sounds(model.requests[-1]) == [False] * 6 + [True] * 3
    assert types.count("conversation.item.input_audio_transcription.completed") == TURNS


@pytest.mark.parametrize(("asked", "shown"), [(False, None), (True, "what the caller said")])
async def test_whoever_has_asked_for_no_transcripts_cannot_retrieve_them_either(
    model: Model, asked: bool, shown: str | None
) -> None:
    heard = {"turn_detection": None, "transcription": {"model": "whisper-1"} if asked else None}
    async with (
        running_server(model.url, transcription_model="a-recogniser") as server,
        connect(server.realtime_url) as caller,
    ):
        await caller.update_session(audio={"input": heard})
        await caller.append(QUESTION)
        await caller.send({"type": "input_audio_buffer.commit"})
        item_id = (await caller.wait_for("input_audio_buffer.committed"))["item_id"]
        await asyncio.sleep(1.0)  # In virtual time, in which it is written down.
        await caller.send({"type": "conversation.item.retrieve", "item_id": item_id})
        [part] = (await caller.wait_for("conversation.item.retrieved"))["item"]["content"]
    assert part["transcript"] == shown
