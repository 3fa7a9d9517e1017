"""What a request for a WebSocket says, before anything is decided on it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import parse_qsl

KEY_ENTRY: Final = "openai-insecure-api-key."
"""The subprotocol entry in which a browser, which cannot set headers, presents its key."""
BETA_ENTRY: Final = "openai-beta.realtime-v1"
REALTIME: Final = "realtime"
BARGEIN_V1: Final = "bargein.v1"
AZURE: Final = "/openai/"
"""How Azure's paths begin."""
AZURE_PREVIEW: Final = "/openai/realtime"
"""Azure's path from before the protocol was finished, with ``api-version`` and ``deployment`` in the query: what is
spoken there is the beta dialect.
"""
VERSION: Final = "13"

_SCHEMES: Final = {"http", "https", "ws", "wss"}
_OF_PREVIEWS: Final = frozenset({"api-version", "deployment"})


@dataclass(frozen=True)
class Handshake:
    """The opening handshake of a caller (RFC 6455 section 4.1)."""

    method: str
    path: str
    """Without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name; a repeated one is joined with commas (RFC 9110 section 5.3)."""
    query_string: str
    """As it stands in the request, with its question mark; empty where there is none."""
    peer: str
    """Address of the other end of the TCP connection; empty where it has none."""

    @cached_property
    def subprotocols(self) -> tuple[str, ...]:
        """What the caller offers, in its order."""
        return tuple(filter(None, map(str.strip, self.headers.get("sec-websocket-protocol", "").split(","))))

    @property
    def subprotocol(self) -> str | None:
        """What to answer: ours where it is offered, else the standard's; never the entry with the key."""
        offered = self.subprotocols
        return BARGEIN_V1 if BARGEIN_V1 in offered else REALTIME if REALTIME in offered else None

    @property
    def beta(self) -> bool:
        """Whether the caller speaks the beta dialect, said by header, by subprotocol entry or by Azure's older path."""
        header = self.headers.get("openai-beta", "")
        said = "realtime=v1" in header.replace(" ", "").split(",") or BETA_ENTRY in self.subprotocols
        return said or (self.path.rstrip("/") == AZURE_PREVIEW and not self.query.keys().isdisjoint(_OF_PREVIEWS))

    def minimal_head(self) -> bytes:
        """The request with nothing but what the opening handshake is about, for a library that parses it again.

        Cookies, keys and tokens do not come near its limits, nor its logs.
        """
        names = ("sec-websocket-key", "sec-websocket-version")
        lines = [f"{name}: {self.headers[name]}\r\n" for name in names if name in self.headers]
        head = f"GET / HTTP/1.1\r\nHost: bargein\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{''.join(lines)}\r\n"
        return head.encode("latin-1")

    @property
    def malformed(self) -> str | None:
        """What is wrong with it as a handshake (RFC 6455 section 4.2.1); ``None`` where nothing is.

        A library that parses it again would say so too, but only when a session has been made.
        """
        if self.headers.get("sec-websocket-version") != VERSION:
            return f"Sec-WebSocket-Version must be {VERSION}."
        try:
            nonce = base64.b64decode(self.headers.get("sec-websocket-key", ""), validate=True)
        except ValueError:
            nonce = b""
        if len(nonce) != 16:
            return "Sec-WebSocket-Key must be 16 bytes in base64."
        if "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0":
            return "A request for a WebSocket has no body."
        return None

    @property
    def key(self) -> str | None:
        """The key or token that the caller presents, by any of the three ways, or by Azure's fourth: its paths take it
        in the query too. Elsewhere it is not looked for there, for queries end up in logs and histories.
        """
        entry = next((entry for entry in self.subprotocols if entry.startswith(KEY_ENTRY)), None)
        asked = self.query.get("api-key", "").strip() if self.path.startswith(AZURE) else ""
        return presented_key(self.headers) or (entry.removeprefix(KEY_ENTRY) if entry else None) or asked or None


def joined_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by lower-case name; a repeated one is joined with commas (RFC 9110 section 5.3), so that the line
    that a proxy adds counts as well as the caller's own.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key in ``Authorization: Bearer`` or, Azure's way, in ``api-key``."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return headers.get("api-key", "").strip() or None


def parse_handshake(head: bytes, peer: str) -> Handshake:
    """Read a request's head as uvicorn writes it for an upgrade: already parsed once, one header a line."""
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = request_line.split(" ")
    path, mark, query = target.partition("?")
    path = origin_form(path)
    headers: dict[str, str] = {}
    for line in filter(None, lines):
        name, _, value = line.partition(": ")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Handshake(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, mark + query, peer)


def origin_form(path: str) -> str:
    """The path alone of a request that names the whole address, as clients of proxies do (RFC 9112 section 3.2.2)."""
    scheme, mark, rest = path.partition("://")
    if not mark or scheme.lower() not in _SCHEMES:
        return path
    return "/" + rest.partition("/")[2]
