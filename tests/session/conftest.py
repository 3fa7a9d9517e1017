"""The whole server before a model that follows the test's script."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

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
