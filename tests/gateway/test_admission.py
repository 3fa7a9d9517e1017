"""Who gets a session, asked over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from bargein.gateway.tokens import Tokens
from support.gateway import Running, Serve

KEYS = {"api_keys": "correct-key,other-key"}


async def refused(url: str, **options: Any) -> tuple[int, dict[str, Any], dict[str, str]]:  # noqa: ANN401
    """Status, error and headers of an answer that is no upgrade."""
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, **options)
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/json"
    error = json.loads(response.body or b"")["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return response.status_code, error, dict(response.headers.raw_items())


async def admitted(url: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the session was admitted with, and the subprotocol that was answered."""
    async with connect(url, **options) as caller:
        greeting: dict[str, Any] = json.loads(await caller.recv())
        return greeting | {"subprotocol": caller.subprotocol}


def offering(*entries: str) -> Sequence[Subprotocol]:
    return [Subprotocol(entry) for entry in entries]


@pytest.mark.parametrize("path", ["/v1/realtime", "/realtime", "/openai/v1/realtime", "/v1/realtime/"])
async def test_every_spelling_of_the_path_is_accepted(serve: Serve, path: str) -> None:
    async with serve() as running:
        url = f"ws://127.0.0.1:{running.port}{path}"
        assert (await admitted(url))["model"] == "gpt-audio-1.5"
        assert (await admitted(f"{url}?model=gpt-realtime&unknown=1"))["model"] == "gpt-realtime"


@pytest.mark.parametrize(
    ("target", "status", "param"),
    [
        ("/v1/live", 501, None),
        ("/v1/realtime?call_id=rtc_1", 400, "call_id"),
        ("/v1/realtime?intent=transcription", 400, "intent"),
        ("/v1/realtime?model=" + "m" * 300, 400, "model"),
        ("/v1/realtime?deployment=" + "m" * 300, 400, "deployment"),
    ],
)
async def test_what_is_not_served_is_refused_by_name(serve: Serve, target: str, status: int, param: str | None) -> None:
    async with serve() as running:
        answered, error, _ = await refused(f"ws://127.0.0.1:{running.port}{target}")
        assert (answered, error["param"]) == (status, param)
        assert running.sessions == []
        assert running.metric('bargein_sessions_refused_total{reason="request"}') == 1


OFFERED = {
    (): (None, False),
    ("realtime",): ("realtime", False),
    ("realtime", "openai-insecure-api-key.sk-1", "openai-agents-sdk.0.20.0"): ("realtime", False),
    ("openai-insecure-api-key.sk-1", "realtime"): ("realtime", False),
    ("realtime", "bargein.v1"): ("bargein.v1", True),
    ("bargein.v1",): ("bargein.v1", True),
    ("something-else",): (None, False),
}


async def test_the_subprotocol_that_is_answered(serve: Serve) -> None:
    async with serve() as running:
        for offered, expected in OFFERED.items():
            greeting = await admitted(running.ws, subprotocols=offering(*offered) or None)
            assert (greeting["subprotocol"], greeting["bargein"]) == expected, offered


