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
    """The real ``bargein serve`` in front of the demo model, with default settings but for one: a held reply is paused,
    so that what the page plays is what was sent, to the bit. Shared: leave it as it is.
    """
    arguments = ("--upstream", demo_model.base_url, "--client-web", str(recorded_page))
    with serve(*arguments, settings={"BARGEIN_DUCK_DB": "0"}) as server:
        yield server


@pytest.fixture(scope="session")
def ducking_page_server(demo_model: DemoModelProcess, recorded_page: Path) -> Iterator[ServerProcess]:
    """The same with default settings: a held reply is played on quietly."""
    with serve("--upstream", demo_model.base_url, "--client-web", str(recorded_page)) as server:
        yield server
