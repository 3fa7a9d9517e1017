"""Every way in which a reply can end: what the page shows, keeps, writes to the text file and counts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import expect

from client_web.page_client import Client, OpenClient
from client_web.scripted_caller import Caller, Reply, tone
from support.browser import MICROPHONE_SCRIPT

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY = "Once upon a time there stood a lighthouse on an island, and its keeper was an old woman named Marguerite."
SOON_HEARD = 6_000
"""Samples, after which a reply is well under way."""
KEPT = (
    MICROPHONE_SCRIPT
    + """
(() => {
  const dispatch = EventTarget.prototype.dispatchEvent;
  window.kept = new Map();
  EventTarget.prototype.dispatchEvent = function (event) {
    const { type, detail } = event;
    if (type === 'transcript' && detail?.role === 'assistant') window.kept.set(detail.item_id, detail);
    return dispatch.call(this, event);
  };
})();
"""
)


@dataclass
class Ending:
    """One row of the table."""

    name: str
    end: Callable[[Client, Caller, Reply], Awaitable[None]]
    shown: str
    written: str
    counted: str
    sound_s: float = 2.0


async def heard_out(_client: Client, _caller: Caller, reply: Reply) -> None:
    await reply.complete()


async def interrupted(_client: Client, caller: Caller, reply: Reply) -> None:
    await reply.hold()
    item_id = await reply.barge_in("Once upon")
    await caller.speech_stops(item_id, "wait")


async def stopped(client: Client, _caller: Caller, reply: Reply) -> None:
    await client.page.keyboard.press("Escape")
    await reply.cut("Once upon", "client_cancelled")


async def ended(client: Client, _caller: Caller, _reply: Reply) -> None:
    await client.get("end").click()


async def link_lost(_client: Client, caller: Caller, _reply: Reply) -> None:
    # A code that means nothing to the page, as that of a network that went (1006), which no server can send.
    await caller.close(4999, "")


async def restarted(_client: Client, caller: Caller, _reply: Reply) -> None:
    await caller.close(1012, "service restart")


async def closed(_client: Client, caller: Caller, _reply: Reply) -> None:
    await caller.close(1008, "enough")


async def expired(_client: Client, caller: Caller, _reply: Reply) -> None:
    error = {"type": "server_error", "code": "session_expired", "message": "The session reached its longest duration."}
    await caller.send("error", {"error": error})
    await caller.close(1001, "expired")


async def failed(_client: Client, _caller: Caller, reply: Reply) -> None:
    await reply.fail("The model broke off.")


async def shortened(_client: Client, _caller: Caller, reply: Reply) -> None:
    await reply.shorten("max_output_tokens")


ENDINGS = [
    Ending("heard", heard_out, "", "", "", sound_s=0.5),
    Ending("interrupted", interrupted, "", "(interrupted)", "interrupted"),
    Ending("stopped", stopped, "Stopped here; the rest was not heard", "(stopped)", "stopped by you"),
    Ending("ended", ended, "The conversation ended here", "(the conversation ended)", "cut off by the end"),
    Ending("link-lost", link_lost, "The connection was lost here", "(the connection was lost)", "connection lost"),
    Ending("restarted", restarted, "The server restarted here", "(the server restarted)", "server restarted"),
    Ending("closed", closed, "conversation here", "(the server ended the conversation)", "cut off by the server"),
    Ending("expired", expired, "reached its longest duration here", "(the time was over)", "time over"),
    Ending("failed", failed, "The model failed here", "(the model failed)", "model failed"),
    Ending("shortened", shortened, "The reply was cut short here", "(cut short)", "by the model", sound_s=0.5),
]


async def text_file(client: Client, directory: Path) -> str:
    """The last line of the conversation that the page saves."""
    async with client.page.expect_download() as saving:
        await client.get("save-transcript").click()
    path = directory / "conversation.txt"
    await (await saving.value).save_as(path)
    return next(line for line in reversed(path.read_text().splitlines()) if line.startswith("Reply:"))


@pytest.mark.parametrize("row", ENDINGS, ids=lambda row: row.name)
async def test_a_reply_that_has_sounded(open_client: OpenClient, tmp_path: Path, row: Ending) -> None:
    client = await open_client(script=KEPT, allowed_complaints=("WebSocket",))
    caller = await client.start()
    await caller.speech("Tell me a story.", length_ms=200)
    reply = await caller.reply(STORY)
    await reply.sound(tone(row.sound_s))
    await reply.heard(SOON_HEARD)
    await row.end(client, caller, reply)

    entry = client.page.locator("[data-role=reply]")
    if row.shown:
        await expect(entry.locator(".entry-tag")).to_contain_text(row.shown)
    else:
        await expect(entry).to_have_attribute("data-final", "yes")
        await expect(entry.locator(".entry-tag")).to_have_count(0)

    kept = await client.page.evaluate("[...window.kept.values()].at(-1)")
    assert kept["ending"] == row.name
    assert kept["final"]
    assert kept["heard"] + kept["unheard"] == kept["text"] == STORY
    cut = row.name not in {"heard", "shortened"}
    assert kept["interrupted"] == cut
    if cut:
        assert kept["heard"].startswith("Once")
        assert "Marguerite" in kept["unheard"]
        await expect(entry.locator("del")).to_contain_text("Marguerite")
    else:
        await expect(entry.locator("del")).to_have_count(0)

    written = await text_file(client, tmp_path)
    assert written.endswith(row.written)
    assert ("Marguerite.]" in written) == cut

    await client.panel("turns")
    counted = client.page.locator("#turns-body tr[data-who=reply]")
    await expect(counted).to_contain_text(row.counted or "answered")
    interruptions = 1 if row.name in {"interrupted", "stopped"} else 0
    await expect(client.page.locator("#timeline")).to_have_attribute(
        "aria-label", re.compile(rf"{interruptions} interrupted")
    )


async def stopped_before_its_sound(client: Client, _caller: Caller, reply: Reply) -> None:
    await client.page.keyboard.press("Escape")
    await reply.cancel()


UNHEARD = [
    *(row for row in ENDINGS if row.name not in {"heard", "interrupted", "stopped"}),
    Ending("stopped", stopped_before_its_sound, "", "(stopped)", "stopped by you"),
]


@pytest.mark.parametrize("row", UNHEARD, ids=lambda row: row.name)
async def test_a_reply_of_which_nothing_was_heard(open_client: OpenClient, tmp_path: Path, row: Ending) -> None:
    """Its words are there already, and none of them may be taken for heard."""
    client = await open_client(script=KEPT, allowed_complaints=("WebSocket",))
    caller = await client.start()
    await caller.speech("Tell me a story.", length_ms=200)
    reply = await caller.reply(STORY)
    entry = client.page.locator("[data-role=reply]")
    await client.page.wait_for_function("(story) => [...window.kept.values()].at(-1)?.text === story", arg=STORY)
    await row.end(client, caller, reply)
    await expect(entry.locator(".entry-tag")).to_contain_text("before a word was heard")
    kept = await client.page.evaluate("[...window.kept.values()].at(-1)")
    assert (kept["ending"], kept["heard"], kept["unheard"]) == (row.name, "", STORY)
    assert await text_file(client, tmp_path) == f"Reply: [{STORY}] {row.written}"
    await client.panel("turns")
    counted = client.page.locator("#turns-body tr[data-who=reply]")
    await expect(counted).to_contain_text(re.compile(f"{row.counted}, before a word was heard"))


async def test_a_reply_that_is_interrupted_before_a_word_was_heard(open_client: OpenClient, tmp_path: Path) -> None:
    client = await open_client(script=KEPT)
    caller = await client.start()
    await caller.speech("Tell me a story.", length_ms=200)
    reply = await caller.reply(STORY)
    await client.page.wait_for_function("(story) => [...window.kept.values()].at(-1)?.text === story", arg=STORY)
    await caller.speech_stops(await reply.barge_in(""), "wait")
    entry = client.page.locator("[data-role=reply]")
    await expect(entry).to_have_attribute("data-final", "yes")
    kept = await client.page.evaluate("[...window.kept.values()].find((entry) => entry.role === 'assistant')")
    assert (kept["ending"], kept["heard"], kept["unheard"]) == ("interrupted", "", STORY)
    assert await text_file(client, tmp_path) == f"Reply: [{STORY}] (interrupted)"
