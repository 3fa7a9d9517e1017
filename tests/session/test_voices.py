"""Callers name voices; models have their own."""

from __future__ import annotations

from typing import Any

import pytest

from support.model import Model
from support.realtime_client import connect
from support.server import running_server

QWEN = {"upstream_flavour": "vllm-omni", "voice": "aiden", "voices": {"alloy": "ethan"}}


async def voices_of_a_turn(model: Model, settings: dict[str, Any], chosen: str | None) -> tuple[object, set[str]]:
    """What the model is asked for, and what the caller is shown."""
    shown = set()
    async with running_server(model.url, **settings) as server, connect(server.realtime_url) as caller:
        if chosen is not None:
            await caller.update_session(audio={"output": {"voice": chosen}})
        await caller.say_text("hello")
        await caller.wait_for("response.done")
        for event in caller.events:
            if event["type"].startswith("session."):
                shown.add(event["session"]["audio"]["output"]["voice"])
            elif event["type"] in {"response.created", "response.done"}:
                shown.add(event["response"]["audio"]["output"]["voice"])
    return model.requests[0].get("voice"), shown


@pytest.mark.parametrize(
    ("settings", "chosen", "asked", "shown"),
    [
        ({"upstream_flavour": "vllm-omni"}, None, None, {"alloy"}),
        ({"upstream_flavour": "vllm-omni"}, "marin", None, {"alloy", "marin"}),
        (QWEN, None, "aiden", {"alloy"}),
        (QWEN, "alloy", "ethan", {"alloy"}),
        (QWEN, "chelsie", "chelsie", {"alloy", "chelsie"}),
    ],
)
async def test_the_model_is_asked_for_a_voice_that_it_has(
    model: Model, settings: dict[str, Any], chosen: str | None, asked: str | None, shown: set[str]
) -> None:
    assert await voices_of_a_turn(model, settings, chosen) == (asked, shown)


@pytest.mark.parametrize(("voice", "shown"), [("marin", "marin"), ("ethan", "alloy")])
async def test_what_a_session_shows_is_a_voice_of_the_protocol(model: Model, voice: str, shown: str) -> None:
    async with running_server(model.url, voice=voice) as server, connect(server.realtime_url) as caller:
        created = await caller.wait_for("session.created", since=0)
        assert created["session"]["audio"]["output"]["voice"] == shown
        await caller.say_text("hello")
        await caller.wait_for("response.done")
    assert model.requests[0]["audio"]["voice"] == voice
