"""The HTTP routes, and what keeps them from being misused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from bargein.gateway import http_protocol
from bargein.gateway.http.page import find_client_web
from support.gateway import Serve

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEYED = {"Authorization": "Bearer correct-key"}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page's directory, and a secret beside it."""
    directory = tmp_path / "page"
    (directory / "worklets").mkdir(parents=True)
    (directory / "index.html").write_text("<!doctype html><title>page</title>")
    (directory / "main.js").write_text("export {};")
    (directory / "style.css").write_text("body {}")
    (directory / "worklets" / "capture.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("secret")
    (directory / "link.txt").symlink_to(tmp_path / "secret.txt")
    return directory


async def test_the_page_comes_with_its_policy(serve: Serve, page: Path) -> None:
    async with serve(client_web=page) as running, running.client() as client:
        for path, kind in (
            ("/", "text/html"),
            ("/main.js", "text/javascript"),
            ("/worklets/capture.js", "text/javascript"),
            ("/style.css", "text/css"),
        ):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["permissions-policy"] == "microphone=(self)"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-cache"
            again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304
            assert again.headers["content-security-policy"] == POLICY


OUTSIDE = [
    "/../secret.txt",
    "/worklets/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "//secret.txt",
    "/link.txt",
    "/index.html%00.js",
    "/worklets",
    "/.env",
]


async def test_nothing_outside_the_page_is_served(serve: Serve, page: Path) -> None:
    async with serve(client_web=page) as running:
        for target in OUTSIDE:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            assert answer.split()[1] in {b"400", b"404", b"307"}, target
            assert b"secret" not in answer.split(b"\r\n\r\n", 1)[1], target
            writer.close()


async def test_without_a_page_it_says_how_to_talk(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where only the package's code was installed: a configured page that is not there is refused before."""
    monkeypatch.setattr("bargein.gateway.http.app.find_client_web", lambda _: None)
    async with serve() as running, running.client() as client:
        answer = await client.get("/")
        assert answer.status_code == 200
        lines = answer.text.splitlines()
        assert len(lines) == 2
        assert f"ws://127.0.0.1:{running.port}/v1/realtime" in lines[0]


def test_the_page_is_found_in_a_checkout() -> None:
    directory = find_client_web(None)
    assert directory is not None
    assert (directory / "index.html").is_file()


async def test_health_and_metrics(serve: Serve) -> None:
    async with serve(api_keys="correct-key") as running, running.client() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        async with connect(running.ws, additional_headers=KEYED):
            text = (await client.get("/metrics", headers=KEYED)).text
        assert "bargein_sessions_open 1.0" in text
        assert 'bargein_http_requests_total{route="/healthz",status="200"} 1.0' in text
        assert running.sessions[0].id not in text
        await client.get("/whatever/a/caller/asks")
        text = (await client.get("/metrics", headers=KEYED)).text
        assert 'bargein_http_requests_total{route="other",status="404"} 1.0' in text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/realtime", 426, "upgrade_required"),
        ("GET", "/v1/realtime/client_secrets", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("POST", "/v1/chat/completions", 401, "missing_api_key"),
        ("GET", "/v1/models", 401, "missing_api_key"),
    ],
)
async def test_every_error_has_openais_shape(serve: Serve, method: str, path: str, status: int, code: str) -> None:
    async with serve(api_keys="correct-key") as running, running.client() as client:
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == code
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_models(serve: Serve) -> None:
    async with serve(model="my-model") as running, running.client() as client:
        for prefix in ("/v1", "/openai/v1"):
            assert [model["id"] for model in (await client.get(f"{prefix}/models")).json()["data"]] == ["my-model"]


async def test_bodies_have_a_limit_and_must_be_json(serve: Serve) -> None:
    async with serve(max_body_bytes=70_000) as running, running.client() as client:
        answer = await client.post("/v1/chat/completions", content=b"x" * 70_001)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")

        async def dripping() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 1000

        answer = await client.post("/v1/chat/completions", content=dripping())
        assert answer.status_code == 413
        for content in (b"{", b"[]", b"\xff"):
            answer = await client.post("/v1/realtime/client_secrets", content=content)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


async def test_other_origins_get_cors_only_where_they_are_allowed(serve: Serve) -> None:
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    async with serve(allowed_origins="https://app.example") as running, running.client() as client:
        answer = await client.options("/v1/realtime/client_secrets", headers=preflight)
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
    async with serve() as running, running.client() as client:
        answer = await client.options("/v1/realtime/client_secrets", headers=preflight)
        # The page may read why; its request is not sent, for the answer to the preflight is no success.
        assert answer.status_code == 403
        assert "access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
async def test_a_head_that_never_ends_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.05)
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(sent)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


async def test_a_second_request_has_to_arrive_too(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.2)
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        writer.write(b"GET /healthz HT")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


async def test_an_open_socket_is_not_taken_for_a_slow_head(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.05)
    async with serve() as running, connect(running.ws) as caller:
        await caller.recv()
        fired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, fired.set)
        await fired.wait()
        await caller.send("still here")
        assert await caller.recv() == "still here"


async def test_huge_headers_are_refused(serve: Serve) -> None:
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Huge: " + b"x" * 200_000 + b"\r\n\r\n")
        assert (await reader.readline()).split()[1] in {b"400", b"431"}
        writer.close()


async def test_a_keep_alive_connection_serves_several_requests(serve: Serve) -> None:
    async with serve() as running, running.client(limits=httpx.Limits(max_connections=1)) as client:
        for _ in range(3):
            assert (await client.get("/healthz")).status_code == 200
