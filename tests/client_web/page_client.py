"""The page of the client in a browser, as tests hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from client_web.scripted_caller import Caller
from client_web.scripted_peer import ScriptedPeer
from support.browser import MICROPHONE_SCRIPT, Complaints

DESKTOP = (1280, 800)
PHONE = (390, 844)


@dataclass
class Client:
    """One open page, and the peer behind it."""

    page: Page
    context: BrowserContext
    peer: ScriptedPeer
    complaints: Complaints

    def get(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    async def start(self) -> Caller:
        """Press Start and wait until the page listens."""
        await self.get("start").click()
        caller = await self.peer.caller()
        await self.state("listening")
        return caller

    async def state(self, name: str) -> None:
        """Wait until the page is in this state."""
        await expect(self.page.locator("body")).to_have_attribute("data-state", name)

    async def panel(self, page: Literal["settings", "turns", "latency", "events"]) -> None:
        """Open the panel at this page."""
        if not await self.page.locator("#panel").is_visible():
            await self.get("open-panel").click()
        await self.page.locator(f"#tab-{page}").click()

    async def settings(self) -> None:
        await self.panel("settings")


class OpenClient:
    """Opens pages; what they complained of fails the test in the end."""

    def __init__(self, browser: Browser, peer: ScriptedPeer) -> None:
        self._browser = browser
        self._peer = peer
        self.clients: list[Client] = []

    async def __call__(
        self,
        *,
        size: tuple[int, int] = DESKTOP,
        theme: Literal["light", "dark"] = "light",
        calm: bool = False,
        script: str = MICROPHONE_SCRIPT,
        url: str | None = None,
        allowed_complaints: tuple[str, ...] = (),
    ) -> Client:
        """
        :param calm: the person asked for reduced motion.
        :param script: runs in the page before anything of it.
        :param allowed_complaints: parts of console messages that the trouble of the test brings with it.
        """
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            reduced_motion="reduce" if calm else "no-preference",
            accept_downloads=True,
        )
        await context.add_init_script(script)
        page = await context.new_page()
        client = Client(page, context, self._peer, Complaints(allowed_complaints))
        client.complaints.watch(page)
        self.clients.append(client)
        await page.goto(url or self._peer.url)
        return client
