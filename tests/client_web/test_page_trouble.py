"""When something goes wrong, the page says what, in plain words, and offers a way on."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from client_web.page_client import Client, OpenClient
from client_web.scripted_caller import tone
from client_web.scripted_peer import SERVER_FULL_FOR_LONG, ScriptedPeer
from support.browser import MICROPHONE_SCRIPT

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '%s'); };"
REFUSED_ONCE = (
    MICROPHONE_SCRIPT
    + """
(() => {
  const given = navigator.mediaDevices.getUserMedia;
  let asked = 0;
  navigator.mediaDevices.getUserMedia = (...args) => {
    asked += 1;
    return asked === 1 ? Promise.reject(new DOMException('', 'NotAllowedError')) : given(...args);
  };
})();
"""
)


BREAKABLE = (
    MICROPHONE_SCRIPT
    + """
(() => {
  const given = navigator.mediaDevices.getUserMedia;
  const streams = [];
  navigator.mediaDevices.getUserMedia = async (...args) => {
    streams.push(await given(...args));
    return streams.at(-1);
  };
  window.unplugMicrophone = () => {
    for (const track of streams.at(-1).getTracks()) { track.stop(); track.dispatchEvent(new Event('ended')); }
  };
  const contexts = [];
  const Given = window.AudioContext;
  window.AudioContext = class extends Given { constructor(...args) { super(...args); contexts.push(this); } };
  window.suspendSound = async () => {
    for (const context of contexts) if (context.state === 'running') await context.suspend();
  };
})();
"""
)


def notice(code: str) -> str:
    return f"[data-testid=notice][data-code={code}]"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("NotAllowedError", "microphone_denied"),
        ("NotFoundError", "microphone_missing"),
        ("NotReadableError", "microphone_busy"),
    ],
)
async def test_without_a_microphone_one_can_still_type(open_client: OpenClient, error: str, code: str) -> None:
    client = await open_client(script=REFUSED % error)
    await client.get("start").click()
    caller = await client.peer.caller()
    await expect(client.page.locator(notice(code)).get_by_role("alert")).to_be_visible()
    await client.get("message").fill("Hello")
    await client.get("message").press("Enter")
    await caller.expect("conversation.item.create")


async def test_a_microphone_that_was_refused_can_be_asked_for_again(open_client: OpenClient) -> None:
    client = await open_client(script=REFUSED_ONCE)
    await client.get("start").click()
    caller = await client.peer.caller()
    await client.page.locator(notice("microphone_denied")).get_by_test_id("notice-action").click()
    await caller.hear(200)
    await expect(client.page.locator(notice("microphone_denied"))).to_have_count(0)
    await expect(client.get("mute")).to_have_text("Mute")


async def test_an_insecure_address_is_explained_and_typing_works(open_client: OpenClient, peer: ScriptedPeer) -> None:
    client = await open_client(script="", url=peer.url.replace("localhost", "insecure.test"))
    await expect(client.page.locator("[data-check=secure]")).to_have_attribute("data-result", "bad")
    await client.get("start").click()
    caller = await peer.caller()
    await expect(client.page.locator(notice("insecure_context"))).to_contain_text("https")
    await client.get("message").fill("Hello")
    await client.get("message").press("Enter")
    await caller.expect("conversation.item.create")


async def test_a_restarting_server_is_found_again(client: Client) -> None:
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=200)
    await caller.close(1012, "service restart")
    again = await client.peer.caller()
    await client.state("listening")
    await expect(client.get("transcript")).to_contain_text("When does it open?")
    await expect(client.get("transcript")).to_contain_text("remembers nothing")
    await again.hear(200)


async def test_a_full_server_is_waited_for_with_a_countdown(open_client: OpenClient) -> None:
    client = await open_client(allowed_complaints=("WebSocket connection", "503"))
    caller = await client.start()
    client.peer.refusal = SERVER_FULL_FOR_LONG
    await caller.close(1012, "service restart")
    await client.state("reconnecting")
    await tries_again(client)


async def test_a_server_that_is_full_at_the_start_says_so(open_client: OpenClient) -> None:
    client = await open_client(allowed_complaints=("WebSocket connection", "503"))
    client.peer.refusal = SERVER_FULL_FOR_LONG
    await client.get("start").click()
    await client.state("retrying")
    await expect(client.get("state-word")).to_have_text("Not connected yet")
    await tries_again(client)


async def tries_again(client: Client) -> None:
    """It says that the server is full and when it tries again; asked to, it does at once, and there is room."""
    await expect(client.page.locator("#state-hint")).to_contain_text("full")
    await expect(client.page.locator("#state-hint")).to_contain_text("Next try in")
    client.peer.refusal = None
    await client.get("retry-now").click()
    await client.peer.caller()
    await client.state("listening")


async def test_a_failing_model_does_not_end_the_conversation(client: Client) -> None:
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=200)
    reply = await caller.reply("It opens")
    await reply.fail("The model did not answer in time.")
    await expect(client.page.locator(notice("model_failed"))).to_be_visible()
    await client.state("listening")
    reply = await caller.reply("It opens at nine.")
    await reply.sound(tone(0.4))
    await reply.complete()
    await expect(client.get("transcript")).to_contain_text("It opens at nine.")


@pytest.mark.parametrize(
    ("code", "trouble", "words"),
    [
        ("invalid_api_key", "model_key", "does not accept this server"),
        ("rate_limit_exceeded", "model_busy", "takes no more requests"),
        ("first_byte_timeout", "model_slow", "did not answer in time"),
        ("connect_failed", "model_unreachable", "cannot be reached"),
        ("budget_exceeded", "budget_exceeded", "is used up"),
        ("budget_exceeded", "budget_exceeded", "What the server says."),
        ("upstream_error", "model_failed", "could not answer"),
    ],
)
async def test_why_the_model_failed_is_told_as_the_server_knows_it(
    client: Client, code: str, trouble: str, words: str
) -> None:
    caller = await client.start()
    reply = await caller.reply("")
    await reply.fail("What the server says.", code=code)
    await expect(client.page.locator(notice(trouble))).to_contain_text(words)


@pytest.mark.parametrize("size", [(640, 400), (844, 390), (360, 300)])
async def test_a_short_window_shows_what_was_said(open_client: OpenClient, size: tuple[int, int]) -> None:
    """A phone held sideways; a page at 200 %."""
    client = await open_client(size=size)
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=200)
    reply = await caller.reply("It opens at nine, and closes at five.")
    await reply.sound(tone(0.5))
    await reply.complete()
    await expect(client.page.get_by_text("closes at five.")).to_be_in_viewport(ratio=1)
    await expect(client.page.get_by_text("When does it open?")).to_be_in_viewport(ratio=1)
    await expect(client.get("end")).to_be_in_viewport(ratio=1)
    await client.get("end").click()
    for button in ("start-again", "go-on"):
        label = await client.get(button).locator("span").bounding_box()
        assert label is not None
        assert label["width"] > 20


async def test_another_window_took_over(client: Client) -> None:
    caller = await client.start()
    await caller.speech("When does it open?", length_ms=200)
    await caller.close(4409, "superseded")
    await expect(client.page.locator(notice("superseded"))).to_be_visible()
    await expect(client.get("start-again")).to_be_visible()


@pytest.mark.parametrize("peer", ["sesame"], indirect=True)
async def test_a_key_is_asked_for_and_exchanged_for_a_token(open_client: OpenClient) -> None:
    client = await open_client(allowed_complaints=("WebSocket connection", "401"))
    await client.get("start").click()
    await expect(client.page.locator(notice("token_required"))).to_be_visible()
    await expect(client.get("notice")).to_have_count(1)
    await client.get("key-value").fill("wrong")
    await client.get("key-submit").click()
    await expect(client.page.locator("#key-error")).to_contain_text("does not know this key")
    await client.get("key-value").fill("sesame")
    await client.get("key-submit").click()
    await client.peer.caller()
    await client.state("listening")
    assert await client.page.evaluate("Object.keys(sessionStorage)") == []
    assert "sesame" not in await client.page.evaluate("JSON.stringify(localStorage)")


@pytest.mark.parametrize("peer", ["sesame"], indirect=True)
async def test_a_key_is_kept_only_if_the_person_agrees(open_client: OpenClient) -> None:
    client = await open_client(allowed_complaints=("WebSocket connection", "401"))
    await client.get("start").click()
    await client.get("key-value").fill("sesame")
    await client.get("key-keep").check()
    await client.get("key-submit").click()
    await client.peer.caller()
    await client.page.reload()
    await client.start()


@pytest.mark.parametrize("peer", ["sesame"], indirect=True)
async def test_who_has_no_key_can_cancel(open_client: OpenClient) -> None:
    client = await open_client(allowed_complaints=("WebSocket connection", "401"))
    await client.get("start").click()
    await expect(client.get("key-value")).to_be_focused()
    await client.page.keyboard.press("Escape")
    await expect(client.get("key-dialog")).to_be_hidden()
    await expect(client.get("start")).to_be_visible()


async def test_an_unplugged_microphone_is_told_and_another_one_taken(open_client: OpenClient) -> None:
    client = await open_client(script=BREAKABLE)
    caller = await client.start()
    await client.page.evaluate("window.unplugMicrophone()")
    action = client.page.locator(notice("microphone_unplugged")).get_by_test_id("notice-action")
    await action.click()
    await caller.hear(300)
    await expect(client.page.locator(notice("microphone_unplugged"))).to_have_count(0)


async def test_sound_that_the_browser_paused_goes_on_with_a_click(open_client: OpenClient) -> None:
    client = await open_client(script=BREAKABLE)
    caller = await client.start()
    await client.page.evaluate("window.suspendSound()")
    await client.page.locator(notice("audio_suspended")).get_by_test_id("notice-action").click()
    await client.state("listening")
    reply = await caller.reply("It opens at nine.")
    await reply.sound(tone(0.5))
    await client.state("speaking")
    await reply.complete()
    await client.state("listening")
