"""Who may take part in a telephone call, and what Twilio is told to do with one."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from support.gateway import Running, Serve
from support.twilio_peer import signature

TOKEN = "12345-the-token-of-an-account"
FORM = {"CallSid": "CA1", "From": "+15005550006", "Called": "", "To": "+15005550001"}
KEYED = {"api_keys": "a-key-of-the-operator"}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def refused(url: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and error of an upgrade that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, additional_headers=headers, proxy=None)
    response = caught.value.response
    error: dict[str, str] = json.loads(response.body)["error"]
    return response.status_code, error


def stream_url(running: Running) -> str:
    return f"ws://127.0.0.1:{running.port}/v1/twilio"


async def test_an_unsigned_upgrade_is_refused_in_words(serve: Serve) -> None:
    async with serve(twilio_auth_token=TOKEN) as running:
        status, error = await refused(stream_url(running))
        assert (status, error["code"]) == (403, "missing_signature")
        assert "X-Twilio-Signature is missing" in error["message"]
        assert running.metric('bargein_sessions_refused_total{reason="key"}') == 1


async def test_a_wrong_signature_is_refused_and_the_address_is_named(serve: Serve) -> None:
    async with serve(twilio_auth_token=TOKEN) as running:
        signed = signature("another", stream_url(running))
        status, error = await refused(stream_url(running), **{"X-Twilio-Signature": signed})
        assert (status, error["code"]) == (403, "invalid_signature")
        assert f"'wss://127.0.0.1:{running.port}/v1/twilio'" in error["message"]
        assert "BARGEIN_PUBLIC_URL" in error["message"]
        assert TOKEN not in error["message"]
        strange = {"X-Twilio-Signature": "not base64, nor ASCII: ÿ".encode().decode("latin-1")}
        assert (await refused(stream_url(running), **strange))[0] == 403


async def test_what_twilio_signs_is_let_in_without_a_key(serve: Serve) -> None:
    async with serve(twilio_auth_token=TOKEN, **KEYED) as running:
        for scheme in ("wss", "ws"):
            address = f"{scheme}://127.0.0.1:{running.port}/v1/twilio"
            signed = {"X-Twilio-Signature": signature(TOKEN, address)}
            async with connect(stream_url(running), additional_headers=signed, proxy=None):
                session = await running.opened.get()
                assert session.admitted.twilio


async def test_the_public_address_is_what_is_signed(serve: Serve) -> None:
    public = {"twilio_auth_token": TOKEN, "public_url": "https://voice.example.com/calls/"}
    async with serve(**public) as running:
        for address in ("wss://voice.example.com/calls/v1/twilio", "wss://voice.example.com:443/calls/v1/twilio"):
            signed = {"X-Twilio-Signature": signature(TOKEN, address)}
            async with connect(stream_url(running), additional_headers=signed, proxy=None):
                pass
        signed = {"X-Twilio-Signature": signature(TOKEN, stream_url(running))}
        status, error = await refused(stream_url(running), **signed)
        assert status == 403
        assert "wss://voice.example.com/calls/v1/twilio" in error["message"]


async def test_a_server_with_keys_takes_no_calls_before_it_knows_twilios_token(serve: Serve) -> None:
    async with serve(**KEYED) as running, running.client() as client:
        status, error = await refused(stream_url(running))
        assert (status, error["code"]) == (403, "twilio_not_configured")
        assert "BARGEIN_TWILIO_AUTH_TOKEN" in error["message"]
        answer = await client.post("/v1/twilio/voice", data=FORM)
        assert answer.status_code == 403


async def test_the_webhook_leads_to_the_stream_with_its_parameters(serve: Serve) -> None:
    async with serve() as running, running.client() as client:
        asked = {"voice": "ash", "instructions": 'Say "hello" & <wave>.'}
        answer = await client.post("/v1/twilio/voice", params=asked, data=FORM)
        assert answer.headers["content-type"].startswith("text/xml")
        (stream,) = ET.fromstring(answer.text).findall("./Connect/Stream")  # noqa: S314 (our own)
        assert stream.get("url") == f"wss://127.0.0.1:{running.port}/v1/twilio"
        assert {one.get("name"): one.get("value") for one in stream} == asked


async def test_lines_of_a_parameter_stay_lines(serve: Serve) -> None:
    """In an attribute a line's end as it is would be read as a space (XML 1.0, 3.3.3)."""
    async with serve() as running, running.client() as client:
        asked = {"instructions": "Be brief.\n\t- No lists.\r\nNo jokes: \u00e9, \U0001f642."}
        answer = await client.post("/v1/twilio/voice", params=asked, data=FORM)
        (stream,) = ET.fromstring(answer.text).findall("./Connect/Stream")  # noqa: S314 (our own)
        assert {one.get("name"): one.get("value") for one in stream} == asked


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1f", "\ufffe"])
async def test_what_no_xml_can_hold_is_refused(serve: Serve, character: str) -> None:
    async with serve() as running, running.client() as client:
        for asked in ({"voice": f"a{character}sh"}, {f"vo{character}ice": "ash"}):
            answer = await client.post("/v1/twilio/voice", params=asked, data=FORM)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", next(iter(asked)))
            assert f"U+{ord(character):04X}" in error["message"]


