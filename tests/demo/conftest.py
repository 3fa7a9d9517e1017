"""A running demo model, shared by the tests of this folder: it keeps no state between requests but its log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bargein.demo.process import DemoModelProcess
from support.http import http_client

QUICK = ("--first-byte-ms", "0", "--pace", "0")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo() -> AsyncIterator[DemoModelProcess]:
    """As it is on this machine, as fast as it can be."""
    async with DemoModelProcess(*QUICK) as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bare_demo() -> AsyncIterator[DemoModelProcess]:
    """As it is on a machine that has only Python: recorded phrases, no listening."""
    async with DemoModelProcess(*QUICK, "--no-espeak", "--no-listen") as process:
        yield process


@pytest.fixture
def post(demo: DemoModelProcess) -> Callable[..., Any]:
    """Post JSON below ``/v1``."""

    async def send(path: str, **request: Any) -> httpx.Response:  # noqa: ANN401
        async with http_client(timeout=30) as client:
            return await client.post(f"{demo.base_url}{path}", **request)

    return send
