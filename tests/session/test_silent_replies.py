"""A model that answers in text where it was asked to speak: noticed, counted, asked once more."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.core.completion import SPEAK
from support.model import Model, calls, refuses, spoken, written
from support.realtime_client import connect
from support.server import RunningServer

G711 = {"output": {"format": {"type": "audio/pcmu"}}}


@pytest.mark.parametrize("audio", [{}, G711], ids=["pcm", "g711"])
async def test_it_is_asked_again_and_heard(
    server: RunningServer, model: Model, audio: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    model.will(written("only text here"), spoken("now I speak"))
    async with connect(server.realtime_url) as caller:
        await caller.update_session(audio=audio)
        await caller.say_text("hello")
        done = await caller.wait_for("response.done")
        assert not caller.errors
    response = done["response"]
    assert (response["status"], response["status_details"]) == ("completed", None)
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "now I speak "}]
    assert caller.types.count("response.created") == caller.types.count("response.done") == 1
    assert "only text" not in str(caller.events)
    assert "response.output_audio.delta" in caller.types
    assert model.told(1) == [*model.told(0), f"system: {SPEAK}"]
    assert server.metric('bargein_silent_replies_total{outcome="asked_again"}') == 1
    assert server.metric('bargein_silent_replies_total{outcome="given_up"}') == 0
    assert "the model answered without sound" in capsys.readouterr().out


async def test_a_model_that_never_speaks(server: RunningServer, model: Model) -> None:
    model.will(written("only text here"), written("again only text"), spoken("fine"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        response = (await caller.wait_for("response.done"))["response"]
        await caller.say_text("and now?")
        after = (await caller.wait_for("response.done"))["response"]
        assert not caller.errors
    assert response["status"] == "incomplete"
    details = response["status_details"]
    assert (details["type"], details["reason"], details["error"]["code"]) == ("incomplete", None, "no_audio")
    assert "in text without sound" in details["error"]["message"]
    (item,) = response["output"]
    assert (item["status"], item["content"]) == (
        "incomplete",
        [{"type": "output_audio", "transcript": "again only text "}],
    )
    assert after["status"] == "completed"
    # What nobody heard is not told.
    assert model.told(2) == ["user: hello", "user: and now?"]
    assert server.metric('bargein_silent_replies_total{outcome="given_up"}') == 1


async def test_both_requests_are_counted(server: RunningServer, model: Model) -> None:
    model.will(spoken("silent", sound=b""), spoken("now I speak"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        usage = (await caller.wait_for("response.done"))["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (20, 14)
    assert len(model.requests) == 2


async def test_a_second_request_that_fails(server: RunningServer, model: Model) -> None:
    model.will(written("only text here"), refuses(500, "The server had an error."), spoken("fine"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        response = (await caller.wait_for("response.done"))["response"]
        assert (response["status"], response["output"]) == ("failed", [])
        await caller.say_text("and now?")
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"


async def test_a_caller_who_cancels_the_second_request(server: RunningServer, model: Model) -> None:
    model.will(written("only text here"), model.hang_after("well"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hello")
        await caller.wait_for("response.output_item.added")
        await caller.send({"type": "response.cancel"})
        assert (await caller.wait_for("response.done"))["response"]["status"] == "cancelled"
        await model.left.wait()


async def test_calls_and_text_are_left_alone(server: RunningServer, model: Model) -> None:
    model.will(calls("f", "{}"), written("only text"))
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    async with connect(server.realtime_url) as caller:
        await caller.update_session(tools=[tool])
        await caller.say_text("hello")
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"
        await caller.say_text("write", output_modalities=["text"])
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"
    assert len(model.requests) == 2
