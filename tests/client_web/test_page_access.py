"""The page for everybody: axe-core, keyboard alone, reduced motion, size of targets, phone and desktop."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from client_web.page_client import DESKTOP, PHONE, Client, OpenClient
from client_web.scripted_caller import RATE_HZ, tone

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
TARGET_PX = 44
PANELS: tuple[Literal["settings", "turns", "latency", "events"], ...] = ("settings", "turns", "latency", "events")


async def serious_findings(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical, with the elements."""
    if not await page.evaluate("typeof window.axe === 'object'"):
        await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


async def interrupted(client: Client) -> None:
    """Bring everything on the page that it can show: both sides, a held and a cut reply, a notice."""
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=300)
    reply = await caller.reply("It opens at nine in the morning.")
    await reply.sound(tone(4.0))
    await reply.heard(RATE_HZ // 2)
    await reply.hold()
    item_id = await reply.barge_in("It opens")
    await caller.hear(200)
    await caller.speech_stops(item_id, "And on Sundays?")
    failing = await caller.reply("Well")
    await failing.fail("The model did not answer in time.")
    await expect(client.get("notice")).to_be_visible()
    speaking = await caller.reply("On Sundays it opens at eleven and closes at five.")
    await speaking.sound(tone(4.0))
    await speaking.heard(RATE_HZ // 4)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_axe_finds_nothing_serious(
    open_client: OpenClient, theme: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    client = await open_client(theme=theme, size=size)
    await expect(client.page.locator("[data-check=server][data-result=good]")).to_be_visible()
    assert await serious_findings(client.page) == []
    await interrupted(client)
    assert await serious_findings(client.page) == []
    await client.page.locator(".unheard-chip").first.click()
    assert await serious_findings(client.page) == []
    for panel in PANELS:
        await client.panel(panel)
        await expect(client.page.locator(f"#page-{panel}")).to_be_visible()
        assert await serious_findings(client.page) == []
        await client.get("panel-close").click()
    await client.get("end").click()
    await expect(client.get("receipt")).to_be_visible()
    assert await serious_findings(client.page) == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 640)], ids=["desktop", "phone", "small phone"])
async def test_everything_fits_and_can_be_hit(open_client: OpenClient, size: tuple[int, int]) -> None:
    client = await open_client(size=size)
    await expect_targets(client.page)
    await interrupted(client)
    await expect_targets(client.page)
    for panel in PANELS:
        await client.panel(panel)
        await expect_targets(client.page)
        await client.get("panel-close").click()


async def expect_targets(page: Page) -> None:
    """No sideways scrolling, and no button or field lower than a finger."""
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    small: list[str] = await page.evaluate(
        """(least) => [...document.querySelectorAll('button, input, select, textarea, summary')]
          .map((element) => [element, (element.closest('label') ?? element).getBoundingClientRect()])
          .filter(([element, box]) => box.height > 0 && !element.closest('.event-rows'))
          .filter(([, box]) => box.height < least || box.width < least)
          .map(([element, box]) => `${element.id || element.outerHTML} ${box.width}x${box.height}`)""",
        TARGET_PX,
    )
    assert small == []


async def test_a_conversation_by_keyboard_alone(client: Client) -> None:
    page = client.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the conversation")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(client.get("start")).to_be_focused()
    await page.keyboard.press("Enter")
    caller = await client.peer.caller()
    await client.state("listening")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await client.get("message").evaluate("(field) => field === document.activeElement"):
            break
    await page.keyboard.type("When does it open?")
    await page.keyboard.press("Enter")
    await caller.expect("conversation.item.create")
    reply = await caller.reply("It opens at nine.")
    await reply.sound(tone(3.0))
    await client.state("speaking")
    await page.keyboard.press("Escape")
    await reply.cut("It opens", "client_cancelled")
    await client.state("listening")


async def test_the_panel_gives_the_focus_back(client: Client) -> None:
    await client.get("open-panel").focus()
    await client.page.keyboard.press("Enter")
    await expect(client.page.locator("#tab-settings")).to_be_focused()
    await client.page.keyboard.press("ArrowLeft")
    await expect(client.page.locator("#tab-events")).to_be_focused()
    await expect(client.page.locator("#page-events")).to_be_visible()
    await client.page.keyboard.press("Escape")
    await expect(client.page.locator("#panel")).to_be_hidden()
    await expect(client.get("open-panel")).to_be_focused()


async def test_on_a_phone_nothing_behind_the_panel_takes_the_focus(open_client: OpenClient) -> None:
    client = await open_client(size=PHONE)
    await client.panel("settings")
    for _ in range(30):
        await client.page.keyboard.press("Tab")
        assert await client.page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('#panel') !== null"
        )
    await client.page.keyboard.press("Escape")
    await expect(client.get("open-panel")).to_be_focused()


async def test_every_focus_can_be_seen(client: Client) -> None:
    """Each stop of the Tab key has an outline."""
    seen: set[str] = set()
    for _ in range(30):
        await client.page.keyboard.press("Tab")
        found: list[str] = await client.page.evaluate(
            """() => { const at = document.activeElement; const style = getComputedStyle(at);
              const name = at === document.body ? 'BODY' : at.id || at.dataset.testid || at.textContent;
              return [name, style.outlineStyle, style.outlineWidth]; }"""
        )
        if found[0] in seen or found[0] == "BODY":
            break
        seen.add(found[0])
        assert found[1] != "none", found
        assert float(found[2].removesuffix("px")) >= 2, found
    assert {"start", "message", "send"} <= seen


async def test_reduced_motion_leaves_nothing_moving(open_client: OpenClient) -> None:
    client = await open_client(calm=True)
    await client.start()
    endless: int = await client.page.evaluate(
        "document.getAnimations().filter((one) => one.effect.getTiming().iterations === Infinity).length"
    )
    assert endless == 0
