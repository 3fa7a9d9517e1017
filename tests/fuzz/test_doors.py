"""Whatever comes to the door is answered: by a session, or by a refusal in words, never by a traceback."""

from __future__ import annotations

import base64
import ipaddress
import itertools
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.gateway.addresses import AddressLimits, client_address, party_of
from bargein.gateway.handshake import parse_handshake
from bargein.gateway.origins import check_host, check_origin
from bargein.gateway.tokens import TokenInvalid, Tokens
from support.fuzz import everywhere, examples, json_texts, json_values, mutated, nested
from support.server_process import ServerProcess, serve

SECRET: Final = "s" * 32
VALUES: Final = [
    "", " ", "null", "http://[", "http://]", "http://[::1", "http://a:b", "//", "http://", "http://127.0.0.1:99999999",
    "a,b", ",", ", ,", "\xff", "\x80\xff", "[::1", "[::1]:x", "::1%", "fe80::1%eth0", "127.0.0.1:", "1.2.3.4:5", "0",
    "Bearer", "Bearer ", "bearer x y", "Basic x", "ek_", "ek_a.b.c", "openai-insecure-api-key.", "realtime=v1", "13",
    "realtime, openai-insecure-api-key.k, bargein.v1", "a" * 5000, "," * 3000, "127.0.0.1," * 500, "chunked", "5",
    "dGhlIHNhbXBsZSBub25jZQ==", "=", "Upgrade", "websocket", "keep-alive, Upgrade", "100-continue", "-1", "1" * 5000,
    "http://localhost", "xn--", "*", "%", "%00", "localhost:", ".localhost", "a.b:c:d",
]  # fmt: skip
NAMES: Final = [
    "Origin", "Host", "X-Forwarded-For", "Authorization", "api-key", "Sec-WebSocket-Protocol", "OpenAI-Beta", "Cookie",
    "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions", "Connection", "Upgrade", "Expect",
    "Content-Length", "Transfer-Encoding", "Access-Control-Request-Method", "If-None-Match", "If-Modified-Since",
    "Range", "Accept-Encoding",
]  # fmt: skip
TARGETS: Final = [
    "/v1/realtime", "/realtime?model=x", "/v1/realtime?model=%00%ff&model=y", "/v1/realtime?" + "a&" * 2000,
    "/v1/realtime?deployment=" + "d" * 3000, "/v1/realtime?%&=&==&model", "/v1/models", "/", "/metrics", "/healthz",
    "/v1/realtime/client_secrets", "/v1/chat/completions", "/%ff", "/%2e%2e/%00", "//", "/index.html/", "/a?b#c", "*",
    "http://[/v1", "/v1/realtime?call_id", "/openai/realtime?deployment=a&api-version=%",
    "/openai/realtime?api-key=%00%ff&deployment", "/v1/realtime/calls/%2f/accept", "/v1/realtime/translations",
    "/v1/realtime/sessions", "/openai/realtimeapi/sessions",
]  # fmt: skip
header_values = st.sampled_from(VALUES) | st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
)
headers = st.lists(st.tuples(st.sampled_from(NAMES), header_values), max_size=5)


def session_of(token: str | None) -> dict[str, Any] | None:
    return Tokens(SECRET).read(token or "").session


@examples(80)
@given(headers)
def test_headers_alone(pairs: list[tuple[str, str]]) -> None:
    """Without sockets, which let only well-formed ones through."""
    read_headers(pairs)


def test_every_value_in_every_header_alone() -> None:
    for name, value in itertools.product(NAMES, VALUES):
        read_headers([("Host", "localhost"), (name, value)])


def read_headers(pairs: list[tuple[str, str]]) -> None:
    head = "GET /v1/realtime?model=x HTTP/1.1\r\n" + "".join(f"{name.lower()}: {value}\r\n" for name, value in pairs)
    handshake = parse_handshake(f"{head}\r\n".encode("latin-1"), "127.0.0.1")
    check_origin(handshake.headers, ["https://app.example"])
    check_host(handshake.headers, ["voice.internal"])
    address = client_address("127.0.0.1", handshake.headers, [ipaddress.ip_network("127.0.0.0/8")])
    party_of(address)
    AddressLimits(Clock(), 1, 1).check(address)
    handshake.minimal_head()
    with suppress(TokenInvalid):
        session_of(handshake.key)
    _ = (handshake.subprotocol, handshake.beta, handshake.malformed)


class Clock:
    def now(self) -> float:
        return 0.0


