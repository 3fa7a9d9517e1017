"""The client's own page in a real Chromium, talking with a real server: what was said, sent, and heard."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Browser, Locator, Page, WebSocket, expect

from support.browser import Complaints
from support.page_sound import (
    TAP_PATH,
    TAP_WORKLET,
    Recording,
    context_time,
    inject,
    install_page_sound,
    listening,
    recorded,
)

CLIENT_WEB = Path(__file__).parents[2] / "client_web"
RATE_HZ = 24_000
FADE_SAMPLES = 120
"""What fades in or out around a stop: 5 ms."""
PIECE_SAMPLES = 480
AUDIBLE = 100
"""Of 32768."""
HEADER = struct.Struct("<BBHIIIQ")

Event = dict[str, Any]
Samples = npt.NDArray[np.int16]

OBSERVE_CSP = """
document.addEventListener('securitypolicyviolation', (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
});
"""


def page_with_tap(directory: Path) -> Path:
    """A copy of the page with the output recorder beside it, for ``bargein serve --client-web``."""
    copy = directory / "client_web"
    shutil.copytree(CLIENT_WEB, copy)
    (copy / TAP_PATH.lstrip("/")).write_text(TAP_WORKLET)
    return copy


QUIET_AT_FIRST = "if (localStorage.length === 0) localStorage.setItem('bargein.settings', '{\"greet\": false}');"
"""The demo model waits for the caller: what it says is counted."""


@dataclass
class Talk:
    """One page that has been started."""

    page: Page
    complaints: Complaints
    received: list[Event] = field(default_factory=list)
    """Every event of the server."""
    sent: list[Event] = field(default_factory=list)
    sound: dict[int, bytearray] = field(default_factory=dict)
    """Reply audio by response number, as it came."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def get(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    async def state(self, *names: str, timeout_s: float = 20) -> None:
        """Wait until the page is in one of these states."""
        await self.page.wait_for_function(
            "(names) => names.includes(document.body.dataset.state)", arg=list(names), timeout=timeout_s * 1000
        )

    async def start(self) -> None:
        await self.get("start").click()
        await self.state("listening")
        await listening(self.page)

    async def say(self, pcm: bytes) -> float:
        """Speak. Returns the context time of the first sample."""
        return await inject(self.page, pcm)

    async def pass_time(self, length_s: float) -> None:
        """Let the page's audio device play this long."""
        until = await context_time(self.page) + length_s
        await self.page.wait_for_function("(at) => window.pageSound.context.currentTime >= at", arg=until)

    async def recorded(self) -> Recording:
        return await recorded(self.page)

    def events(self, kind: str) -> list[Event]:
        return [event for event in self.received if event["type"] == kind]

    async def event(self, kind: str, count: int = 1) -> Event:
        """Wait for the ``count``-th event of this type."""
        try:
            async with asyncio.timeout(30):
                while len(found := self.events(kind)) < count:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            told = [event["type"] for event in self.received if not event["type"].endswith(".delta")]
            pytest.fail(f"no {kind} number {count} came in 30 s, but {told}")
        return found[count - 1]

    def reply_sound(self, number: int) -> Samples:
        return np.frombuffer(bytes(self.sound.get(number, b"")), dtype="<i2")

    def number_of(self, response_id: str) -> int:
        found = [event["number"] for event in self.events("bargein.response") if event["response_id"] == response_id]
        return int(found[-1])

    def positions(self, response_id: str) -> list[int]:
        """Where play-out of a reply stopped, by the page's own reports: at holds, at underruns, at its end."""
        reports = [e for e in self.sent if e["type"] == "bargein.played" and e["response_id"] == response_id]
        return [event["samples"] for event in reports if not event["playing"]]

    def assert_heard(self, recording: Recording, response_id: str, until: int, since_s: float = 0) -> int:
        """Assert that the first ``until`` samples of a reply came out of the page, none lost, repeated or out of order.

        Only the 5 ms around each stop may be quieter. Returns the index of the last of them in the recording.

        :param since_s: context time before which it had not begun: a model may say the same twice.
        """
        sound = self.reply_sound(self.number_of(response_id))
        stops = sorted({0, until, *(stop for stop in self.positions(response_id) if stop < until)})
        end = recording.at(since_s)
        for start, stop in pairwise(stops):
            inner = sound[start + FADE_SAMPLES : stop - FADE_SAMPLES]
            if len(inner) < FADE_SAMPLES:
                continue
            index = recording.find(inner, end)
            assert index is not None, f"samples {start} to {stop} of {response_id} were not heard as they were sent"
            end = index + len(inner)
        return end + FADE_SAMPLES

    def first_sound(self, recording: Recording, number: int, since_s: float) -> float:
        """Context time at which a reply began to sound, after ``since_s``."""
        sound = self.reply_sound(number)
        sounding = int(np.argmax(np.abs(sound) > AUDIBLE))
        # A fade or a gap may lie in the very first pieces.
        for start in range(sounding + FADE_SAMPLES, min(sounding + RATE_HZ, len(sound) - PIECE_SAMPLES), PIECE_SAMPLES):
            index = recording.find(sound[start : start + PIECE_SAMPLES], recording.at(since_s))
            if index is not None:
                return recording.time_of(index - start + sounding)
        raise AssertionError(f"the reply numbered {number} was not heard")

    def _take(self, payload: str | bytes) -> None:
        self._news.set()
        if isinstance(payload, str):
            self.received.append(json.loads(payload))
            return
        number = HEADER.unpack_from(payload)[4]
        self.sound.setdefault(number, bytearray()).extend(payload[HEADER.size :])

    def watch(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._take)
        socket.on(
            "framesent",
            lambda payload: self.sent.append(json.loads(payload)) if isinstance(payload, str) else None,
        )


@asynccontextmanager
async def talk(
    browser: Browser,
    url: str,
    *,
    context_rate_hz: int | None = None,
    allowed: tuple[str, ...] = (),
    greeted: bool = False,
) -> AsyncIterator[Talk]:
    """Open the page, not started yet. A console message, an error or a CSP violation fails the test in the end.

    :param context_rate_hz: of the page's AudioContext; at 24 kHz what is heard is what was sent, sample for sample.
    :param allowed: parts of console messages that the trouble of the test brings with it.
    :param greeted: the demo model speaks first, as it does for newcomers.
    """
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    made = Talk(page, Complaints(allowed))
    made.complaints.watch(page)
    page.on("websocket", made.watch)
    await page.add_init_script(OBSERVE_CSP)
    if not greeted:
        await page.add_init_script(QUIET_AT_FIRST)
    await install_page_sound(page, context_rate_hz=context_rate_hz)
    try:
        await page.goto(url)
        await expect(made.get("start")).to_be_visible()
        yield made
    finally:
        await context.close()
    assert made.complaints.found == [], made.complaints.found
