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
from client_web.questions import WORDS, answered
from client_web.scripted_caller import RATE_HZ, tone
from support.browser import say

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    await client.panel("turns")
    await expect(client.get("turns")).to_contain_text("held once and went on")


async def test_an_interrupted_reply_shows_what_was_heard_and_unfolds_the_rest(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller)
    await reply.hold()
    item_id = await reply.barge_in("It opens at nine")
    await caller.hear(300)
    await caller.speech_stops(item_id, "And on Sundays?")
    entry = client.get("transcript").locator("[data-role=reply]")
    await expect(entry).to_contain_text("(interrupted)")
    await expect(entry).not_to_have_attribute("aria-hidden", "true")
    chip = entry.get_by_role("button", name="7 words not heard", exact=True)
    await expect(chip).to_have_attribute("aria-expanded", "false")
    await expect(entry.locator("del")).to_be_hidden()
    await chip.focus()
    await client.page.keyboard.press("Enter")
    await expect(chip).to_have_attribute("aria-expanded", "true")
    await expect(entry.locator("del")).to_be_visible()
    await expect(entry.locator("del")).to_have_text("in the morning and closes at eight.")
    await chip.click()
    await expect(entry.locator("del")).to_be_hidden()
    await client.panel("turns")
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
    await client.panel("turns")
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
    await expect(client.get("receipt")).to_be_visible()
    await expect(client.get("start-again")).to_be_focused()
    await client.get("start-again").click()
    await client.peer.caller()
    await client.state("listening")
    await expect(client.get("transcript").locator(".entry")).to_have_count(0)


async def test_the_receipt_says_what_the_call_was(client: Client, tmp_path: Path) -> None:
    caller = await client.start()
    reply = await answered(caller)
    await reply.hold()
    item_id = await reply.barge_in("It opens at nine")
    await caller.speech_stops(item_id, "And on Sundays?")
    cost = {"response_id": reply.response_id, "turn": 0.01, "session": 0.0123, "currency": "usd", "known": True}
    await caller.send("bargein.cost", cost)
    await expect(client.get("transcript")).to_contain_text("And on Sundays?")
    await client.get("end").click()
    receipt = client.get("receipt")
    for figure, value in {"interruptions": "1", "unheard": "7", "cost": "$0.0123"}.items():
        await expect(receipt.locator(f"[data-figure={figure}] dd")).to_have_text(value)
    await expect(receipt.locator("[data-figure=silence] dd")).to_have_text(re.compile(r"^\d+ms$"))
    async with client.page.expect_download() as waiting:
        await receipt.get_by_test_id("save-transcript").click()
    await (await waiting.value).save_as(tmp_path / "transcript.txt")
    assert "[in the morning and closes at eight.] (interrupted)" in (tmp_path / "transcript.txt").read_text()


async def test_a_conversation_that_goes_on_tells_the_server_what_was_heard(client: Client) -> None:
    caller = await client.start()
    reply = await answered(caller)
    await reply.hold()
    item_id = await reply.barge_in("It opens at nine")
    await caller.speech_stops(item_id, "And on Sundays?")
    await expect(client.get("transcript")).to_contain_text("And on Sundays?")
    await client.get("end").click()
    await client.get("go-on").click()
    anew = await client.peer.caller()
    await client.state("listening")
    last = await anew.expect("conversation.item.create", lambda event: event["item"]["id"] == item_id)
    assert last["item"]["content"] == [{"type": "input_text", "text": "And on Sundays?"}]
    told = [event["item"] for event in anew.received if event["type"] == "conversation.item.create"]
    assert [item["role"] for item in told] == ["user", "assistant", "user"]
    assert told[1]["content"] == [{"type": "output_text", "text": "It opens at nine"}]
    await expect(client.get("transcript").locator(".entry")).to_have_count(3)
    await expect(client.get("receipt")).to_be_hidden()


async def test_a_sentence_is_said_by_a_chip_and_another_one_interrupts(client: Client) -> None:
    await client.get("welcome-suggest").get_by_role("button", name="Tell me a story").click()
    caller = await client.peer.caller()
    asked = await caller.expect("conversation.item.create")
    assert asked["item"]["content"] == [{"type": "input_text", "text": "Tell me a story"}]
    await caller.expect("response.create")
    reply = await caller.reply(WORDS)
    await reply.sound(tone(3.0))
    await client.state("speaking")
    invitation = client.get("live-suggest")
    await expect(invitation).to_contain_text("Now talk over it")
    await invitation.get_by_role("button", name="Wait, what time is it?").click()
    await caller.expect("bargein.flushed", lambda event: event["response_id"] == reply.response_id)


async def test_the_model_is_named(client: Client) -> None:
    await expect(client.get("model")).to_be_hidden()
    await client.start()
    await expect(client.get("model")).to_have_text("You talk with scripted")


async def test_the_words_of_a_reply_come_with_its_voice_unless_all_are_wanted(client: Client) -> None:
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=200)
    reply = await caller.reply("It opens at nine, and on Sundays at eleven. The garden is open all day.")
    spoken = client.get("transcript").locator("[data-role=reply]")
    await expect(spoken).to_contain_text("It opens at nine,")
    await expect(spoken).not_to_contain_text("Sundays")
    await reply.sound(tone(4.0))
    await expect(spoken.locator(".now")).not_to_be_empty()
    await expect(spoken).not_to_contain_text("garden")
    await client.settings()
    await client.get("set-ahead").select_option("all")
    await expect(spoken).to_contain_text("The garden is open all day.")


async def test_the_theme_is_the_persons_choice(client: Client) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await client.page.evaluate(ground)
    await client.settings()
    await client.get("set-theme").select_option("dark")
    dark = await client.page.evaluate(ground)
    assert dark != light
    await client.page.reload()
    assert await client.page.evaluate(ground) == dark


def frequency_hz(samples: np.ndarray) -> float:
    """Of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE_HZ)[int(np.argmax(spectrum[1:])) + 1])


async def test_of_a_long_conversation_the_page_holds_the_newest_entries(client: Client) -> None:
    """And the others when they are asked for, in their places, where the reader was."""
    caller = await client.start()
    earlier, entries = client.get("transcript-earlier"), client.get("transcript").locator(".entry")
    for number in range(1, 101):
        if number == 80:
            await expect(entries).to_have_count(79)
            await expect(earlier).to_be_hidden()
        await caller.speech(f"This is number {number}.", length_ms=40)
    await expect(entries.last).to_contain_text("number 100.")
    await expect(entries).to_have_count(79)
    await expect(entries.first).to_contain_text("number 22.")
    await expect(entries.last).to_be_in_viewport()
    await expect(earlier).to_have_text("Show 21 earlier")
    await earlier.click()
    await expect(entries).to_have_count(100)
    await expect(earlier).to_be_hidden()
    numbers = re.findall(r"number (\d+)", " ".join(await entries.all_text_contents()))
    assert numbers == [str(number) for number in range(1, 101)]
    await expect(entries.nth(21)).to_be_in_viewport()
    # Who reads of long ago is left there.
    await caller.speech("This is number 101.", length_ms=40)
    await expect(entries).to_have_count(101)
    await expect(entries.nth(21)).to_be_in_viewport()
