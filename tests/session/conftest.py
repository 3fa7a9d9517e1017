"""The whole server before a model that follows the test's script."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import structlog
from structlog.testing import LogCapture

from bargein.session.session import Session
from bargein.testing.loop import VirtualTimeLoop
from support.model import Model, scripted_model
from support.server import LastGiven, RunningServer, running_server


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with scripted_model() as model:
        yield model


@pytest.fixture
def last_given() -> LastGiven:
    """What the newest session of :func:`server` was given: it holds on to that, where a test asks for it."""
    return LastGiven()


@pytest.fixture
async def server(request: pytest.FixtureRequest, model: Model) -> AsyncIterator[RunningServer]:
    watched = "last_given" in request.fixturenames
    make_session = request.getfixturevalue("last_given") if watched else Session
    async with running_server(model.url, make_session=make_session) as server:
        yield server


@pytest.fixture
def lines() -> Iterator[LogCapture]:
    """What is logged."""
    capture = LogCapture()
    structlog.configure(processors=[capture])
    yield capture
    structlog.reset_defaults()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Tests run in virtual time, but those that are about sockets."""
    real = item.get_closest_marker("real_sockets") is not None
    return {"real": asyncio.new_event_loop} if real else {"virtual": VirtualTimeLoop}
