"""Make the clip of an interruption on the stage that the README shows: `make clip`.

The real page in a real Chromium talks with the scripted peer of the tests, in real time; what Chromium paints is kept
frame by frame, and written as one animated WebP in which each frame holds only what has changed. Needs Chromium, and
espeak-ng for the voices.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Error, Page
from screenshots import HEARD, INTERRUPTION, ROOT, SECOND_QUESTION, SECOND_REPLY, THEMES, ask, length_ms, spoken

from client_web.scripted_caller import RATE_HZ
from client_web.scripted_peer import ScriptedPeer
from support.browser import MICROPHONE_SCRIPT, chromium, say

WIDTH, HEIGHT = 880, 560
SHORTEST_MS = 45
"""Between two frames."""
LAST_MS = 2500
"""The last frame stays for so long before it begins again."""
QUALITY = 0.72
ATTEMPTS = 8
LONGEST_SILENCE_MS = 220
"""The peer holds 100 ms of speech after the onset, whatever it is; what is more is this machine's."""

# Gives the part of a frame that differs from the one before, as WebP, and its place (at even pixels, as WebP wants).
ENCODE = """
async ([frame, quality]) => {
  const bytes = Uint8Array.from(atob(frame), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
  const whole = new OffscreenCanvas(image.width, image.height);
  const ctx = whole.getContext('2d', { willReadFrequently: true });
  ctx.drawImage(image, 0, 0);
  const now = new Uint32Array(ctx.getImageData(0, 0, image.width, image.height).data.buffer);
  const before = window.before;
  window.before = now;
  const { width, height } = image;
  let [left, top, right, bottom] = before ? [width, height, -1, -1] : [0, 0, width - 1, height - 1];
  if (before) now.forEach((pixel, at) => {
    if (pixel === before[at]) return;
    const [x, y] = [at % image.width, Math.floor(at / image.width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
  });
  if (right < 0) return null;
  [left, top] = [left & ~1, top & ~1];
  const part = new OffscreenCanvas(right - left + 1, bottom - top + 1);
  part.getContext('2d').drawImage(image, -left, -top);
  const blob = await part.convertToBlob({ type: 'image/webp', quality });
  const webp = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (const byte of webp) text += String.fromCharCode(byte);
  return { left, top, width: part.width, height: part.height, webp: btoa(text) };
}
"""


@dataclass(frozen=True)
class Frame:
    """What was painted, and when, in seconds of the browser's clock."""

    jpeg: str
    at_s: float


@dataclass(frozen=True)
class Part:
    """One frame of the animation: what is new in it."""

    left: int
    top: int
    width: int
    height: int
    webp: bytes
    length_ms: int


async def watch(session: CDPSession, frames: list[Frame]) -> None:
    """Keep what is painted from now on."""

    async def take(event: dict[str, Any]) -> None:
        frames.append(Frame(event["data"], event["metadata"]["timestamp"]))
        with suppress(Error):  # The last ones come when the page is closed.
            await session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", lambda event: asyncio.ensure_future(take(event)))
    await session.send("Page.startScreencast", {"format": "jpeg", "quality": 92, "everyNthFrame": 3})


