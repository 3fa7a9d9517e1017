"""Make the pictures of the browser page that the README shows: `make screenshots`.

The real page in a real Chromium talks with the scripted peer of the tests, in real time: idle, listening, speaking,
after a barge-in; light and dark, desktop and phone. Needs Chromium, and espeak-ng for the voices.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import subprocess
import sys
import wave
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

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
THEMES = ("light", "dark")
FIRST_QUESTION = "When does the library open?"
FIRST_REPLY = "The library opens at nine in the morning."
SECOND_QUESTION = "And on a Sunday?"
SECOND_REPLY = (
    "Sunday is quieter: it opens at eleven and closes at five, and the reading room on the second floor "
    "stays shut all day."
)
HEARD = "Sunday is quieter: it opens at eleven and closes"
INTERRUPTION = "Eleven is fine. Can I bring coffee?"


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


async def pictures(browser: Browser, peer: ScriptedPeer, theme: str, size: str, folder: Path) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=1.5,
    )
    await context.add_init_script(MICROPHONE_SCRIPT)
    page = await context.new_page()

    async def shoot(name: str) -> None:
        await page.screenshot(path=folder / f"{name}-{theme}-{size}.png", animations="disabled")

    await page.goto(peer.url)
    await page.locator("[data-check=server][data-result=good]").wait_for()
    await shoot("idle")
    await page.get_by_test_id("start").click()
    caller = await peer.caller()
    await page.locator("body[data-state=listening]").wait_for()
    await caller.hear(600)
    await shoot("listening")

    await ask(page, caller, FIRST_QUESTION)
    await asyncio.sleep(0.38)
    reply = await caller.reply(FIRST_REPLY)
    pcm = spoken(FIRST_REPLY, "en-us", 40)
    await reply.sound(pcm, lead_ms=400)
    await reply.complete()
    await page.locator("body[data-state=listening]").wait_for()

    await ask(page, caller, SECOND_QUESTION)
    await asyncio.sleep(0.34)
    reply = await caller.reply(SECOND_REPLY)
    pcm = spoken(SECOND_REPLY, "en-us", 40)
    sending = asyncio.create_task(reply.sound(pcm, lead_ms=400))
    await reply.heard(int(2.6 * RATE_HZ))
    await shoot("speaking")
    await reply.heard(int(3.1 * RATE_HZ))

    interruption = spoken(INTERRUPTION, "en-us+f3", 55)
    await say(page, interruption)
    await caller.hear(100)
    await reply.hold()
    sending.cancel()
    await caller.hear(120)
    item_id = await reply.barge_in(HEARD)
    await caller.hear(length_ms(interruption) - 200)
    await caller.speech_stops(item_id, INTERRUPTION)
    await page.get_by_text(INTERRUPTION).wait_for()
    await shoot("after-barge-in")
    await context.close()


async def main(folder: Path) -> None:
    async with ScriptedPeer() as peer, chromium() as browser:
        for theme, size in product(THEMES, SIZES):
            await pictures(browser, peer, theme, size, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "screenshots")
    chosen: Path = parser.parse_args().folder
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
