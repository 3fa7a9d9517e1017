"""`<bargein-voice>` on somebody's own page, under a strict CSP."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from client_web.page_client import OpenClient
from client_web.scripted_caller import RATE_HZ, tone
from client_web.scripted_peer import ScriptedPeer
from client_web.test_page_access import serious_findings

pytestmark = pytest.mark.asyncio(loop_scope="module")

COLOURS = """() => {
  const canvas = document.querySelector('bargein-voice').shadowRoot.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 255) found.add(`${data[at]} ${data[at + 1]} ${data[at + 2]}`);
  }
  return [...found];
}"""
"""Every colour on the stage that nothing shines through."""


async def test_the_element_talks_and_wears_the_colours_of_its_page(open_client: OpenClient, peer: ScriptedPeer) -> None:
    client = await open_client(url=f"{peer.url}element")
    page = client.page
    await page.get_by_role("button", name="Start").click()
    caller = await peer.caller()
    assert caller.query["agent"] == "support"
    await expect(page.get_by_role("status")).to_have_text("Listening. Say something.")
    reply = await caller.reply("It opens at nine.")
    await reply.sound(tone(3.0))
    await expect(page.get_by_role("status")).to_contain_text("Speaking.")
    await reply.heard(RATE_HZ)
    await page.wait_for_function(f"() => ({COLOURS})().includes('1 200 3')")
    await page.get_by_role("button", name="Mute").click()
    await expect(page.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="End").click()
    await caller.hung_up()
    await expect(page.get_by_role("button", name="Start")).to_be_visible()


async def test_an_element_that_is_taken_away_hangs_up(open_client: OpenClient, peer: ScriptedPeer) -> None:
    client = await open_client(url=f"{peer.url}element")
    await client.page.get_by_role("button", name="Start").click()
    caller = await peer.caller()
    # Before that the page may still be connecting, and Chromium complains of what is closed then.
    await expect(client.page.get_by_role("button", name="Mute")).to_be_visible()
    await client.page.evaluate("document.querySelector('bargein-voice').remove()")
    await caller.hung_up()


async def test_axe_finds_nothing_serious_in_the_element(open_client: OpenClient, peer: ScriptedPeer) -> None:
    """Apart: axe itself puts styles into a page, which a strict CSP complains of."""
    client = await open_client(url=f"{peer.url}element", allowed_complaints=("Applying inline style",))
    assert await serious_findings(client.page) == []
    await client.page.get_by_role("button", name="Start").click()
    await peer.caller()
    await expect(client.page.get_by_role("button", name="Mute")).to_be_visible()
    assert await serious_findings(client.page) == []
