"""Calls agents' tools over HTTP, on the operator's behalf.

A call is made once: nothing here asks again, for whoever was asked may have done it. It is bounded in time and in
bytes, it follows no redirect, and whatever comes of it is words that the model can be told.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

import httpx
import orjson

from bargein.agents.agent import Json, Tool
from bargein.loop.time_limit import time_limit
from bargein.upstream.http.connector import tls_context
from bargein.upstream.http.proxies import proxy_for

Result = Literal["ok", "not_asked", "refused", "failed", "timed_out"]

MAX_ARGUMENTS_CHARACTERS: Final = 65_536
MAX_DEPTH: Final = 64
"""Objects and arrays inside each other in the arguments."""
MAX_ANSWER_BYTES: Final = 32_768
"""What is longer is cut, and the model is told that it is."""
MAX_REASON_CHARACTERS: Final = 1000
"""Of what a server says that refuses."""
_BODILESS: Final = frozenset({"GET", "DELETE"})
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "undefined", "utf-7"}
    | {f"{raw}unicode{joint}escape" for raw in ("", "raw-", "raw_") for joint in "-_"}
)
"""Codecs of Python's that are no encodings of texts on the web: some take long, or make what is no text."""
_UNKNOWN: Final = "It is not known whether it has done what it was asked for."
_TOO_DEEP: Final = f"its arguments are nested too deeply: {MAX_DEPTH} levels are the most."
_NOTHING: Final = "nothing was done."


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What came of a call."""

    result: Result
    output: str
    """For the model."""
    http_status: int | None = None


class BadArgumentsError(Exception):
    """The model's arguments do not fit the tool. The message is for the model."""


class _Sending:
    """Knows whether anything of a request was sent."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False

    async def trace(self, step: str, _: dict[str, Any]) -> None:
        """The HTTP client begins or has ended a step."""
        self.begun = self.begun or step == "http11.send_request_headers.started"


class ToolClient:
    """Calls tools. One serves all sessions of a process, on one event loop.

    :param urls: of the tools. Those that are reached through a proxy of the environment are asked through it.
    """

    def __init__(self, urls: Iterable[str] = ()) -> None:
        self._urls = tuple(urls)
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """:raises SettingsError: the environment names a proxy, or a file of certificates, that cannot be used."""
        # At start: to read the certificates takes some 50 ms, which no caller should wait for. How long a call may take
        # is its tool's to say. How many there are is the sessions': one slow tool must not take the others' room.
        tls, limits = tls_context(), httpx.Limits(max_connections=None, max_keepalive_connections=20)
        proxies = {_origin(url): proxy for url in self._urls if (proxy := proxy_for(url)) is not None}
        # The environment is read here, as for models: httpx would end the start over proxies that nobody needs, and
        # send through them what is for this machine.
        self._client = httpx.AsyncClient(
            timeout=None,  # noqa: S113
            follow_redirects=False,
            trust_env=False,
            verify=tls,
            limits=limits,
            mounts={
                origin: httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits, proxy=proxy)
                for origin, proxy in proxies.items()
            },
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def call(self, tool: Tool, arguments: str, key: str) -> ToolOutcome:
        """Ask for it once. Cancelling closes the connection at once.

        :param arguments: JSON, as the model wrote it.
        :param key: sent as ``Idempotency-Key``: no other call of any session has it.
        """
        try:
            request = tool_request(tool, arguments, key)
        except BadArgumentsError as error:
            return ToolOutcome("not_asked", f"The tool was not called: {error}")
        sending = _Sending()
        request.extensions["trace"] = sending.trace
        try:
            async with time_limit(tool.timeout_s) as limit:
                return await self._ask(request)
        except TimeoutError:
            if not limit.lost:
                raise
            if not sending.begun:
                return ToolOutcome("timed_out", f"The tool cannot be reached within {tool.timeout_s:g} s: {_NOTHING}")
            return ToolOutcome("timed_out", f"The tool has not answered within {tool.timeout_s:g} s. {_UNKNOWN}")
        except httpx.HTTPError:
            if not sending.begun:
                return ToolOutcome("failed", f"The tool cannot be reached: {_NOTHING}")
            return ToolOutcome("failed", f"The connection to the tool broke. {_UNKNOWN}")

    async def _ask(self, request: httpx.Request) -> ToolOutcome:
        if self._client is None:
            raise RuntimeError("tools are called within 'async with' of their client")
        response = await self._client.send(request, stream=True)
        try:
            status = response.status_code
            if response.is_redirect:
                return ToolOutcome("refused", f"The tool answered {status}, a redirect: it is not followed.", status)
            body, whole = await _body_of(response)
        finally:
            await response.aclose()
        if status >= 400:
            said = f" It said: {body[:MAX_REASON_CHARACTERS]}" if body else ""
            return ToolOutcome("refused", f"The tool answered with the error {status}.{said}", status)
        if body is None:
            return ToolOutcome("failed", "The tool answered with something that is no text.", status)
        if not whole:
            body += f"\n(The answer was longer than {MAX_ANSWER_BYTES} bytes: the rest is left out.)"
        return ToolOutcome("ok", body or "Done.", status)


def _origin(url: str) -> str:
    """Whom a tool's address asks, without the places for arguments."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def tool_request(tool: Tool, arguments: str, key: str) -> httpx.Request:
    """What is sent. Arguments that are not in the address stand in the query of a GET or DELETE, else in a JSON body.

    :raises BadArgumentsError: the arguments are no JSON object, lack what is required, make no address, or would change
        what the operator has written into it.
    """
    try:
        return _request(tool, _arguments(tool, arguments), key)
    except httpx.InvalidURL:
        raise BadArgumentsError("its arguments are too long for an address.") from None


