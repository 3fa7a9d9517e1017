"""Azure's addresses, the beta's sessions over HTTP, and what the API has and this server has not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.picows_transport import PicowsTransport
from bargein.gateway.tokens import Tokens
from bargein.gateway.websockets_transport import WebsocketsTransport
from gateway.test_admission import KEYS, admitted, offering, refused
from support.gateway import Serve

KEYED = {"Authorization": "Bearer correct-key"}
PREVIEW = "/openai/realtime?api-version=2025-04-01-preview&deployment=my-deployment"


@pytest.fixture(params=[WebsocketsTransport, PicowsTransport])
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    carrier: MakeTransport = request.param
    return carrier


@pytest.mark.parametrize(
    ("target", "model", "beta"),
    [
        (PREVIEW, "my-deployment", True),
        ("/openai/realtime/?deployment=d", "d", True),
        ("/openai/realtime?api-version=2024-10-01-preview", "gpt-audio-1.5", True),
        ("/openai/realtime?model=d", "d", False),
        ("/openai/v1/realtime?model=d", "d", False),
        ("/openai/v1/realtime?api-version=preview&deployment=d", "d", False),
        ("/v1/realtime?api-version=2025-04-01-preview&deployment=d", "d", False),
    ],
)
async def test_azures_preview_speaks_the_beta(serve: Serve, target: str, model: str, beta: bool) -> None:
    async with serve() as running:
        greeting = await admitted(f"ws://127.0.0.1:{running.port}{target}")
        assert (greeting["model"], greeting["beta"]) == (model, beta)


async def test_our_subprotocol_is_not_the_beta_anywhere(serve: Serve) -> None:
    async with serve() as running:
        greeting = await admitted(f"ws://127.0.0.1:{running.port}{PREVIEW}", subprotocols=offering("bargein.v1"))
        assert (greeting["bargein"], greeting["beta"]) == (True, False)


@pytest.mark.parametrize("target", [PREVIEW, "/openai/v1/realtime?model=m"])
async def test_azures_addresses_take_the_key_by_header_or_query(serve: Serve, target: str) -> None:
    async with serve(**KEYS) as running:
        url = f"ws://127.0.0.1:{running.port}{target}"
        for options, query in (
            ({"additional_headers": {"api-key": "correct-key"}}, ""),
            ({"additional_headers": KEYED}, ""),
            ({}, "&api-key=correct-key"),
            ({"additional_headers": {"api-key": "correct-key"}}, "&api-key=wrong"),
        ):
            assert await admitted(url + query, **options)
        for options, query, code in (
            ({}, "", "missing_api_key"),
            ({}, "&api-key=", "missing_api_key"),
            ({}, "&api-key=wrong", "invalid_api_key"),
            ({}, "&api_key=correct-key", "missing_api_key"),
            ({"additional_headers": {"api-key": "wrong"}}, "&api-key=correct-key", "invalid_api_key"),
        ):
            status, error, _ = await refused(url + query, **options)
            assert (status, error["code"]) == (401, code)


async def test_azures_older_prefix_serves_the_rest_too(serve: Serve) -> None:
    async with serve(model="my-model", **KEYS) as running, running.client(headers={"api-key": "correct-key"}) as client:
        models = (await client.get("/openai/models?api-version=2024-10-21")).json()
        assert [model["id"] for model in models["data"]] == ["my-model"]
        minted = await client.post("/openai/realtime/client_secrets?api-version=2025-08-28", json={})
        assert minted.json()["value"].startswith("ek_")


SESSIONS = [
    "/v1/realtime/sessions",
    "/openai/v1/realtime/sessions",
    "/openai/realtime/sessions?api-version=2025-04-01-preview",
    "/openai/realtimeapi/sessions?api-version=2025-04-01-preview",
]
FLAT = {
    "model": "gpt-4o-realtime-preview",
    "modalities": ["audio", "text"],
    "instructions": "Be brief.",
    "voice": "verse",
    "input_audio_format": "g711_ulaw",
    "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
    "temperature": 0.8,
    "max_response_output_tokens": 99,
    "tools": [],
}


@pytest.mark.parametrize("path", SESSIONS)
async def test_the_betas_sessions(serve: Serve, path: str) -> None:
    async with serve(**KEYS) as running, running.client(headers=KEYED) as client:
        answer = await client.post(path, json=FLAT)
        assert answer.status_code == 200
        session = answer.json()
        assert session["object"] == "realtime.session"
        assert session["id"].startswith("sess_")
        expected = {key: value for key, value in FLAT.items() if key not in {"temperature", "turn_detection"}}
        assert session.items() >= (expected | {"modalities": ["text", "audio"], "output_audio_format": "pcm16"}).items()
        assert session["turn_detection"]["silence_duration_ms"] == 300
        assert not session.keys() & {"type", "audio", "output_modalities"}
        secret = session["client_secret"]
        assert set(secret) == {"value", "expires_at"}
        assert secret["value"].startswith("ek_")
        assert 50 <= secret["expires_at"] - time.time() <= 61

        entry = f"openai-insecure-api-key.{secret['value']}"
        for options in (
            {"additional_headers": {"Authorization": f"Bearer {secret['value']}"}},
            {"subprotocols": offering("realtime", entry)},
            {"subprotocols": offering("realtime", entry, "openai-beta.realtime-v1")},
        ):
            greeting = await admitted(running.ws, **options)
            assert (greeting["beta"], greeting["model"]) == (True, "gpt-4o-realtime-preview")
            initial = greeting["initial_session"]
            assert (initial["type"], initial["instructions"]) == ("realtime", "Be brief.")
            assert initial["audio"]["input"]["format"] == {"type": "audio/pcmu"}
            assert initial["audio"]["output"]["voice"] == "verse"


async def test_a_session_of_nothing_has_the_servers_defaults(serve: Serve) -> None:
    async with serve(model="mine") as running, running.client() as client:
        session = (await client.post("/v1/realtime/sessions")).json()
        assert (session["model"], session["modalities"]) == ("mine", ["text", "audio"])
        lifetime = {"expires_after": {"anchor": "created_at", "seconds": 7200}}
        longer = (await client.post("/v1/realtime/sessions", json={"client_secret": lifetime})).json()
        assert 7190 <= longer["client_secret"]["expires_at"] - time.time() <= 7201


async def test_a_token_of_the_ga_opens_no_beta_session(serve: Serve) -> None:
    async with serve() as running, running.client() as client:
        value = (await client.post("/v1/realtime/client_secrets", json={})).json()["value"]
        headers = {"Authorization": f"Bearer {value}"}
        assert (await admitted(running.ws, additional_headers=headers))["beta"] is False


@pytest.mark.parametrize(
    ("body", "code", "param", "words"),
    [
        ({"voice": 5}, "invalid_type", "voice", "Invalid type for 'voice': expected a string, but got an integer"),
        ({"speed": 9}, "invalid_value", "speed", "Invalid 'speed': decimal above maximum value."),
        ({"input_audio_format": "opus"}, "invalid_value", "input_audio_format", "'pcm16', 'pcm16_8000hz'"),
        ({"turn_detection": {"type": "x"}}, "invalid_value", "turn_detection.type", "'server_vad', 'semantic_vad'"),
        ({"foo": 1}, "unknown_parameter", "foo", "Unknown parameter: 'foo'."),
        ({"client_secret": 5}, "invalid_value", "client_secret", "must be an object"),
        ({"client_secret": {"expires_after": 5}}, "invalid_value", "client_secret.expires_after", "must be an object"),
        (
            {"client_secret": {"expires_after": {"seconds": 9}}},
            "invalid_value",
            "client_secret.expires_after.seconds",
            "must be an integer from 10 to 7200",
        ),
        ({"instructions": "x" * 40_000}, "invalid_value", "instructions", "too large for a token"),
    ],
)
async def test_what_is_wrong_is_named_as_the_caller_knows_it(
    serve: Serve, body: dict[str, Any], code: str, param: str, words: str
) -> None:
    async with serve() as running, running.client() as client:
        answer = await client.post("/v1/realtime/sessions", json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
        assert words in error["message"]


@pytest.mark.parametrize("path", SESSIONS)
async def test_the_betas_sessions_ask_for_a_key(serve: Serve, path: str) -> None:
    async with serve(**KEYS) as running, running.client() as client:
        token = running.gateway.tokens.mint(None, 60).value
        for headers in ({}, {"api-key": "wrong"}, {"Authorization": f"Bearer {token}"}):
            assert (await client.post(path, json=FLAT, headers=headers)).status_code == 401


SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"
SDP_TYPE = {"Content-Type": "application/sdp"}
NOT_SERVED = {
    "POST /v1/realtime?model=gpt-realtime": "WebSocket to /v1/realtime",
    "POST /v1/realtime/": "WebSocket to /v1/realtime",
    "POST /realtime": "WebSocket to /v1/realtime",
    "POST /openai/v1/realtime": "WebSocket to /v1/realtime",
    "POST /openai/realtime?api-version=1": "WebSocket to /v1/realtime",
    "POST /v1/realtime/calls": "WebSocket to /v1/realtime",
    "GET /v1/realtime/calls": "WebSocket to /v1/realtime",
    "POST /openai/v1/realtime/calls?webrtcfilter=on": "WebSocket to /v1/realtime",
    "POST /v1/realtimertc?model=d": "WebSocket to /v1/realtime",
    "POST /v1/realtime/calls/rtc_1/accept": "telephone gateway",
    "POST /v1/realtime/calls/rtc_1/reject": "telephone gateway",
    "POST /v1/realtime/calls/rtc_1/refer": "telephone gateway",
    "POST /v1/realtime/calls/rtc_1/hangup": "telephone gateway",
    "POST /openai/v1/realtime/calls/rtc_1/hangup": "telephone gateway",
    "POST /v1/realtime/translations": "in the session's instructions",
    "POST /v1/realtime/translations/client_secrets": "in the session's instructions",
    "POST /v1/realtime/translations/calls": "in the session's instructions",
    "POST /v1/realtime/transcription_sessions": "session.audio.input.transcription",
    "POST /openai/realtimeapi/transcription_sessions": "session.audio.input.transcription",
    "POST /v1/audio/translations": "POST /v1/chat/completions",
    "POST /openai/deployments/whisper/audio/translations?api-version=1": "POST /v1/chat/completions",
    "POST /v1/audio/transcriptions": "session.audio.input.transcription",
    "POST /v1/audio/speech": "POST /v1/chat/completions",
    "POST /v1/responses": "POST /v1/chat/completions",
    "GET /v1/responses/resp_1": "WebSocket to /v1/realtime",
    "POST /openai/v1/responses": "POST /v1/chat/completions",
    "POST /v1/completions": "POST /v1/chat/completions",
    "POST /openai/deployments/d/completions?api-version=1": "POST /v1/chat/completions",
    "POST /v1/live/client_secrets": "WebSocket to /v1/realtime",
    "POST /realtime/calls": "WebSocket to /v1/realtime",
}


async def test_what_the_api_has_and_we_have_not_says_what_to_use_instead(serve: Serve) -> None:
    async with serve(**KEYS) as running, running.client() as client:
        token = running.gateway.tokens.mint(None, 60).value
        for request, instead in NOT_SERVED.items():
            method, target = request.split(" ")
            for key in ("correct-key", token):
                headers = SDP_TYPE | {"Authorization": f"Bearer {key}"}
                answer = await client.request(method, target, content=SDP, headers=headers)
                assert answer.status_code == 501, request
                error = answer.json()["error"]
                assert set(error) == {"message", "type", "param", "code"}
                assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_endpoint")
                assert "not supported by this server" in error["message"] or "Text is not" in error["message"]
                assert instead in error["message"], request
                assert answer.headers["x-should-retry"] == "false"
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer ek_wrong"}):
                answer = await client.request(method, target, content=SDP, headers=headers)
                assert answer.status_code == 401, request


async def test_a_foreign_page_is_turned_away_before_anything_else(serve: Serve) -> None:
    async with serve() as running, running.client(headers={"Origin": "https://evil.example"}) as client:
        assert (await client.post("/v1/realtime/calls", content="v=0")).status_code == 403
        assert (await client.post("/v1/realtime/sessions", json={})).status_code == 403


async def test_sockets_to_what_is_not_served(serve: Serve) -> None:
    async with serve(**KEYS) as running:
        for path in ("/v1/realtime/translations?model=m", "/openai/v1/realtime/translations"):
            url = f"ws://127.0.0.1:{running.port}{path}"
            status, error, _ = await refused(url, additional_headers={"Authorization": "Bearer wrong"})
            assert (status, error["code"]) == (401, "invalid_api_key")
            status, error, _ = await refused(url, additional_headers=KEYED)
            assert (status, error["code"]) == (501, "unsupported_endpoint")
            assert "in the session's instructions" in error["message"]
        status, error, _ = await refused(f"ws://127.0.0.1:{running.port}/v1/nothing", additional_headers=KEYED)
        assert (status, error["message"]) == (404, "There is no WebSocket at this path: connect to /v1/realtime.")
        assert running.sessions == []


async def test_a_wrong_method_is_told_the_right_one(serve: Serve) -> None:
    async with serve() as running, running.client() as client:
        answer = await client.get("/v1/realtime/client_secrets")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.json()["error"]["message"] == "GET is not possible here: use POST."
        for method, path in (("GET", "/v1/realtime/sessions"), ("DELETE", "/v1/realtime"), ("PUT", "/v1/models")):
            assert (await client.request(method, path)).status_code == 405


async def test_a_path_without_its_version_is_told_the_whole_one(serve: Serve) -> None:
    """An SDK whose base URL lacks it: another method would not help."""
    async with serve() as running, running.client() as client:
        for path in ("/chat/completions", "/realtime/client_secrets", "/v2/realtime/sessions"):
            answer = await client.post(path, json={})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (404, "not_found"), path
            assert "POST /v1/chat/completions" in error["message"]
        assert (await client.get("/nothing.js")).status_code == 404
        assert (await client.post("/index.html")).status_code == 405


def test_a_token_says_which_dialect_its_session_speaks() -> None:
    tokens = Tokens("s" * 32)
    assert tokens.read(tokens.mint({"a": 1}, 60, beta=True).value).beta is True
    assert tokens.read(tokens.mint({"a": 1}, 60).value).beta is False
