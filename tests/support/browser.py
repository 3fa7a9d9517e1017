"""A real Chromium for tests, and a microphone in it that says what the test wants."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
# What is expected comes as soon as it can, and on a busy machine that is later than Playwright's 5 s.
expect.set_options(timeout=30_000)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

# Replaces getUserMedia by a stream that the test feeds. All behind it is real: the worklet, the socket, the page.
MICROPHONE_SCRIPT = """
(() => {
  let context, destination;
  const opened = () => {
    context ??= new AudioContext({ sampleRate: 48000 });
    destination ??= context.createMediaStreamDestination();
    return destination.stream;
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const stream = opened();
    await context.resume();
    return stream.clone();
  };
  window.sayIntoMicrophone = async (base64, rate) => {
    opened();
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const samples = new Int16Array(bytes.buffer);
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(destination);
    source.start();
  };
})();
"""


def chromium_path(playwrights_own: str) -> str:
    """Find Chromium, or skip the test saying how to get it; with ``CI`` set that is a failure instead.

    ``BARGEIN_CHROMIUM`` names a program that is nowhere else.

    :param playwrights_own: where ``playwright install chromium`` puts it.
    """
    named = os.environ.get("BARGEIN_CHROMIUM")
    candidates = [named] if named else [*map(shutil.which, NAMES), *PLACES, playwrights_own]
    found = next((path for path in candidates if path and Path(path).exists()), None)
    if found is None:
        words = (
            "no Chromium: `apt-get install chromium` or `playwright install chromium`, or name it in BARGEIN_CHROMIUM"
        )
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """A headless Chromium with a fresh profile."""
    async with async_playwright() as playwright:
        path = chromium_path(playwright.chromium.executable_path)
        arguments = [*CHROMIUM_FLAGS, *flags]
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


async def say(page: Page, pcm: bytes, rate_hz: int = 24_000) -> None:
    """Say PCM16 into the microphone of a page that was given ``MICROPHONE_SCRIPT``. Returns as soon as it has begun."""
    await page.evaluate(
        "([sound, rate]) => window.sayIntoMicrophone(sound, rate)", [base64.b64encode(pcm).decode(), rate_hz]
    )


@dataclass
class Complaints:
    """What a page must never produce: errors, console errors and warnings, violations of the CSP."""

    allowed: tuple[str, ...] = ()
    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._add(f"uncaught: {error}"))
        page.on(
            "console",
            lambda message: self._add(message.text) if message.type in {"error", "warning"} else None,
        )

    def _add(self, words: str) -> None:
        if not any(pattern in words for pattern in self.allowed):
            self.found.append(words)
