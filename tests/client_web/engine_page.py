"""A VoiceSession on an empty page: the engine in a real Chromium, without the client's own page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page, WebSocket

from support.browser import Complaints
from support.page_sound import Recording, install_page_sound, recorded

EVENTS = (
    *("state", "session", "transcript", "caption", "response", "vad", "hold", "resume", "flush", "cut", "latency"),
    *("underrun", "audio", "microphone", "devices", "reconnecting", "error", "recovered"),
)

CONTEXT_RATE = """
window.AudioContext = class extends window.AudioContext {
  constructor(options) {
    super({ ...options, ...RATE });
  }
};
"""

START = """
async ({ options, events }) => {
  const { VoiceSession } = await import('/session.js');
  const seen = (window.seen = []);
  const voice = (window.voice = new VoiceSession({ random: () => 0, ...options }));
  for (const type of events) {
    voice.addEventListener(type, ({ detail }) => {
      const { samples, cause, retry, ...plain } = detail;
      if (type === 'audio') {
        seen.push({ name: type, detail: { ...plain, samples: samples.length, first: samples[0] } });
      } else {
        seen.push({ name: type, detail: { ...plain, samples, can_retry: Boolean(retry) } });
      }
      if (retry) window.retry = retry;
    });
  }
  return voice.start();
}
"""


@dataclass
class Engine:
    """One VoiceSession. ``sent`` is every binary message it has sent, joined."""

    page: Page
    complaints: Complaints
    sent: bytearray = field(default_factory=bytearray)

    async def start(self, **options: object) -> bool:
        up: bool = await self.page.evaluate(START, {"options": options, "events": EVENTS})
        return up

    async def seen(self, name: str, test: str = "true") -> dict[str, Any]:
        """Wait for an event whose detail ``d`` passes the JavaScript ``test``; the first one since the start."""
        find = f"() => window.seen.find(({{ name, detail: d }}) => name === '{name}' && ({test}))?.detail"
        handle = await self.page.wait_for_function(find, timeout=60_000)
        detail: dict[str, Any] = await handle.json_value()
        return detail

    async def all(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.page.evaluate(
            f"window.seen.filter(({{ name }}) => name === '{name}').map(({{ detail }}) => detail)"
        )
        return found

    async def call(self, script: str) -> Any:  # noqa: ANN401  whatever the page gives
        return await self.page.evaluate(script)

    async def recorded(self) -> Recording:
        return await recorded(self.page)


@asynccontextmanager
async def engine_page(
    browser: Browser,
    url: str,
    *,
    context_rate_hz: int | None = None,
    real_microphone: bool = False,
    allowed: tuple[str, ...] = (),
) -> AsyncIterator[Engine]:
    """
    :param allowed: parts of console messages that the trouble of the test brings with it.
    :param real_microphone: leave ``getUserMedia`` and the output as the browser has them.
    """
    context = await browser.new_context()
    page = await context.new_page()
    complaints = Complaints(
        ("404", "503", "WebSocket connection to", *allowed)
    )  # the favicon of an empty page; a lost link
    complaints.watch(page)
    engine = Engine(page, complaints)

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: engine.sent.extend(payload) if isinstance(payload, bytes) else None)

    page.on("websocket", listen)
    if real_microphone and context_rate_hz is not None:
        await page.add_init_script(CONTEXT_RATE.replace("RATE", json.dumps({"sampleRate": context_rate_hz})))
    elif not real_microphone:
        await install_page_sound(page, context_rate_hz=context_rate_hz)
    try:
        await page.goto(f"{url}readyz")
        yield engine
    finally:
        await context.close()
    assert complaints.found == []
