"""A caller shows a picture: the model sees it, where it can."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from support.model import Model
from support.realtime_client import connect
from support.server import running_server

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
PICTURE = {
    "type": "message",
    "role": "user",
    "content": [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": PNG, "detail": "high"},
    ],
}


async def shown(model: Model, **settings: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:  # noqa: ANN401
    """What the caller is answered, and its errors."""
    async with running_server(model.url, **settings) as server, connect(server.realtime_url) as caller:
        await caller.send({"type": "conversation.item.create", "item": PICTURE})
        await caller.send({"type": "response.create"})
        done = await caller.wait_for("response.done")
        await caller.say_text("and now?")
        await caller.wait_for("response.done")
        added = [event for event in caller.events if event["type"] == "conversation.item.added"]
        return added[0]["item"] | {"status": done["response"]["status"]}, caller.errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"images": True},
            [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
            ],
        ),
        (
            {"upstream_flavour": "vllm-omni"},
            [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
            ],
        ),
        ({"upstream_flavour": "sglang-omni"}, "What is it?"),
    ],
)
async def test_a_model_that_sees_is_shown_it(model: Model, settings: dict[str, Any], message: object) -> None:
    item, errors = await shown(model, **settings)
    assert not errors
    assert item["content"] == [{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "detail": "high"}]
    assert item["status"] == "completed"
    for request in model.requests:
        assert request["messages"][0] == {"role": "user", "content": message}
        assert request.get("images") == ([PNG] if settings.get("upstream_flavour") == "sglang-omni" else None)


@pytest.mark.parametrize(
    "settings", [{}, {"upstream_flavour": "openai"}, {"upstream_flavour": "dashscope", "images": False}]
)
async def test_a_model_that_does_not_is_not(model: Model, settings: dict[str, Any]) -> None:
    _, (error,) = await shown(model, **settings)
    assert error["error"]["code"] == "unsupported_content_type"
    assert "takes no images" in error["error"]["message"]
    assert PNG not in str(model.requests)
