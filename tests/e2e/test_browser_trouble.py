"""Trouble between the page and the real server: each is told in plain words, and each has a way on."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bargein.demo.process import DemoModelProcess
from support.browser_talk import RATE_HZ, Talk, talk
from support.listening import needs_listening
from support.server_process import ServerProcess, serve
from support.speech import speak

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST = ("WebSocket connection to", "Failed to load resource", "net::ERR")
"""What the browser itself writes to the console when a connection fails."""


async def told(caller: Talk, code: str) -> None:
    """Wait until the page shows this trouble."""
    await expect(caller.page.locator(f"[data-testid=notice][data-code={code}]")).to_be_visible(timeout=30_000)


async def answered(caller: Talk) -> None:
    """A whole spoken turn works."""
    await caller.say(speak("Can you hear me?"))
    await caller.state("speaking", timeout_s=60)
    await expect(caller.get("transcript")).to_contain_text("Yes, I can hear you.")
    await caller.state("listening")


@needs_listening
async def test_a_restarted_server_is_found_again_and_the_next_turn_works(
    browser: Browser, demo_model: DemoModelProcess, recorded_page: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ("--upstream", demo_model.base_url, "--client-web", str(recorded_page), "--port", str(port))
    with serve(*arguments) as server:
        async with talk(browser, server.http_url, context_rate_hz=RATE_HZ, allowed=LOST) as caller:
            await caller.start()
            assert await asyncio.to_thread(server.end) == 0
            await caller.state("reconnecting")
            await expect(caller.page.locator("#state-hint")).to_contain_text("server")
            with serve(*arguments):
                await caller.event("session.created", 2)
                await caller.state("listening")
                await expect(caller.page.locator("[data-testid=notice]:visible")).to_have_count(0)
                await answered(caller)


@needs_listening
async def test_a_dead_link_is_found_and_replaced(browser: Browser, page_server: ServerProcess) -> None:
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ, allowed=LOST) as caller:
        await caller.start()
        await answered(caller)
        await caller.page.context.set_offline(True)
        await caller.state("reconnecting", timeout_s=30)
        await caller.page.context.set_offline(False)
        await caller.event("session.created", 2)
        await caller.state("listening")
        await answered(caller)


async def test_a_full_server_is_waited_for(browser: Browser, demo_model: DemoModelProcess, recorded_page: Path) -> None:
    arguments = ("--upstream", demo_model.base_url, "--client-web", str(recorded_page))
    with serve(*arguments, settings={"BARGEIN_MAX_SESSIONS": "1"}) as server:
        async with (
            talk(browser, server.http_url, context_rate_hz=RATE_HZ) as first,
            talk(browser, server.http_url, context_rate_hz=RATE_HZ, allowed=LOST) as second,
        ):
            await first.start()
            await second.get("start").click()
            await expect(second.page.locator("#state-hint")).to_contain_text("The server is full", timeout=30_000)
            await first.get("end").click()
            await second.get("retry-now").click()
            await second.state("listening", timeout_s=60)
            await expect(second.page.locator("[data-testid=notice]:visible")).to_have_count(0)


@needs_listening
async def test_a_failing_model_is_told_and_the_next_turn_works(browser: Browser, page_server: ServerProcess) -> None:
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        await caller.start()
        await caller.get("message").fill("Hello [[fault: status code=400]]")
        await caller.page.keyboard.press("Enter")
        await told(caller, "model_failed")
        await caller.state("listening")
        await answered(caller)


@needs_listening
async def test_a_server_with_keys_asks_for_one_and_is_talked_to_with_a_token(
    browser: Browser, demo_model: DemoModelProcess, recorded_page: Path
) -> None:
    arguments = ("--upstream", demo_model.base_url, "--client-web", str(recorded_page))
    key = "a-key-for-tests-only-0123456789"
    with serve(*arguments, settings={"BARGEIN_API_KEYS": key}) as server:
        async with talk(browser, server.http_url, context_rate_hz=RATE_HZ, allowed=LOST) as caller:
            await caller.get("start").click()
            await expect(caller.get("key-dialog")).to_be_visible()
            await caller.get("key-value").fill("not-the-key")
            await caller.get("key-submit").click()
            await expect(caller.get("key-dialog")).to_be_visible()
            await caller.get("key-value").fill(key)
            await caller.get("key-submit").click()
            await caller.state("listening")
            await answered(caller)
            assert key not in server.log