@pytest.mark.parametrize(
    ("options", "beta"),
    [
        ({}, False),
        ({"additional_headers": {"OpenAI-Beta": "realtime=v1"}}, True),
        ({"additional_headers": {"OpenAI-Beta": "assistants=v2, realtime=v1"}}, True),
        ({"subprotocols": offering("realtime", "openai-beta.realtime-v1")}, True),
    ],
)
async def test_the_beta_dialect_is_said_by_header_or_subprotocol(
    serve: Serve, options: dict[str, Any], beta: bool
) -> None:
    async with serve() as running:
        assert (await admitted(running.ws, **options))["beta"] is beta


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"Authorization": "Bearer correct-key"}},
        {"additional_headers": {"authorization": "bearer other-key"}},
        {"additional_headers": {"api-key": "correct-key"}},
        {"subprotocols": offering("realtime", "openai-insecure-api-key.correct-key")},
    ],
)
async def test_a_key_is_taken_by_each_of_the_three_ways(serve: Serve, options: dict[str, Any]) -> None:
    async with serve(**KEYS) as running:
        greeting = await admitted(running.ws, **options)
        assert "key" not in (greeting["subprotocol"] or "")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "missing_api_key"),
        ({"additional_headers": {"Authorization": "Bearer wrong"}}, "invalid_api_key"),
        ({"additional_headers": {"Authorization": "Basic correct-key"}}, "missing_api_key"),
        ({"additional_headers": {"Authorization": "Bearer correct-key,other-key"}}, "invalid_api_key"),
        ({"subprotocols": offering("realtime", "openai-insecure-api-key.correct-keyy")}, "invalid_api_key"),
    ],
)
async def test_a_missing_or_wrong_key_is_401_before_the_upgrade(
    serve: Serve, options: dict[str, Any], code: str
) -> None:
    async with serve(**KEYS) as running:
        status, error, headers = await refused(running.ws, **options)
        assert (status, error["code"]) == (401, code)
        assert headers["WWW-Authenticate"] == "Bearer"
        assert running.metric('bargein_sessions_refused_total{reason="key"}') == 1


async def test_a_key_in_the_query_opens_nothing(serve: Serve) -> None:
    async with serve(**KEYS) as running:
        status, _, _ = await refused(f"{running.ws}?api-key=correct-key&api_key=correct-key")
        assert status == 401


async def minted(running: Running, body: dict[str, Any]) -> httpx.Response:
    async with running.client() as client:
        return await client.post(
            "/v1/realtime/client_secrets", json=body, headers={"Authorization": "Bearer correct-key"}
        )


async def test_a_token_opens_a_session_that_is_configured_as_it_says(serve: Serve) -> None:
    async with serve(**KEYS) as running:
        session = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief. " * 900}
        answer = (await minted(running, {"session": session, "expires_after": {"seconds": 60}})).json()
        assert answer["value"].startswith("ek_")
        assert answer["session"]["instructions"] == session["instructions"]
        for options in (
            {"additional_headers": {"Authorization": f"Bearer {answer['value']}"}},
            {"subprotocols": offering("realtime", f"openai-insecure-api-key.{answer['value']}")},
        ):
            greeting = await admitted(running.ws, **options)
            assert greeting["initial_session"] == session
            assert greeting["model"] == "gpt-realtime"


async def test_a_token_mints_no_tokens(serve: Serve) -> None:
    async with serve(**KEYS) as running:
        value = (await minted(running, {})).json()["value"]
        async with running.client(headers={"Authorization": f"Bearer {value}"}) as client:
            assert (await client.post("/v1/realtime/client_secrets")).status_code == 401
            assert (await client.post("/v1/chat/completions", json={})).status_code == 401


@pytest.mark.parametrize("keyed", [True, False])
async def test_an_expired_forged_or_garbled_token_is_401_even_without_keys(serve: Serve, keyed: bool) -> None:
    secret = "s" * 32
    async with serve(token_secret=secret, **(KEYS if keyed else {})) as running:
        expired = Tokens(secret).mint(None, -1).value
        forged = Tokens("f" * 32).mint({"type": "realtime"}, 600).value
        unsigned = "ek_eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9."
        for value in (expired, forged, unsigned, "ek_", "ek_not.a.token"):
            status, error, _ = await refused(running.ws, additional_headers={"Authorization": f"Bearer {value}"})
            assert (status, error["code"]) == (401, "invalid_api_key"), value
        good = Tokens(secret).mint(None, 600).value
        assert await admitted(running.ws, additional_headers={"Authorization": f"Bearer {good}"})


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"expires_after": {"seconds": 9}}, "expires_after.seconds"),
    ({"expires_after": {"seconds": 7201}}, "expires_after.seconds"),
    ({"expires_after": {"seconds": "60"}}, "expires_after.seconds"),
    ({"expires_after": {"seconds": True}}, "expires_after.seconds"),
    ({"expires_after": {"anchor": "now"}}, "expires_after.anchor"),
    ({"expires_after": 60}, "expires_after"),
    ({"session": "realtime"}, "session"),
    ({"session": {"type": "realtime", "audio": {"output": {"speed": 9}}}}, "session.audio.output.speed"),
    ({"session": {"type": "realtime", "instructions": "x" * 40_000}}, "session"),
]


