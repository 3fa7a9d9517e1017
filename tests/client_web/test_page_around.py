"""What stands around a conversation on the page: the panel, the overview, agents, other tabs, leaving."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Dialog, expect

from client_web.page_client import Client, OpenClient
from client_web.questions import answered
from client_web.scripted_caller import tone
from client_web.scripted_peer import ScriptedPeer
from support.browser import say

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_events_are_logged_filtered_and_copied(client: Client) -> None:
    await client.context.grant_permissions(["clipboard-read", "clipboard-write"])
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=200)
    await client.panel("events")
    rows = client.get("event-rows").locator("li")
    await expect(rows.filter(has_text="session.created")).to_have_count(1)
    await client.get("event-filter").fill("in speech_started")
    await expect(rows).to_have_count(1)
    await client.get("event-copy").click()
    await expect(client.page.locator("#event-said")).to_have_text("Copied 1 message.")
    copied = await client.page.evaluate("navigator.clipboard.readText()")
    assert "< input_audio_buffer.speech_started {" in copied


async def test_events_are_folded_by_kind_and_show_their_moment(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller)
    await client.panel("events")
    rows = client.get("event-rows").locator("li")
    await client.get("event-kind").select_option("words")
    await expect(rows.filter(has_text="response.output_audio_transcript.delta")).to_have_count(1)
    await expect(rows.filter(has_text=re.compile(r"response\.output_audio_transcript\.delta .11$"))).to_have_count(1)
    await client.get("event-kind").select_option("bargein")
    played = rows.filter(has_text="bargein.played")
    await expect(played.last).to_contain_text(re.compile(r"played .\d+$"))
    await expect(rows.filter(has_text="bargein.ping")).to_have_count(0)
    await reply.complete()
    await client.state("listening")
    await client.get("event-kind").select_option("")
    await rows.filter(has_text="session.created").get_by_role("button").click()
    await expect(client.get("timeline-follow")).to_be_visible()
    await client.get("timeline-follow").click()
    await expect(client.get("timeline-follow")).to_be_hidden()


async def test_the_whole_call_is_in_view_and_can_be_moved_through_by_keys(client: Client) -> None:
    caller = await client.start()
    await expect(client.get("overview")).to_be_hidden()
    await say(client.page, tone(12.5))
    await caller.hear(13_000)
    overview = client.get("overview")
    await expect(overview).to_be_visible()
    await expect(client.get("timeline-follow")).to_be_hidden()
    await overview.focus()
    await client.page.keyboard.press("Home")
    await expect(client.get("timeline-follow")).to_be_visible()
    await expect(overview).to_have_attribute("aria-valuetext", re.compile(r"^0:0\d of 0:1\d$"))


async def test_tools_are_listed_with_their_calls_and_results(client: Client) -> None:
    caller = await client.start()
    await client.settings()
    await expect(client.get("tools")).to_be_hidden()
    caller.session["tools"] = [{"type": "function", "name": "look_up", "description": "Looks an order up."}]
    await caller.send("session.updated", {"session": caller.session})
    await expect(client.get("tools")).to_contain_text("Looks an order up.")
    call = {"call_id": "call_1", "name": "look_up", "arguments": '{"order": 7}'}
    ids = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0}
    await caller.send("response.function_call_arguments.done", {**ids, **call})
    await expect(client.get("tools")).to_contain_text('look_up({"order": 7})')
    item = {"id": "item_2", "type": "function_call_output", "call_id": "call_1", "output": "It is on its way."}
    await caller.send("conversation.item.added", {"item": item, "previous_item_id": None})
    await expect(client.get("tools")).to_contain_text("→ It is on its way.")


async def test_an_agent_is_chosen_where_the_server_offers_some(open_client: OpenClient, peer: ScriptedPeer) -> None:
    peer.agents = [{"id": "support", "object": "agent", "title": "Support line", "description": "Looks orders up."}]
    client = await open_client()
    await client.get("set-agent").select_option("Support line")
    await expect(client.page.locator("#agent-about")).to_have_text("Looks orders up.")
    caller = await client.start()
    assert caller.query["agent"] == "support"
    await client.get("end").click()
    await client.page.reload()
    await expect(client.get("set-agent")).to_have_value("support")
    peer.agents = []
    await client.page.reload()
    await expect(client.get("start")).to_be_visible()
    await expect(client.get("set-agent")).to_be_hidden()


async def test_who_has_chosen_none_talks_with_the_first_agent(open_client: OpenClient, peer: ScriptedPeer) -> None:
    """Where there are agents nobody talks with the model itself, and the page must not say so."""
    peer.agents = [
        {"id": "support", "object": "agent", "title": "Support line", "description": "Looks orders up."},
        {"id": "coach", "object": "agent", "title": "Coach", "description": "Asks."},
    ]
    client = await open_client()
    await expect(client.get("set-agent").locator("option")).to_have_text(["Support line", "Coach"])
    await expect(client.get("set-agent")).to_have_value("support")
    await expect(client.page.locator("#agent-about")).to_have_text("Looks orders up.")
    caller = await client.start()
    assert caller.query["agent"] == "support"
    await client.get("end").click()
    await client.settings()
    await client.get("set-volume").fill("40")
    # To have changed something else is not to have chosen an agent.
    peer.agents.reverse()
    await client.page.reload()
    await expect(client.get("set-agent")).to_have_value("coach")


async def test_a_tab_that_talks_notices_another_one(client: Client) -> None:
    await client.start()
    other = await client.context.new_page()
    await other.goto(client.peer.url)
    await other.get_by_test_id("start").click()
    await client.peer.caller()
    await expect(client.get("toast")).to_contain_text("Another tab")
    await expect(other.get_by_test_id("toast")).to_contain_text("Another tab")


async def test_a_reload_in_the_middle_of_a_call_asks_first(client: Client) -> None:
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    client.page.on("dialog", stay)
    await client.start()
    async with client.page.expect_event("dialog"):
        await client.page.evaluate("setTimeout(() => location.reload())")
    await client.state("listening")
    await client.get("end").click()
    await client.page.reload()
    assert asked == ["beforeunload"]


async def test_latencies_are_shown(client: Client) -> None:
    caller = await client.start()
    await client.panel("latency")
    reply = await answered(caller, length_s=0.5)
    stages = {"endpointing": 210.0, "first_byte": 120.0}
    measured = {"response_id": reply.response_id, "after": "response", "stages_ms": stages, "total_ms": 330.0}
    await caller.send("bargein.latency", measured)
    figure = client.page.locator("[data-figure=response] dd").first
    await expect(figure).to_contain_text("ms")
    # One figure: that of the page, of which the server saw a part.
    felt = re.sub(r"\D", "", await figure.inner_text())
    await expect(client.get("latency")).to_contain_text(f"Where the last {felt} ms went")
    await expect(client.get("latency")).to_contain_text("Network and playback")