def signed(claims: object, header: dict[str, Any] | None = None) -> str:
    """A token that is really ours, whatever it holds."""
    head = {"alg": "HS256", "typ": "JWT"} | (header or {})
    parts = [json.dumps(part).encode() for part in (head, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = jwt.get_algorithm_by_name("HS256").sign(text, SECRET.encode())
    return f"ek_{(text + b'.' + base64.urlsafe_b64encode(signature).rstrip(b'=')).decode()}"


CLAIMS: Final[dict[str, Any]] = {
    "aud": "bargein/realtime",
    "iat": 1_700_000_000,
    "exp": 4_000_000_000,
    "session": {"type": "realtime", "model": "m", "instructions": "x", "audio": {"output": {"voice": "ash"}}},
}


@examples(60)
@given(
    mutated([CLAIMS], [CLAIMS["session"], "bargein/realtime", ["bargein/realtime"]]),
    st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jku"]), json_values(), max_size=2),
)
def test_tokens_alone(claims: object, head: dict[str, Any]) -> None:
    with suppress(TokenInvalid):
        session = session_of(signed(claims, head))
        assert session is None or isinstance(session, dict)


@examples(80)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_what_is_no_token(text: str) -> None:
    for token in (text, f"ek_{text}", f"ek_{text}.{text}.{text}"):
        with suppress(TokenInvalid):
            session_of(token)


@pytest.mark.parametrize("depth", [400, 5000, 20_000])
@pytest.mark.parametrize("place", ["header", "claims"])
def test_a_token_nested_deep(depth: int, place: str) -> None:
    # Text, for Python's own encoder gives up first.
    inner = "[" * depth + "]" * depth
    parts = ['{"alg":"HS256","x":1}', '{"aud":"bargein/realtime","exp":4000000000,"session":1}']
    which = 0 if place == "header" else 1
    parts[which] = parts[which].replace("1}", inner + "}")
    text = b".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(jwt.get_algorithm_by_name("HS256").sign(text, SECRET.encode())).rstrip(b"=")
    with suppress(TokenInvalid):
        session_of(f"ek_{(text + b'.' + signature).decode()}")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    yield from serving("websockets")


@pytest.fixture(scope="module", params=["websockets", "picows"])
def either_server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """For what becomes a socket."""
    yield from serving(request.param)


def serving(transport: str) -> Iterator[ServerProcess]:
    settings = {
        "BARGEIN_TRANSPORT": transport,
        "BARGEIN_TOKEN_SECRET": SECRET,
        "BARGEIN_TRUSTED_PROXIES": "127.0.0.0/8",
        "BARGEIN_MAX_NEW_SESSIONS_PER_MINUTE": "0",
        "BARGEIN_ALLOWED_ORIGINS": "https://app.example",
    }
    with serve("--upstream", "http://127.0.0.1:9/v1", settings=settings) as server:
        yield server
        server.end()
        assert "Traceback" not in server.log
        assert "[error" not in server.log


def statuses(server: ServerProcess, request: bytes) -> list[int]:
    """Of all that is answered."""
    host, _, port = server.address.rpartition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=60) as sock, suppress(ConnectionError):
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(65_536):
            answer += piece
    found = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]
    assert found or not answer, answer
    return found


def no_fault_of_ours(found: list[int]) -> None:
    """502 is the model's server, which there is none of."""
    assert all(status < 500 or status in {501, 502} for status in found), found


UPGRADE: Final = [
    ("Host", "localhost"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
]


def request_text(method: str, target: str, pairs: list[tuple[str, str]]) -> bytes:
    """The pairs beside those of ``UPGRADE`` that they do not replace."""
    replaced = {name for name, _ in pairs}
    lines = "".join(f"{name}: {value}\r\n" for name, value in [*(p for p in UPGRADE if p[0] not in replaced), *pairs])
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def test_every_value_in_every_header(either_server: ServerProcess) -> None:
    for name, value in itertools.product(NAMES, VALUES):
        no_fault_of_ours(statuses(either_server, request_text("GET", "/v1/realtime", [(name, value)])))
        no_fault_of_ours(statuses(either_server, request_text("GET", "/", [(name, value), ("Upgrade", "no")])))


def test_every_target(server: ServerProcess) -> None:
    for target, upgrade in itertools.product(TARGETS, ("websocket", "no")):
        no_fault_of_ours(statuses(server, request_text("GET", target, [("Upgrade", upgrade)])))


@examples(80)
@given(
    st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "PUT", "get", "PRI"]),
    st.sampled_from(TARGETS)
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map("/".__add__),
    headers,
    st.booleans(),
    st.binary(max_size=30),
)
def test_requests(
    server: ServerProcess, method: str, target: str, more: list[tuple[str, str]], upgrade: bool, body: bytes
) -> None:
    pairs = more if upgrade else [("Upgrade", "no"), *more]
    no_fault_of_ours(statuses(server, request_text(method, target, pairs) + body))


@examples(60)
@given(st.data())
def test_bytes_that_are_nearly_a_request(server: ServerProcess, data: st.DataObject) -> None:
    head = "POST /v1/models HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    request = bytearray((head * data.draw(st.integers(1, 2))).encode())
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(request)))
        request[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    no_fault_of_ours(statuses(server, bytes(request)))


WISH: Final[dict[str, Any]] = {
    "expires_after": {"anchor": "created_at", "seconds": 60},
    "session": {
        "type": "realtime",
        "model": "m",
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}, "output": {"voice": "ash"}},
    },
}
CHAT: Final[dict[str, Any]] = {
    "model": "m",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "messages": [
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]},
        {
            "role": "assistant",
            "content": "hm",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "{}"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 5,
    "stop": ["x"],
}


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def test_anything_at_any_place_of_a_body(server: ServerProcess) -> None:
    for path, wish in (("/v1/realtime/client_secrets", WISH), ("/v1/chat/completions", CHAT)):
        for body in everywhere([wish]):
            no_fault_of_ours(statuses(server, post(path, json.dumps(body).encode())))


@examples(60)
@given(
    st.sampled_from(["/v1/realtime/client_secrets", "/v1/chat/completions"]),
    json_texts(mutated([WISH, CHAT], ["m", "wav", "text", "user", 60, CHAT["messages"], WISH["session"]])),
)
def test_bodies(server: ServerProcess, path: str, body: bytes) -> None:
    no_fault_of_ours(statuses(server, post(path, body)))


@examples(30)
@given(mutated([CLAIMS], [WISH["session"], CLAIMS["session"], nested(400), nested(101, objects=True)]))
def test_tokens(server: ServerProcess, claims: object) -> None:
    token = signed(claims)
    pairs = [*UPGRADE, ("Authorization", f"Bearer {token}")]
    if len(token) > 32_000:
        return
    head = "GET /v1/realtime HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs)
    no_fault_of_ours(found := statuses(server, head.encode() + b"\r\n"))
    assert found
