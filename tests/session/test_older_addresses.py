"""Azure's preview address and the beta's tokens, with the beta's events behind them."""

from __future__ import annotations

import pytest

from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.picows_transport import PicowsTransport
from bargein.gateway.websockets_transport import WebsocketsTransport
from support.http import http_client
from support.model import Model, spoken
from support.realtime_client import connect
from support.server import RunningServer, running_server

PREVIEW = "/openai/realtime?api-version=2024-10-01-preview&deployment=my-deployment&api-key=correct-key"


@pytest.mark.real_sockets
@pytest.mark.parametrize("make_transport", [WebsocketsTransport, PicowsTransport])
async def test_a_turn_over_azures_preview_address(model: Model, make_transport: MakeTransport) -> None:
    model.will(spoken("one two three"))
    async with running_server(model.url, api_keys="correct-key", make_transport=make_transport) as server:
        url = f"{server.realtime_url.removesuffix('/v1/realtime')}{PREVIEW}"
        async with connect(url, dialect="beta") as caller:
            created = (await caller.wait_for("session.created"))["session"]
            assert (created["model"], created["input_audio_format"]) == ("my-deployment", "pcm16")
            await caller.send({"type": "session.update", "session": {"modalities": ["text", "audio"], "voice": "ash"}})
            assert (await caller.wait_for("session.updated"))["session"]["voice"] == "ash"
            await caller.say_text("hi")
            done = await caller.wait_for("response.done")
    assert done["response"]["modalities"] == ["text", "audio"]
    assert "response.audio.delta" in caller.types
    assert "response.output_audio.delta" not in caller.types
    assert len(caller.audio()) == 2 * 24 * 900


async def test_a_token_of_the_betas_sessions_opens_what_it_says(model: Model) -> None:
    model.will(spoken("one two three"))
    async with running_server(model.url, api_keys="correct-key") as server:
        async with http_client(base_url=server.http_url) as client:
            body = {"model": "gpt-4o-realtime-preview", "instructions": "Be brief.", "output_audio_format": "g711_ulaw"}
            headers = {"Authorization": "Bearer correct-key"}
            session = (await client.post("/v1/realtime/sessions", json=body, headers=headers)).json()
        token = session["client_secret"]["value"]
        entries = ("realtime", f"openai-insecure-api-key.{token}", "openai-beta.realtime-v1")
        async with connect(server.realtime_url, subprotocols=entries, dialect="beta") as caller:
            created = (await caller.wait_for("session.created"))["session"]
            differs = {"id", "expires_at", "client_secret"}
            assert {key: created[key] for key in created.keys() - differs} == {
                key: session[key] for key in session.keys() - differs
            }
            await caller.say_text("hi")
            await caller.wait_for("response.done")
    assert len(caller.audio()) == 8 * 900
    assert model.told() == ["system: Be brief.", "user: hi"]


@pytest.mark.parametrize("event", ["session.update", "transcription_session.update"])
async def test_a_transcription_session_is_refused_in_words(server: RunningServer, event: str) -> None:
    async with connect(server.realtime_url) as caller:
        await caller.send({"type": event, "event_id": "e1", "session": {"type": "transcription"}})
        error = (await caller.wait_for("error"))["error"]
    assert (error["event_id"], error["type"]) == ("e1", "invalid_request_error")
    assert "Transcription sessions are not supported by this server." in error["message"]
    assert "session.audio.input.transcription" in error["message"]