async def test_a_token_is_not_minted_of_nonsense(serve: Serve) -> None:
    async with serve(**KEYS) as running:
        for body, param in NONSENSE:
            answer = await minted(running, body)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


ORIGINS = {
    None: 101,
    "http://127.0.0.1:{port}": 101,
    "https://127.0.0.1:{port}": 101,
    "https://app.example": 101,
    "https://APP.example": 101,
    "http://evil.example": 403,
    "http://127.0.0.1:1": 403,
    "null": 403,
    "http://127.0.0.1:{port}.evil.example": 403,
    "https://app.example.evil.example": 403,
}


async def test_foreign_pages_are_refused(serve: Serve) -> None:
    async with serve(allowed_origins="https://app.example") as running:
        for origin, status in ORIGINS.items():
            headers = {} if origin is None else {"Origin": origin.format(port=running.port)}
            if status == 101:
                assert await admitted(running.ws, additional_headers=headers)
            else:
                answered, error, _ = await refused(running.ws, additional_headers=headers)
                assert (answered, error["code"]) == (403, "origin_not_allowed"), origin
                assert "BARGEIN_ALLOWED_ORIGINS" in error["message"]
            async with running.client(headers=headers) as client:
                answer = await client.post("/v1/realtime/client_secrets")
                assert answer.status_code == (200 if status == 101 else 403), origin


HOSTS = {
    "localhost:1": (101, 101),
    "LOCALHOST": (101, 101),
    "demo.localhost:1": (101, 101),
    "192.0.2.7:8765": (101, 101),
    "[::1]:8765": (101, 101),
    "voice.internal:80": (101, 101),
    "rebound.evil.example": (403, 101),
    "127.0.0.1.evil.example": (403, 101),
    "[::1": (403, 101),
}
"""What is answered under each name, without keys and with."""


@pytest.mark.parametrize("keyed", [False, True])
async def test_a_keyless_server_answers_under_known_names_only(serve: Serve, keyed: bool) -> None:
    async with serve(allowed_hosts="voice.internal", **(KEYS if keyed else {})) as running:
        answered = {}
        for host in HOSTS:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            head = (
                f"GET /v1/realtime HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Version: 13\r\nAuthorization: Bearer correct-key\r\n\r\n"
            )
            writer.write(head.encode())
            answered[host] = int((await reader.readline()).split()[1])
            writer.close()
        assert answered == {host: statuses[keyed] for host, statuses in HOSTS.items()}


async def test_a_full_server_says_503_and_when_to_come_back(serve: Serve) -> None:
    async with serve(max_sessions=2) as running:
        async with connect(running.ws), connect(running.ws):
            status, error, headers = await refused(running.ws)
            assert (status, error["code"]) == (503, "server_full")
            assert int(headers["Retry-After"]) >= 1
            async with running.client() as client:
                ready = await client.get("/readyz")
                assert (ready.status_code, ready.headers["Retry-After"]) == (503, headers["Retry-After"])
                assert (await client.get("/healthz")).status_code == 200
        for session in running.sessions:
            await asyncio.wait_for(session.closed.wait(), 30)
        assert await admitted(running.ws)
        assert running.metric('bargein_sessions_refused_total{reason="full"}') == 1


FROM = {"trusted_proxies": "127.0.0.0/8,10.0.0.0/8"}


def forwarded(*addresses: str) -> dict[str, Any]:
    return {"additional_headers": {"X-Forwarded-For": ", ".join(addresses)}}


