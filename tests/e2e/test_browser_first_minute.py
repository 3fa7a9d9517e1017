"""A newcomer's first minute with the demo model: it greets, is interrupted once, quotes what was heard, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bargein.demo import phrases
from support.browser_talk import RATE_HZ, talk
from support.server_process import ServerProcess, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def first_server(recorded_page: Path) -> Iterator[ServerProcess]:
    """As `make run` starts it: with the bundled demo model."""
    with serve("--client-web", str(recorded_page)) as server:
        yield server


async def test_it_greets_is_interrupted_quotes_and_goes_on(browser: Browser, first_server: ServerProcess) -> None:
    async with talk(browser, first_server.http_url, context_rate_hz=RATE_HZ, greeted=True) as caller:
        await expect(caller.get("model")).to_contain_text("demo model")
        await caller.get("start").click()
        await expect(caller.get("transcript")).to_contain_text("Hello! I am the demo model.", timeout=30_000)
        await caller.state("listening")
        await caller.get("live-suggest").get_by_role("button", name="Tell me a story").click()
        await caller.state("speaking", timeout_s=30)
        await caller.pass_time(3)
        await caller.get("live-suggest").get_by_role("button", name="Wait, what time is it?").click()
        cut = await caller.event("bargein.cut")
        assert cut["unheard_text"]
        await expect(caller.get("transcript")).to_contain_text(phrases.LAST_HEARD, timeout=30_000)
        await caller.state("listening", timeout_s=30)

        await caller.get("end").click()
        await expect(caller.get("receipt").locator("[data-figure=interruptions] dd")).to_have_text("1")
        said = await caller.get("transcript").locator(".entry").count()
        await caller.get("go-on").click()
        await caller.state("listening", timeout_s=30)
        await caller.get("message").fill("What did I interrupt?")
        await caller.get("message").press("Enter")
        await expect(caller.get("transcript").locator(".entry")).to_have_count(said + 2)
        last = caller.get("transcript").locator(".entry").last
        words = " ".join(cut["heard_text"].split()[-3:]).rstrip(".,")
        await expect(last).to_contain_text(f"{words}.", timeout=30_000)