async def test_the_webhook_must_be_signed_with_its_form(serve: Serve) -> None:
    async with serve(twilio_auth_token=TOKEN, public_url="https://voice.example.com") as running:
        address = "https://voice.example.com/v1/twilio/voice?voice=ash"
        good = {"X-Twilio-Signature": signature(TOKEN, address, FORM)}
        async with running.client() as client:
            url = "/v1/twilio/voice?voice=ash"
            answer = await client.post(url, data=FORM, headers=good)
            assert answer.status_code == 200
            assert 'url="wss://voice.example.com/v1/twilio"' in answer.text
            assert (await client.post(url, data=FORM)).json()["error"]["code"] == "missing_signature"
            for changed, target in ((FORM | {"From": "+1"}, url), (FORM, url + "2")):
                answer = await client.post(target, data=changed, headers=good)
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "invalid_signature")


async def test_a_full_server_lets_the_telephone_be_busy(serve: Serve) -> None:
    async with serve(max_sessions=1) as running, running.client() as client, connect(running.ws, proxy=None):
        answer = await client.post("/v1/twilio/voice", data=FORM)
        assert ET.fromstring(answer.text).find("./Reject[@reason='busy']") is not None  # noqa: S314 (our own)


async def test_parameters_that_twilio_would_not_carry_are_refused(serve: Serve) -> None:
    async with serve() as running, running.client() as client:
        answer = await client.post("/v1/twilio/voice", params={"instructions": "x" * 600})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "instructions"


async def test_the_stream_is_no_page_and_the_webhook_is_no_get(serve: Serve) -> None:
    async with serve() as running, running.client() as client:
        assert (await client.get("/v1/twilio")).status_code == 426
        assert (await client.get("/v1/twilio/voice")).status_code == 405
        status, error = await refused(stream_url(running), Origin="https://evil.example")
        assert (status, error["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("host", ["[", "[::1", "a]b[", "[v1.x]", "a:b:c"])
async def test_a_host_header_that_is_no_host_is_refused_like_any_unsigned_request(serve: Serve, host: str) -> None:
    """Who may ask for anything sends it, before any signature is looked at."""
    async with serve(twilio_auth_token=TOKEN, **KEYED) as running, running.client() as client:
        strange = {"Host": host, "X-Twilio-Signature": "x"}
        answer = await client.post("/v1/twilio/voice", data=FORM, headers=strange)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "invalid_signature")
        answer = await client.get("/v1/twilio", headers=strange | UPGRADE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "invalid_signature")
