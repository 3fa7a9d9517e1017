"""Make the pictures of the browser page: `make screenshots`.

The real page in a real Chromium talks with the scripted peer of the tests, in real time, through every state: light
and dark, on a desktop, a phone, a phone held sideways, and a page at 200 %. All of them are written to
`.build/screenshots`, to be looked at; those that are kept also to `docs/screenshots`. Needs Chromium, and espeak-ng for
the voices.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import shutil
import subprocess
import sys
import wave
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path

import numpy as np
import soxr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from playwright.async_api import Browser, Page  # noqa: E402

from client_web.scripted_caller import RATE_HZ, Caller  # noqa: E402  needs the path above
from client_web.scripted_peer import ScriptedPeer  # noqa: E402
from support.browser import MICROPHONE_SCRIPT, chromium, say  # noqa: E402

SIZES = {"desktop": (1280, 800), "phone": (390, 844), "sideways": (844, 390), "zoomed": (640, 400)}
THEMES = ("light", "dark")
SHOWN = {
    f"{state}-{theme}-{size}.png"
    for state, theme, size in product(
        ("idle", "speaking", "held", "after-barge-in", "ended"), THEMES, ("desktop", "phone")
    )
}
"""The others are to be looked at, not to be kept."""
WAITING_MICROPHONE = """
(() => {
  const given = navigator.mediaDevices.getUserMedia;
  const wait = new Promise((resolve) => { window.giveMicrophone = resolve; });
  navigator.mediaDevices.getUserMedia = async (wanted) => { await wait; return given(wanted); };
})();
"""
PICTURE_S = 6.0
"""The welcome has played its interruption."""
FIRST_QUESTION = "When does the library open?"
FIRST_REPLY = "The library opens at nine in the morning."
SECOND_QUESTION = "And on a Sunday?"
SECOND_REPLY = (
    "Sunday is quieter: it opens at eleven and closes at five, and the reading room on the second floor "
    "stays shut all day."
)
HEARD = "Sunday is quieter: it opens at eleven and closes"
INTERRUPTION = "Eleven is fine. Can I bring coffee?"
LAST_REPLY = "Yes, as long as the cup has a lid."


def spoken(text: str, voice: str, pitch: int, words_per_minute: int = 165) -> bytes:
    """PCM16 at 24 kHz."""
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(words_per_minute), "--stdout", text]
    found = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603  no shell, words of our own
    with wave.open(io.BytesIO(found)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rate_hz = file.getframerate()
    return soxr.resample(samples, rate_hz, RATE_HZ).astype("<i2").tobytes()


def length_ms(pcm: bytes) -> int:
    return len(pcm) // 2 * 1000 // RATE_HZ


async def ask(page: Page, caller: Caller, text: str) -> None:
    pcm = spoken(text, "en-us+f3", 55)
    await caller.hear(400)
    await say(page, pcm)
    await caller.hear(60)
    item_id = await caller.speech_starts()
    await caller.hear(length_ms(pcm))
    await caller.speech_stops(item_id, text)


Shoot = Callable[[str], Awaitable[None]]
"""Takes a picture of a state."""


async def pictures(browser: Browser, peer: ScriptedPeer, theme: str, size: str, folder: Path, shown: Path) -> None:
    """One conversation, told from beginning to end."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=1.5,
    )
    await context.add_init_script(MICROPHONE_SCRIPT)
    await context.add_init_script(WAITING_MICROPHONE)
    page = await context.new_page()

    async def shoot(state: str) -> None:
        name = f"{state}-{theme}-{size}.png"
        await page.screenshot(path=folder / name, animations="disabled")
        if name in SHOWN:
            shutil.copyfile(folder / name, shown / name)

    caller = await connect(page, peer, shoot)
    await answered_turn(page, caller)
    await interrupted_turn(page, caller, shoot)
    await last_reply_and_end(page, caller, shoot)
    await context.close()


async def connect(page: Page, peer: ScriptedPeer, shoot: Shoot) -> Caller:
    await page.goto(peer.url)
    await page.locator("[data-check=server][data-result=good]").wait_for()
    await asyncio.sleep(PICTURE_S)
    await shoot("idle")
    await page.get_by_test_id("start").click()
    caller = await peer.caller()
    await page.locator("body[data-state=connecting]").wait_for()
    await shoot("connecting")
    await page.evaluate("window.giveMicrophone()")
    await page.locator("body[data-state=listening]").wait_for()
    await caller.hear(600)
    await shoot("listening")
    return caller


async def answered_turn(page: Page, caller: Caller) -> None:
    await ask(page, caller, FIRST_QUESTION)
    await asyncio.sleep(0.38)
    reply = await caller.reply(FIRST_REPLY)
    await reply.sound(spoken(FIRST_REPLY, "en-us", 40), lead_ms=400)
    await reply.complete()
    await page.locator("body[data-state=listening]").wait_for()


async def interrupted_turn(page: Page, caller: Caller, shoot: Shoot) -> None:
    await ask(page, caller, SECOND_QUESTION)
    await asyncio.sleep(0.34)
    reply = await caller.reply(SECOND_REPLY)
    sending = asyncio.create_task(reply.sound(spoken(SECOND_REPLY, "en-us", 40), lead_ms=400))
    await reply.heard(int(2.6 * RATE_HZ))
    await shoot("speaking")
    await reply.heard(int(3.1 * RATE_HZ))

    interruption = spoken(INTERRUPTION, "en-us+f3", 55)
    await say(page, interruption)
    await caller.hear(100)
    await reply.hold()
    sending.cancel()
    await caller.hear(120)
    await shoot("held")
    item_id = await reply.barge_in(HEARD)
    await shoot("cut")
    await caller.hear(length_ms(interruption) - 500)
    await caller.speech_stops(item_id, INTERRUPTION)
    await page.get_by_text(INTERRUPTION).wait_for()
    await shoot("after-barge-in")


async def last_reply_and_end(page: Page, caller: Caller, shoot: Shoot) -> None:
    reply = await caller.reply(LAST_REPLY)
    await reply.sound(spoken(LAST_REPLY, "en-us", 40), lead_ms=400)
    await reply.complete()
    await page.locator("body[data-state=listening]").wait_for()
    await page.get_by_test_id("open-panel").click()
    for tab in ("settings", "turns", "latency", "events"):
        await page.locator(f"#tab-{tab}").click()
        await shoot(tab)
    await page.get_by_test_id("panel-close").click()
    await page.get_by_test_id("end").click()
    await page.get_by_test_id("receipt").wait_for()
    await asyncio.sleep(1)
    await shoot("ended")


async def main(folder: Path, shown: Path, themes: list[str], sizes: list[str]) -> None:
    async with ScriptedPeer() as peer, chromium() as browser:
        for theme, size in product(themes, sizes):
            await pictures(browser, peer, theme, size, folder, shown)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".build" / "screenshots")
    parser.add_argument("--shown", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--size", choices=tuple(SIZES), action="append")
    chosen = parser.parse_args()
    for needed in (chosen.folder, chosen.shown):
        needed.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen.folder, chosen.shown, chosen.theme or list(THEMES), chosen.size or list(SIZES)))
