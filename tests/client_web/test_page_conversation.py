"""A conversation on the page: states, transcript, timeline, files, typed input."""

from __future__ import annotations

import io
import re
import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import expect

from client_web.page_client import Client, OpenClient
from client_web.scripted_caller import RATE_HZ, Caller, Reply, tone
from support.browser import say

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = "It opens at nine in the morning and closes at eight."


async def answered(caller: Caller, length_s: float = 2.0) -> Reply:
    """A question was asked and its answer is sounding."""
    await caller.speech("When does it open?", length_ms=300)
    reply = await caller.reply(WORDS)
    await reply.sound(tone(length_s))
    await reply.heard(RATE_HZ // 4)
    return reply


async def test_the_page_is_ready_before_anything_is_asked_for(client: Client) -> None:
    await expect(client.get("start")).to_be_visible()
    for check in ("secure", "microphone", "output", "server"):
        await expect(client.page.locator(f"[data-check={check}]")).to_have_attribute("data-result", "good")
    await expect(client.get("message")).to_be_visible()


async def test_a_turn_goes_through_its_states_in_words(client: Client) -> None:
    caller = await client.start()
    await expect(client.get("state-word")).to_have_text("Listening")
    await expect(client.get("status")).to_have_text("Listening. Say something.")
    item_id = await caller.speech_starts()
    await client.state("user-speaking")
    await expect(client.get("state-word")).to_have_text("You are speaking")
    await caller.hear(300)
    await caller.speech_stops(item_id, "When does it open?")
    reply = await caller.reply(WORDS)
    await client.state("thinking")
    await reply.sound(tone(1.5))
    await client.state("speaking")
    await expect(client.get("stop")).to_be_enabled()
    await reply.complete()
    await client.state("listening")
    await expect(client.get("stop")).to_be_disabled()
    entries = client.get("transcript").locator(".entry")
    await expect(entries).to_have_count(2)
    await expect(entries.nth(0)).to_contain_text("When does it open?")
    await expect(entries.nth(1)).to_contain_text(WORDS)


async def test_words_light_up_as_they_are_heard(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller)
    spoken = client.get("transcript").locator("[data-role=reply]")
    await expect(spoken.locator(".now")).not_to_be_empty()
    await expect(spoken.locator(".ahead")).not_to_be_empty()
    await expect(spoken).to_have_attribute("aria-hidden", "true")
    await reply.complete()
    await client.state("listening")
    await expect(spoken).not_to_have_attribute("aria-hidden", "true")
    await expect(spoken.locator(".ahead")).to_have_count(0)


async def test_a_cough_holds_the_reply_and_lets_it_go_on(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller)
    await reply.hold()
    await client.state("holding")
    await expect(client.get("state-word")).to_have_text("Holding")
    await caller.hear(300)
    await reply.resume()
    await client.state("speaking")
    await reply.complete()
    await client.state("listening")
    await expect(client.page.locator("del")).to_have_count(0)
    await client.get("turns-toggle").click()
    await expect(client.get("turns")).to_contain_text("held once and went on")


async def test_an_interrupted_reply_is_struck_through_where_it_was_cut(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller)
    await reply.hold()
    item_id = await reply.barge_in("It opens at nine")
    await caller.hear(300)
    await caller.speech_stops(item_id, "And on Sundays?")
    entry = client.get("transcript").locator("[data-role=reply]")
    await expect(entry.locator("del")).to_have_text("in the morning and closes at eight.")
    await expect(entry).to_contain_text("(interrupted)")
    await expect(entry).not_to_have_attribute("aria-hidden", "true")
    await client.get("turns-toggle").click()
    await expect(client.get("turns")).to_contain_text("interrupted the reply: “And on Sundays?”")
    await expect(client.get("timeline")).to_have_attribute("aria-label", re.compile("1 interrupted"))


async def test_the_stop_button_and_escape_silence_the_reply(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller)
    await client.get("stop").click()
    await reply.cut("It opens", "client_cancelled")
    await client.state("listening")
    await expect(client.page.locator("del")).to_have_count(1)
    reply = await answered(caller)
    await client.page.keyboard.press("Escape")
    await reply.cut("It opens", "client_cancelled")
    await client.state("listening")
    await expect(client.page.locator("del")).to_have_count(2)


async def test_typing_works_without_a_microphone_and_asks_for_none(open_client: OpenClient) -> None:
    refuse = "navigator.mediaDevices.getUserMedia = () => { throw new Error('the page asked for a microphone'); };"
    client = await open_client(script=refuse)
    await client.get("message").fill("When does it open?")
    await client.get("message").press("Enter")
    caller = await client.peer.caller()
    asked = await caller.expect("conversation.item.create")
    assert asked["item"]["content"] == [{"type": "input_text", "text": "When does it open?"}]
    await caller.expect("response.create")
    reply = await caller.reply(WORDS)
    await reply.sound(tone(0.5))
    await reply.complete()
    await expect(client.get("transcript")).to_contain_text(WORDS)
    await expect(client.get("message")).to_have_value("")
    await expect(client.get("mute")).to_have_text("Use microphone")


async def test_both_sides_are_saved_left_and_right(client: Client, tmp_path: Path) -> None:
    caller = await client.start()
    await say(client.page, tone(0.6, 440))
    await caller.hear(900)
    reply = await answered(caller, length_s=1.0)
    await reply.complete()
    await client.state("listening")
    async with client.page.expect_download() as waiting:
        await client.get("save-recording").click()
    path = tmp_path / "recording.wav"
    await (await waiting.value).save_as(path)
    with wave.open(io.BytesIO(path.read_bytes())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE_HZ)
        sides = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert frequency_hz(sides[:, 0]) == pytest.approx(440, abs=15)
    assert frequency_hz(sides[:, 1]) == pytest.approx(220, abs=15)
    async with client.page.expect_download() as waiting:
        await client.get("save-transcript").click()
    path = tmp_path / "transcript.txt"
    await (await waiting.value).save_as(path)
    assert f"You: When does it open?\nReply: {WORDS}\n" in path.read_text()


async def test_a_turn_can_be_replayed_with_the_microphone_off(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller, length_s=1.5)
    await reply.complete()
    await client.state("listening")
    await client.get("turns-toggle").click()
    await client.page.get_by_role("button", name="Replay: Reply").click()
    await client.state("muted")
    await client.state("listening")


async def test_ending_keeps_what_was_said_and_starting_again_clears_it(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller, length_s=0.5)
    await reply.complete()
    await client.state("listening")
    await client.get("end").click()
    await caller.hung_up()
    await client.state("disconnected")
    await expect(client.get("transcript")).to_contain_text(WORDS)
    await expect(client.get("start-again")).to_be_focused()
    await client.get("start-again").click()
    await client.peer.caller()
    await client.state("listening")
    await expect(client.get("transcript").locator(".entry")).to_have_count(0)


async def test_events_are_logged_filtered_and_copied(client: Client) -> None:
    await client.context.grant_permissions(["clipboard-read", "clipboard-write"])
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=200)
    await client.get("open-events").click()
    rows = client.get("event-rows").locator("li")
    await expect(rows.filter(has_text="session.created")).to_have_count(1)
    await client.get("event-filter").fill("in speech_started")
    await expect(rows).to_have_count(1)
    await client.get("event-copy").click()
    await expect(client.page.locator("#event-said")).to_have_text("Copied 1 message.")
    copied = await client.page.evaluate("navigator.clipboard.readText()")
    assert "< input_audio_buffer.speech_started {" in copied


async def test_latencies_are_shown(client: Client) -> None:
    caller = await client.start()
    await client.get("open-latency").click()
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


def frequency_hz(samples: np.ndarray) -> float:
    """Of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE_HZ)[int(np.argmax(spectrum[1:])) + 1])
