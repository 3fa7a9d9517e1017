"""A person talks with the demo model through the page, in a real Chromium, and hears it."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from support.browser_talk import RATE_HZ, talk
from support.listening import needs_listening
from support.server_process import ServerProcess
from support.speech import speak

pytestmark = pytest.mark.asyncio(loop_scope="module")


@needs_listening
async def test_a_spoken_turn_is_answered_and_heard(browser: Browser, page_server: ServerProcess) -> None:
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        await caller.start()
        await caller.say(speak("Can you hear me?"))
        await caller.state("user-speaking")
        await caller.state("thinking", "speaking")
        await caller.state("speaking")
        done = await caller.event("response.done")
        await caller.state("listening")
        assert done["response"]["status"] == "completed"
        response_id = done["response"]["id"]
        sound = caller.reply_sound(caller.number_of(response_id))
        recording = await caller.recorded()
        end = caller.assert_heard(recording, response_id, len(sound))
        assert recording.level_db(recording.time_of(end - len(sound)), recording.time_of(end)) > -40
        assert caller.positions(response_id)[-1] == len(sound), "the whole reply was reported as heard"
        entries = caller.get("transcript").locator(".entry")
        await expect(entries).to_have_count(2)
        await expect(entries.nth(0)).to_contain_text("hear me")
        await expect(entries.nth(1)).to_contain_text("Yes, I can hear you.")
        await expect(caller.page.locator("del")).to_have_count(0)


@needs_listening
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
async def test_it_is_understood_and_heard_at_any_rate_of_the_device(
    browser: Browser, page_server: ServerProcess, rate_hz: int
) -> None:
    async with talk(browser, page_server.http_url, context_rate_hz=rate_hz) as caller:
        await caller.start()
        await caller.say(speak("Can you hear me?"))
        await caller.state("speaking")
        done = await caller.event("response.done")
        await caller.state("listening")
        recording = await caller.recorded()
        length_s = len(caller.reply_sound(caller.number_of(done["response"]["id"]))) / RATE_HZ
        end_s = recording.time_of(len(recording.samples))
        assert recording.level_db(end_s - length_s - 1, end_s) > -40
        heard = await caller.event("conversation.item.input_audio_transcription.completed")
        assert "hear me" in heard["transcript"].lower()


async def test_a_typed_turn_is_heard_without_a_microphone(browser: Browser, page_server: ServerProcess) -> None:
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        await caller.get("message").fill("Who are you?")
        await caller.page.keyboard.press("Enter")
        await caller.state("speaking")
        await expect(caller.get("transcript")).to_contain_text("demo model")
        await caller.page.keyboard.press("Escape")
        await caller.state("listening")
        await expect(caller.page.locator("del")).to_have_count(1)


async def test_the_keyboard_is_enough(browser: Browser, page_server: ServerProcess) -> None:
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        keyboard = caller.page.keyboard
        focused = "document.activeElement.dataset.testid"
        while await caller.page.evaluate(focused) != "start":
            await keyboard.press("Tab")
        await keyboard.press("Enter")
        await caller.state("listening")
        await keyboard.press("m")
        await caller.state("muted")
        await keyboard.press("m")
        await caller.state("listening")
        while await caller.page.evaluate(focused) != "message":
            await keyboard.press("Tab")
        await keyboard.type("Tell me a story.")
        await keyboard.press("Enter")
        await caller.state("speaking")
        await keyboard.press("Escape")
        await caller.state("listening")
        done = await caller.event("response.done")
        assert done["response"]["status_details"]["reason"] == "client_cancelled"
