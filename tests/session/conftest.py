"""The whole server before a model that follows the test's script."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from bargein.testing.loop import VirtualTimeLoop
from support.model import Model, scripted_model
from support.server import RunningServer, running_server


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with scripted_model() as model:
        yield model


@pytest.fixture
async def server(model: Model) -> AsyncIterator[RunningServer]:
    async with running_server(model.url) as server:
        yield server


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Tests run in virtual time, but those that are about sockets."""
    real = item.get_closest_marker("real_sockets") is not None
    return {"real": asyncio.new_event_loop} if real else {"virtual": VirtualTimeLoop}
