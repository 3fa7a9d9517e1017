"""A listening gateway for each transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import uvloop

from bargein.gateway.carrier import MakeCarrier
from bargein.gateway.websockets_transport import WebsocketsTransport
from support.gateway import Serve, running_gateway


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops for the callers' sockets: what a transport's buffers do is theirs to decide."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    if item.path.name == "test_websocket.py":
        factories["asyncio"] = asyncio.new_event_loop
    return factories


@pytest.fixture
def make_carrier() -> MakeCarrier:
    return WebsocketsTransport


@pytest.fixture
def serve(make_carrier: MakeCarrier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """In a directory without a ``.env``."""
    monkeypatch.chdir(tmp_path)
    return partial(running_gateway, make_carrier)
