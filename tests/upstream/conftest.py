"""Which event loops the tests of the model's side run on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

try:
    import uvloop
except ImportError:  # There is none for Windows.
    LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

ON_EVERY_LOOP = {"test_cancellation.py", "test_connection.py", "test_http_client.py", "test_http_pool.py"}
"""What closes a socket at once on one loop does not on the other."""


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # pytest-asyncio's signature
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return LOOPS if item.path.name in ON_EVERY_LOOP else {"asyncio": LOOPS["asyncio"]}
