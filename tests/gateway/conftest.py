"""A listening gateway for each transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import uvloop

from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.websockets_transport import WebsocketsTransport
from support.gateway import Serve, running_gateway

ON_BOTH_LOOPS = {
    "test_text_and_binary_go_both_ways",
    "test_a_caller_who_vanishes_is_1006",
    "test_a_close_by_the_session_sends_what_is_queued_first",
    "test_what_a_slow_reader_leaves_is_its_backlog_not_the_kernels",
}


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production; asyncio's own too where it matters what a loop does with its buffers."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    if item.name in ON_BOTH_LOOPS:
        factories["asyncio"] = asyncio.new_event_loop
    return factories


@pytest.fixture
def make_transport() -> MakeTransport:
    return WebsocketsTransport


@pytest.fixture
def serve(make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """In a directory without a ``.env``."""
    monkeypatch.chdir(tmp_path)
    return partial(running_gateway, make_transport)
