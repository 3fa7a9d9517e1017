"""Who may read the metrics, and what the log tells of who is turned away."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from support.gateway import Serve
from support.http import http_client
from support.server_process import ServerProcess
from support.server_process import serve as serve_process

KEYS = {"api_keys": "correct-key,other-key"}
SCRAPER = {"metrics_key": "scrape"}
ALL = {"metrics_from": "0.0.0.0/0,::/0"}
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("settings", "key", "status"),
    [
        ({}, None, 200),
        (KEYS, None, 401),
        (KEYS, "wrong", 401),
        (KEYS, "correct-key", 200),
        (KEYS | SCRAPER, None, 401),
        (KEYS | SCRAPER, "scrape", 200),
        (KEYS | SCRAPER, "other-key", 200),
        (KEYS | SCRAPER, "wrong", 401),
        (SCRAPER, None, 401),
        (SCRAPER, "scrape", 200),
        (SCRAPER, "wrong", 401),
        (KEYS | ALL, None, 200),
        (KEYS | {"metrics_from": "127.0.0.0/8"}, None, 200),
        (KEYS | {"metrics_from": "10.0.0.0/8"}, None, 401),
    ],
)
async def test_who_may_read_the_metrics(serve: Serve, settings: dict[str, Any], key: str | None, status: int) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with serve(**settings) as running, running.client(headers=headers) as client:
        assert (await client.get("/metrics")).status_code == status
        assert (await client.get("/healthz")).status_code == 200


async def test_the_scrapers_key_opens_nothing_else(serve: Serve) -> None:
    async with serve(**KEYS, **SCRAPER) as running:
        headers = {"Authorization": "Bearer scrape"}
        async with running.client(headers=headers) as client:
            for path in ("/v1/realtime/client_secrets", "/v1/chat/completions"):
                assert (await client.post(path, json={})).status_code == 401
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.ws, additional_headers=headers)
        assert refused.value.response.status_code == 401


async def test_a_token_reads_no_metrics(serve: Serve) -> None:
    async with serve(**KEYS) as running:
        value = running.gateway.tokens.mint(None, 60).value
        async with running.client(headers={"Authorization": f"Bearer {value}"}) as client:
            assert (await client.get("/metrics")).status_code == 401


def fingerprint(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]


async def turned_away(server: ServerProcess, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    with pytest.raises(InvalidStatus):
        await connect(server.realtime_url, additional_headers=headers)
    async with http_client(base_url=server.http_url, headers=headers) as client:
        for method, path in (
            ("POST", "/v1/realtime/client_secrets"),
            ("POST", "/v1/chat/completions"),
            ("GET", "/v1/models"),
            ("GET", "/metrics"),
        ):
            assert (await client.request(method, path)).status_code == 401


async def test_refusals_name_address_and_fingerprint_and_never_the_key() -> None:
    secret = "a-wrong-key-of-somebody"
    with serve_process("--upstream", NOWHERE, settings={"BARGEIN_API_KEYS": "correct-key"}) as server:
        await turned_away(server, secret)
        async with http_client(base_url=server.http_url) as client:
            assert (await client.get("/v1/models")).status_code == 401
            assert (await client.get("/v1/models", headers={"Origin": "http://evil.example"})).status_code == 403
            keyed = {"Authorization": "Bearer correct-key"}
            answer = await client.post("/v1/realtime/client_secrets", headers=keyed, json={"session": 1})
            assert answer.status_code == 400
        server.end()
        refused = [line for line in server.lines if "refused" in line]
        assert len(refused) == 8, server.log
        assert all("address=127.0.0.1" in line for line in refused)
        by_key = [line for line in refused if f"key_fingerprint={fingerprint(secret)}" in line]
        assert len(by_key) == 5
        assert sum("path=/metrics" in line for line in by_key) == 1
        assert sum("code=missing_api_key" in line for line in refused) == 1
        assert sum("origin=http://evil.example" in line for line in refused) == 1
        assert sum("param=session" in line for line in refused) == 1
        assert secret not in server.log
        assert "correct-key" not in server.log


MISSING = re.compile(r"BARGEIN_TOKEN_SECRET is not set.*no other replica")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"BARGEIN_API_KEYS": "k"}, 1),
        ({"BARGEIN_WORKERS": "2"}, 1),
        ({}, 0),
        ({"BARGEIN_API_KEYS": "k", "BARGEIN_TOKEN_SECRET": "s" * 32}, 0),
    ],
)
def test_a_missing_shared_secret_is_said_at_the_start(settings: dict[str, str], said: int) -> None:
    with serve_process("--upstream", NOWHERE, settings=settings) as server:
        server.end()
        assert len([line for line in server.lines if MISSING.search(line)]) == said


async def test_a_token_of_another_replica_is_told_why(serve: Serve) -> None:
    async with serve(**KEYS) as one, serve(**KEYS) as other:
        value = one.gateway.tokens.mint(None, 60).value
        with pytest.raises(InvalidStatus) as refused:
            await connect(other.ws, additional_headers={"Authorization": f"Bearer {value}"})
        body = refused.value.response.body or b""
        assert refused.value.response.status_code == 401
        assert b"same BARGEIN_TOKEN_SECRET" in body
        assert b"client_secrets" in body
