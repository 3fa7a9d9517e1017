"""A browser, and a server whose page records what it plays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from bargein.demo.process import DemoModelProcess
from support.browser import chromium
from support.browser_talk import page_with_tap
from support.server_process import ServerProcess, serve


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest.fixture(scope="session")
def recorded_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``client_web`` with the output recorder beside it."""
    return page_with_tap(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def page_server(demo_model: DemoModelProcess, recorded_page: Path) -> Iterator[ServerProcess]:
    """The real ``bargein serve`` with default settings, in front of the demo model. Shared: leave it as it is."""
    with serve("--upstream", demo_model.base_url, "--client-web", str(recorded_page)) as server:
        yield server