async def test_an_address_has_limits_of_its_own(serve: Serve) -> None:
    async with serve(max_sessions_per_address=1, **FROM) as running:
        async with connect(running.ws, **forwarded("198.51.100.1")), connect(running.ws, **forwarded("198.51.100.2")):
            status, error, headers = await refused(running.ws, **forwarded("198.51.100.1"))
            assert (status, error["code"]) == (429, "too_many_sessions")
            assert "Retry-After" in headers
        async with connect(running.ws, **forwarded("2001:db8:1:2::1")):
            status, _, _ = await refused(running.ws, **forwarded("2001:db8:1:2:ffff::9"))
            assert status == 429
            assert await admitted(running.ws, **forwarded("2001:db8:1:3::1"))
        for session in running.sessions:
            await asyncio.wait_for(session.closed.wait(), 30)
        assert await admitted(running.ws, **forwarded("198.51.100.1"))


async def test_another_port_or_another_nonsense_is_no_other_party(serve: Serve) -> None:
    async with serve(max_new_sessions_per_minute=2, **FROM) as running:
        for kind in ("198.51.100.1:{}", "nonsense {}", "[2001:db8::1]:{}"):
            for number in range(2):
                await admitted(running.ws, **forwarded(kind.format(number)))
            status, error, _ = await refused(running.ws, **forwarded(kind.format(3)))
            assert (status, error["code"]) == (429, "too_many_new_sessions"), kind


async def test_the_line_that_a_proxy_adds_counts_on_every_door(serve: Serve) -> None:
    """Some write a header line of their own below the caller's."""
    async with serve(metrics_key="scrape", metrics_from="198.51.100.1", **FROM) as running:
        headers = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "198.51.100.2")]
        assert (await admitted(running.ws, additional_headers=headers))["address"] == "198.51.100.2"
        async with running.client() as client:
            assert (await client.get("/metrics", headers=headers)).status_code == 401
            assert (await client.get("/metrics", headers=headers[:1])).status_code == 200


async def test_an_address_may_not_come_again_and_again(serve: Serve) -> None:
    async with serve(max_new_sessions_per_minute=2, **FROM) as running:
        await admitted(running.ws, **forwarded("198.51.100.1"))
        await admitted(running.ws, **forwarded("198.51.100.1"))
        status, error, headers = await refused(running.ws, **forwarded("198.51.100.1"))
        assert (status, error["code"]) == (429, "too_many_new_sessions")
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert await admitted(running.ws, **forwarded("198.51.100.2"))


@pytest.mark.parametrize(
    ("settings", "addresses", "address"),
    [
        ({}, ("203.0.113.9",), "127.0.0.1"),
        (FROM, ("203.0.113.9",), "203.0.113.9"),
        (FROM, ("203.0.113.9", "10.1.2.3"), "203.0.113.9"),
        (FROM, ("192.0.2.66", "203.0.113.9", "10.1.2.3"), "203.0.113.9"),
        (FROM, ("203.0.113.9:4711",), "203.0.113.9"),
        (FROM, ("203.0.113.9", "10.1.2.3:80"), "203.0.113.9"),
        (FROM, ('"[2001:db8::9]:4711"',), "2001:db8::9"),
        (FROM, ("[2001:db8::9]",), "2001:db8::9"),
        (FROM, ("fe80::9%eth0",), "fe80::9"),
        (FROM, ("::ffff:203.0.113.9",), "203.0.113.9"),
        (FROM, ("203.0.113.9", "::ffff:10.1.2.3"), "203.0.113.9"),
        (FROM, ("not an address",), "unknown"),
        (FROM, ("203.0.113.9", "_hidden"), "unknown"),
        (FROM, ("203.0.113.9:1:2",), "unknown"),
        (FROM, (" ", "203.0.113.9", ""), "203.0.113.9"),
        (FROM, ("203.0.113.9", *["10.1.2.3"] * 100), "10.1.2.3"),
    ],
)
async def test_forwarded_addresses_are_believed_of_listed_proxies_only(
    serve: Serve, settings: dict[str, str], addresses: tuple[str, ...], address: str
) -> None:
    async with serve(**settings) as running:
        assert (await admitted(running.ws, **forwarded(*addresses)))["address"] == address


async def test_loopback_is_not_limited(serve: Serve) -> None:
    async with (
        serve(max_sessions_per_address=1, max_new_sessions_per_minute=1) as running,
        connect(running.ws),
        connect(running.ws),
    ):
        assert running.gateway.open_sessions == 2