async def filmed(browser: Browser, peer: ScriptedPeer, theme: str) -> list[Frame] | None:
    """An interruption: from the middle of a reply until the caller has said what they wanted to say.

    ``None``: the machine was too busy for it to be what people would hear.
    """
    context = await browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark" if theme == "dark" else "light"
    )
    await context.add_init_script(MICROPHONE_SCRIPT)
    page = await context.new_page()
    await page.goto(peer.url)
    await page.get_by_test_id("start").click()
    caller = await peer.caller()
    await page.locator("body[data-state=listening]").wait_for()
    await ask(page, caller, SECOND_QUESTION)
    await asyncio.sleep(0.34)
    reply = await caller.reply(SECOND_REPLY)
    frames: list[Frame] = []
    session = await context.new_cdp_session(page)
    sending = asyncio.create_task(reply.sound(spoken(SECOND_REPLY, "en-us", 40), lead_ms=500))
    await reply.heard(int(1.2 * RATE_HZ))
    await watch(session, frames)
    await reply.heard(int(3.1 * RATE_HZ))
    interruption = spoken(INTERRUPTION, "en-us+f3", 55)
    await say(page, interruption)
    await caller.hear(100)
    smooth = all(event["playing"] for event in caller.received if event["type"] == "bargein.played")
    await reply.hold()
    sending.cancel()
    await caller.hear(260)
    item_id = await reply.barge_in(HEARD)
    await caller.hear(length_ms(interruption) - 600)
    await caller.speech_stops(item_id, INTERRUPTION)
    await page.get_by_text(INTERRUPTION).wait_for()
    await asyncio.sleep(0.6)
    await session.send("Page.stopScreencast")
    await page.get_by_test_id("end").click()
    silence = await page.locator("[data-figure=silence] dd").inner_text()
    await context.close()
    return frames if smooth and int(silence.removesuffix("ms").strip()) <= LONGEST_SILENCE_MS else None


async def parts_of(page: Page, frames: list[Frame]) -> list[Part]:
    kept = frames[:1]
    for frame in frames[1:]:
        if (frame.at_s - kept[-1].at_s) * 1000 >= SHORTEST_MS:
            kept.append(frame)
    parts: list[Part] = []
    for index, frame in enumerate(kept):
        following_s = kept[index + 1].at_s if index + 1 < len(kept) else frame.at_s + LAST_MS / 1000
        found: dict[str, Any] | None = await page.evaluate(ENCODE, [frame.jpeg, QUALITY])
        lasts_ms = round((following_s - frame.at_s) * 1000)
        if found is None:
            parts[-1] = replace(parts[-1], length_ms=parts[-1].length_ms + lasts_ms)
        else:
            webp = base64.b64decode(found.pop("webp"))
            parts.append(Part(**found, webp=webp, length_ms=lasts_ms))
    return parts


def animated(parts: list[Part]) -> bytes:
    """The parts as one animated WebP. https://developers.google.com/speed/webp/docs/riff_container"""
    size = _24(parts[0].width - 1) + _24(parts[0].height - 1)
    body = _chunk(b"VP8X", b"\x02\0\0\0" + size) + _chunk(b"ANIM", struct.pack("<IH", 0, 0))
    for part in parts:
        place = _24(part.left // 2) + _24(part.top // 2) + _24(part.width - 1) + _24(part.height - 1)
        # 2: it is drawn over what is there, without blending.
        body += _chunk(b"ANMF", place + _24(part.length_ms) + b"\x02" + _picture(part.webp))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _picture(webp: bytes) -> bytes:
    """The chunk with the picture, of a file that may have others."""
    at = 12
    while at < len(webp):
        (length,) = struct.unpack_from("<I", webp, at + 4)
        whole = webp[at : at + 8 + length + length % 2]
        if webp[at : at + 4] in {b"VP8 ", b"VP8L"}:
            return whole
        at += len(whole)
    raise ValueError("a WebP without a picture")


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _24(number: int) -> bytes:
    return struct.pack("<I", number)[:3]


async def main(folder: Path) -> None:
    async with ScriptedPeer() as peer, chromium() as browser:
        for theme in THEMES:
            for _ in range(ATTEMPTS):
                if (frames := await filmed(browser, peer, theme)) is not None:
                    break
            else:
                sys.exit("This machine is too busy to be filmed: try again when it is quiet.")
            page = await browser.new_page()
            file = animated(await parts_of(page, frames))
            await page.close()
            path = folder / f"interruption-{theme}.webp"
            path.write_bytes(file)
            print(f"{path.name}: {len(file) // 1000} kB, {len(frames)} frames painted")  # noqa: T201  a script's answer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "screenshots")
    chosen: Path = parser.parse_args().folder
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