def _request(tool: Tool, given: Json, key: str) -> httpx.Request:
    url = tool.url
    for name in [name for name in given if f"{{{name}}}" in url]:
        url = url.replace(f"{{{name}}}", _in_address(name, given.pop(name)))
    headers = httpx.Headers({"User-Agent": "bargein", "Idempotency-Key": key, "Accept": "application/json, text/*"})
    headers.update({**tool.headers, "Accept-Encoding": "identity"})
    if tool.method in _BODILESS:
        request = httpx.Request(tool.method, url, headers=headers)
        _check_query(tool, given, request.url.params)
        if query := {name: _in_query(value) for name, value in given.items() if value is not None}:
            request.url = request.url.copy_merge_params(query)
        return request
    headers.setdefault("Content-Type", "application/json")
    return httpx.Request(tool.method, url, headers=headers, content=_json(given).encode())


def _check_query(tool: Tool, given: Json, written: httpx.QueryParams) -> None:
    """Refuse what only the operator may say in the query: the model may be talked into anything."""
    known = tool.parameters.get("properties", {})
    if wrong := [name for name in given if name in written and name not in known]:
        raise BadArgumentsError(f"{wrong[0]!r} is no argument of it.")


def _arguments(tool: Tool, arguments: str) -> Json:
    if len(arguments) > MAX_ARGUMENTS_CHARACTERS:
        raise BadArgumentsError(f"its arguments may have {MAX_ARGUMENTS_CHARACTERS} characters.")
    try:
        # One is strict about what JSON is, the other about numbers: an order's may have more digits than 64 bits hold.
        given = orjson.loads(arguments or "{}") and json.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        given = None
    except RecursionError:
        raise BadArgumentsError(_TOO_DEEP) from None
    if not isinstance(given, dict):
        raise BadArgumentsError("its arguments must be a JSON object.")
    if _is_too_deep(given):
        raise BadArgumentsError(_TOO_DEEP)
    missing = [name for name in tool.parameters.get("required", []) if name not in given]
    if missing:
        raise BadArgumentsError(f"arguments are missing: {', '.join(missing)}.")
    return given


def _is_too_deep(given: Json) -> bool:
    """Whatever Python's own limit is: it differs between its versions."""
    level: list[object] = [given]
    for _ in range(MAX_DEPTH):
        inside = [list(one.values()) if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [value for values in inside for value in values]
        if not level:
            return False
    return True


def _in_address(name: str, value: object) -> str:
    """An argument as one segment of a path, which it cannot leave."""
    if value is None:
        raise BadArgumentsError(f"'{name}' cannot be null.")
    text = _text(value)
    if text in {"", ".", ".."}:
        raise BadArgumentsError(f"'{name}' cannot be {text!r}.")
    return quote(text, safe="")


def _in_query(value: object) -> Any:  # noqa: ANN401 (httpx takes texts and lists of texts)
    return [_text(one) for one in value if one is not None] if isinstance(value, list) else _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def _body_of(response: httpx.Response) -> tuple[str | None, bool]:
    """The text of an answer, and whether it is all of it; ``None`` where it is no text."""
    kind = response.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    textual = kind.startswith("text/") or kind.endswith(("json", "xml", "x-www-form-urlencoded"))
    if not textual or response.headers.get("content-encoding", "identity").lower() != "identity":
        return None, True
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            break
    text = _decoded(bytes(body[:MAX_ANSWER_BYTES]), response.charset_encoding or "utf-8")
    if "\0" in text:
        return None, True
    return text.strip(), len(body) <= MAX_ANSWER_BYTES


def _decoded(raw: bytes, encoding: str) -> str:
    """``raw`` as text, whatever its server calls the encoding; without halves of letters, which cannot be sent on."""
    try:
        known = codecs.lookup(encoding).name not in _NO_CHARSETS
        text = raw.decode(encoding if known else "utf-8", "replace")
    except (LookupError, ValueError):
        text = raw.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode("utf-8")
