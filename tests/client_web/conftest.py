"""The page in a real Chromium, talking with the scripted peer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from client_web.page_client import Client, OpenClient
from client_web.scripted_peer import ScriptedPeer
from support.browser import chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium("--host-resolver-rules=MAP insecure.test 127.0.0.1") as launched:
        yield launched


@pytest_asyncio.fixture(loop_scope="module")
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[ScriptedPeer]:
    """The scripted peer; ``@pytest.mark.parametrize("peer", ["key"], indirect=True)`` makes it ask for that key."""
    async with ScriptedPeer(key=getattr(request, "param", None)) as serving:
        yield serving


@pytest_asyncio.fixture(loop_scope="module")
async def open_client(browser: Browser, peer: ScriptedPeer) -> AsyncIterator[OpenClient]:
    opened = OpenClient(browser, peer)
    yield opened
    for client in opened.clients:
        await client.context.close()
    assert [words for client in opened.clients for words in client.complaints.found] == []


@pytest_asyncio.fixture(loop_scope="module")
async def client(open_client: OpenClient) -> Client:
    return await open_client()
