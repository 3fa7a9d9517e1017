"""Cheaper models for some turns: who is asked, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.model import Model, refuses
from support.realtime_client import BARGEIN_SUBPROTOCOLS, RealtimeClient, connect
from support.server import running_server

TEXT: dict[str, Any] = {"output_modalities": ["text"]}
BESIDE: dict[str, Any] = {"conversation": "none"}
OPTIONS: dict[str, Any] = {"text_model": "reads", "beside_model": "stands-by", "transcription_model": "writes"}


async def ask(caller: RealtimeClient, **response: object) -> dict[str, Any]:
    mark = caller.mark()
    await caller.say_text("hello", **response)
    return dict((await caller.wait_for("response.done", since=mark))["response"])


def asked(model: Model) -> list[str]:
    return [request["model"] for request in model.requests]


async def speak(caller: RealtimeClient) -> None:
    """A turn of sound that nobody answers, written down if somebody writes."""
    await caller.update_session(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
    await caller.append(bytes(48_000))
    await caller.send({"type": "input_audio_buffer.commit"})


async def test_who_is_asked(model: Model) -> None:
    async with running_server(model.url, **OPTIONS) as server, connect(server.realtime_url) as caller:
        await ask(caller)
        await ask(caller, **TEXT)
        await ask(caller, **BESIDE)
        await ask(caller, **BESIDE, **TEXT)
        await caller.update_session(**TEXT)
        await ask(caller)
    assert asked(model) == ["scripted", "reads", "stands-by", "reads", "reads"]
    assert [request["modalities"] for request in model.requests[:2]] == [["text", "audio"], ["text"]]


async def test_without_settings_one_model_answers_all(model: Model) -> None:
    async with running_server(model.url) as server, connect(server.realtime_url) as caller:
        for response in ({}, TEXT, BESIDE):
            await ask(caller, **response)
    assert asked(model) == ["scripted"] * 3


async def test_who_reads_is_told_what_was_said_by_its_words(model: Model) -> None:
    async with running_server(model.url, **OPTIONS) as server, connect(server.realtime_url) as caller:
        await speak(caller)
        await caller.wait_for("conversation.item.input_audio_transcription.completed")
        await ask(caller, **TEXT)
        await ask(caller)
    assert asked(model) == ["reads", "scripted"]
    assert model.told(0) == ["user: what the caller said", "user: hello"]
    assert model.told(1)[0] == "user: <input_audio>"


async def test_where_nobody_has_written_it_down_the_one_who_hears_answers(model: Model) -> None:
    model.transcription_status = 500
    async with running_server(model.url, **OPTIONS) as server, connect(server.realtime_url) as caller:
        await speak(caller)
        await caller.wait_for("conversation.item.input_audio_transcription.failed")
        await ask(caller, **TEXT)
        await ask(caller, **BESIDE, **TEXT)
    assert asked(model) == ["scripted", "stands-by"]
    assert model.told(0)[0] == "user: <input_audio>"


async def test_what_another_model_cannot_do_says_nothing_of_the_one_who_answers(model: Model) -> None:
    model.will(refuses(404, "There is no such model.", "model_not_found"))
    async with running_server(model.url, **OPTIONS) as server, connect(server.realtime_url) as caller:
        assert (await ask(caller, **TEXT))["status"] == "failed"
        assert server.metric("bargein_model_ready") == 1
        assert (await ask(caller))["status"] == "completed"


async def test_each_is_paid_its_own_price(model: Model, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(
        "[models.scripted]\ntext_in=1\naudio_in=1\ntext_out=1\naudio_out=1\n"
        "[models.reads]\ntext_in=1000\naudio_in=1000\ntext_out=1000\naudio_out=1000\n"
    )
    async with running_server(model.url, prices=prices, **OPTIONS) as server:
        async with connect(server.realtime_url, subprotocols=BARGEIN_SUBPROTOCOLS) as caller:
            await ask(caller)
            await ask(caller, **TEXT)
            await caller.wait_until(lambda: len(costs(caller)) == 2)
        paid = server.metric('bargein_cost_dollars_total{model="reads"}')
    first, second = (cost["turn"] for cost in costs(caller))
    assert first == pytest.approx(17e-6)
    assert second == pytest.approx(17e-3) == pytest.approx(paid)


def costs(caller: RealtimeClient) -> list[dict[str, Any]]:
    return [dict(event) for event in caller.events if event["type"] == "bargein.cost"]
