"""The page in docs/embed.md works as it stands, on an origin of its own."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from bargein.demo.process import DemoModelProcess
from support.browser import MICROPHONE_SCRIPT, chromium, say
from support.server_process import ServerProcess, serve
from support.speech import speak
from support.stock_clients import REPOSITORY

TRIED = re.compile(r"<!-- tried: browser -->\n```html\n(?P<code>.*?)```", re.DOTALL)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def static_server(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """Any web server that has the client's files beside a page."""
    shutil.copytree(REPOSITORY / "client_web", tmp_path / "voice")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@asynccontextmanager
async def embedding_page(server: ServerProcess, origin: str, directory: Path) -> AsyncIterator[Page]:
    """The document's page in a browser, where it was asked to talk with ``server``."""
    found = TRIED.search((REPOSITORY / "docs" / "embed.md").read_text(encoding="utf-8"))
    assert found is not None
    (directory / "index.html").write_text(found["code"].replace("127.0.0.1:8765", server.address))
    async with chromium() as browser:
        page = await browser.new_page()
        await page.add_init_script(MICROPHONE_SCRIPT)
        await page.goto(f"{origin}/index.html")
        await page.get_by_role("button", name="Talk").click()
        yield page


async def test_a_page_that_may_not_connect_is_told_so_and_its_operator_too(
    static_server: ThreadingHTTPServer, demo_model: DemoModelProcess, tmp_path: Path
) -> None:
    origin = f"http://127.0.0.1:{static_server.server_port}"
    with serve("--upstream", demo_model.base_url) as server:
        async with embedding_page(server, origin, tmp_path) as page:
            await expect(page.locator("output")).to_contain_text("does not allow this page")
            await expect(page.locator("output")).to_contain_text("BARGEIN_ALLOWED_ORIGINS")
    refused = next(line for line in server.log.splitlines() if origin in line)
    assert "BARGEIN_ALLOWED_ORIGINS" in refused
    assert "127.0.0.1" in refused


async def test_its_page_talks_from_an_origin_of_its_own(
    static_server: ThreadingHTTPServer, demo_model: DemoModelProcess, tmp_path: Path
) -> None:
    origin = f"http://127.0.0.1:{static_server.server_port}"
    settings = {"BARGEIN_ALLOWED_ORIGINS": origin}
    with serve("--upstream", demo_model.base_url, settings=settings) as server:
        async with embedding_page(server, origin, tmp_path) as page:
            await expect(page.locator("output")).to_have_text("listening")
            async with page.expect_console_message(lambda message: message.text.startswith("assistant")):
                await say(page, speak("Can you hear me?"))
