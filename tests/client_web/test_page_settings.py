"""Settings change the live session and are remembered; the keys and push-to-talk do what the page says."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from client_web.page_client import Client, OpenClient
from client_web.scripted_caller import Caller, Event, tone
from client_web.scripted_peer import ScriptedPeer
from support.browser import say

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERVERS_CHOICE = "The server\N{RIGHT SINGLE QUOTATION MARK}s choice"


def turn_detection(event: Event) -> Event | None:
    audio_in: Event = event["session"].get("audio", {}).get("input", {})
    detection: Event | None = audio_in.get("turn_detection", {"absent": True})
    return detection


def voice(event: Event) -> str | None:
    found: str | None = event["session"].get("audio", {}).get("output", {}).get("voice")
    return found


async def updated(caller: Caller, **wanted: object) -> None:
    """Wait for a session.update whose turn detection has these members."""

    def matches(event: Event) -> bool:
        detection = turn_detection(event) or {}
        return all(detection.get(name) == value for name, value in wanted.items())

    await caller.expect("session.update", matches)


async def test_turn_detection_is_changed_in_the_live_session(client: Client) -> None:
    caller = await client.start()
    await client.settings()
    await client.get("set-sensitivity").fill("80")
    await updated(caller, type="server_vad", threshold=0.2)
    await client.get("set-pause").fill("900")
    await updated(caller, silence_duration_ms=900)
    await client.get("set-interrupt").uncheck()
    await updated(caller, interrupt_response=False)
    await client.page.get_by_text("By eagerness").click()
    await client.get("set-eagerness").select_option("low")
    await updated(caller, type="semantic_vad", eagerness="low")
    await expect(client.page.locator("#settings-said")).to_have_text("Applied to this conversation, and remembered.")


async def test_voice_and_instructions_are_changed_in_the_live_session(client: Client) -> None:
    caller = await client.start()
    await client.settings()
    await client.get("set-voice").select_option("cedar")
    await caller.expect("session.update", lambda event: voice(event) == "cedar")
    await client.get("set-instructions").fill("Be brief.")
    await client.get("set-instructions").blur()
    await caller.expect("session.update", lambda event: event["session"].get("instructions") == "Be brief.")


async def voices(client: Client) -> list[str]:
    return await client.get("set-voice").locator("option").all_inner_texts()


async def test_the_voices_are_those_of_the_servers_model(open_client: OpenClient, peer: ScriptedPeer) -> None:
    peer.voices = ["ethan", "chelsie"]
    client = await open_client()
    await client.settings()
    await expect(client.get("set-voice").locator("option")).to_have_text([SERVERS_CHOICE, "ethan", "chelsie"])
    await client.get("set-voice").select_option("chelsie")
    await client.get("panel-close").click()
    caller = await client.start()
    await caller.expect("session.update", lambda event: voice(event) == "chelsie")
    # What the session shows where none of the protocol's was chosen is no voice of this model.
    await client.settings()
    assert await voices(client) == [SERVERS_CHOICE, "ethan", "chelsie"]
    await expect(client.get("set-voice")).to_have_value("chelsie")


async def test_a_voice_that_was_chosen_before_stays_in_the_list(open_client: OpenClient, peer: ScriptedPeer) -> None:
    client = await open_client()
    await client.settings()
    await client.get("set-voice").select_option("cedar")
    peer.voices = ["ethan"]
    await client.page.reload()
    await client.settings()
    await expect(client.get("set-voice").locator("option")).to_have_text([SERVERS_CHOICE, "cedar", "ethan"])
    await expect(client.get("set-voice")).to_have_value("cedar")
    peer.voices = []
    await client.page.reload()
    await client.settings()
    await expect(client.get("set-voice").locator("option")).to_have_text([SERVERS_CHOICE, "cedar"])


async def test_settings_are_remembered_and_can_be_reset(client: Client) -> None:
    await client.settings()
    await client.get("set-voice").select_option("cedar")
    await client.get("set-volume").fill("40")
    await client.page.reload()
    await client.settings()
    await expect(client.get("set-voice")).to_have_value("cedar")
    await expect(client.get("set-volume")).to_have_value("40")
    await client.get("panel-close").click()
    caller = await client.start()
    await caller.expect("session.update", lambda event: voice(event) == "cedar")
    await client.settings()
    await client.get("settings-reset").click()
    await expect(client.get("set-voice")).to_have_value("")
    await expect(client.get("set-volume")).to_have_value("100")


async def test_spoilt_storage_does_no_harm(open_client: OpenClient) -> None:
    client = await open_client(script="try { localStorage.setItem('bargein.settings', '{\"turns\": 7,'); } catch {}")
    await client.settings()
    await expect(client.get("set-pause")).to_have_value("500")


async def press_to_talk(client: Client) -> Caller:
    caller = await client.start()
    await client.settings()
    await client.get("set-push-to-talk").check()
    await caller.expect("session.update", lambda event: turn_detection(event) is None)
    await client.get("panel-close").click()
    await expect(client.get("ptt")).to_be_visible()
    return caller


async def test_push_to_talk_by_pointer(client: Client) -> None:
    caller = await press_to_talk(client)
    await client.get("ptt").hover()
    await client.page.mouse.down()
    await client.state("user-speaking")
    await say(client.page, tone(0.5))
    await caller.hear(300)
    await client.page.mouse.up()
    await caller.expect("input_audio_buffer.commit")
    await caller.expect("response.create")


async def test_push_to_talk_by_the_space_key(client: Client) -> None:
    caller = await press_to_talk(client)
    await client.page.keyboard.down("Space")
    await client.state("user-speaking")
    await say(client.page, tone(0.5))
    await caller.hear(300)
    await client.page.keyboard.up("Space")
    await caller.expect("input_audio_buffer.commit")
    await caller.expect("response.create")


async def test_push_to_talk_by_assistive_technology(client: Client) -> None:
    """A click without a pointer begins the turn, the next one ends it."""
    caller = await press_to_talk(client)
    await client.get("ptt").dispatch_event("click")
    await client.state("user-speaking")
    await caller.hear(300)
    await client.get("ptt").dispatch_event("click")
    await caller.expect("input_audio_buffer.commit")


async def test_keys_stay_with_a_field_that_is_typed_in(client: Client) -> None:
    await press_to_talk(client)
    await client.get("message").press_sequentially("mm m")
    await expect(client.get("message")).to_have_value("mm m")
    await client.state("listening")
    await expect(client.page.locator("body")).to_have_attribute("data-muted", "no")


async def test_m_mutes_and_unmutes(client: Client) -> None:
    await client.start()
    await client.page.keyboard.press("m")
    await client.state("muted")
    await expect(client.get("status")).to_have_text("Muted.")
    await expect(client.get("mute")).to_have_attribute("aria-pressed", "true")
    await client.page.keyboard.press("m")
    await client.state("listening")


async def test_the_microphone_is_swapped_without_reconnecting(open_client: OpenClient) -> None:
    client = await open_client(script="")
    caller = await client.start()
    await client.settings()
    choices = client.get("set-input").locator("option")
    await expect(choices.nth(1)).not_to_be_empty()
    await client.get("set-input").select_option(index=1)
    await client.get("set-echo").uncheck()
    await caller.hear(300)
    assert not caller.closed
    await client.page.reload()
    await client.settings()
    await expect(client.get("set-echo")).not_to_be_checked()


async def test_another_output_comes_with_a_warning_about_echo(open_client: OpenClient) -> None:
    client = await open_client(script="")
    await client.start()
    await client.settings()
    await expect(client.page.locator("#output-caution")).to_be_hidden()
    await client.get("set-output").select_option(index=1)
    await expect(client.page.locator("#output-caution")).to_contain_text("headphones")
    await client.get("set-output").select_option("")
    await expect(client.page.locator("#output-caution")).to_be_hidden()


async def test_mute_can_be_undone_in_push_to_talk(client: Client) -> None:
    await client.start()
    await client.get("mute").click()
    await client.state("muted")
    await client.settings()
    await client.get("set-push-to-talk").check()
    await client.get("panel-close").click()
    await client.get("mute").click()
    await client.state("listening")
    await expect(client.get("mute")).to_be_hidden()
