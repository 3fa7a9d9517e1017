"""A test peer for the page: serves ``client_web`` under the strict CSP and speaks ``bargein.v1`` from a script.

It is a real HTTP server and a real WebSocket on one port, with no detector, model or pacing rule in it: the test says
what happens and when, so that the page can be brought into any state::

    async with ScriptedPeer() as peer:
        await page.goto(peer.url)
        await page.get_by_test_id("start").click()
        caller = await peer.caller()              # the page has connected and was sent session.created
        await caller.speech("What time is it?", length_ms=900)
        reply = await caller.reply("It is noon.")
        await reply.sound(tone(1.0))
        await reply.complete()
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TypeAlias

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from client_web.scripted_caller import RATE_HZ, Caller, Event
from support.page_sound import TAP_PATH, TAP_WORKLET

CLIENT_WEB = Path(__file__).resolve().parents[2] / "client_web"
CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

Refusal: TypeAlias = tuple[int, Event, dict[str, str]]
"""Status, body and headers of an answer instead of the upgrade."""

SERVER_FULL: Refusal = (
    503,
    {"error": {"type": "server_error", "code": "server_full", "message": "All lines are busy.", "param": None}},
    {"Retry-After": "7"},
)
SERVER_FULL_FOR_LONG: Refusal = (*SERVER_FULL[:2], {"Retry-After": "600"})
"""No countdown of it runs out while a test looks."""


ELEMENT_PAGE = """<!doctype html><html lang="en"><title>A page</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/element.css"><script type="module" src="/bargein-voice.js"></script>
<main><h1>A page</h1><bargein-voice agent="support"></bargein-voice></main></html>"""


class ScriptedPeer:
    """The server.

    :param key: ask for this key: ``client_secrets`` answers 401 without it, the WebSocket without a token of it.

    While ``refusal`` is set, every WebSocket is turned away with it before the upgrade.
    """

    def __init__(self, *, key: str | None = None) -> None:
        self.url = ""
        self.key = key
        self.refusal: Refusal | None = None
        self.tokens: list[str] = []
        self.agents: list[Event] = []
        self.voices: list[str] | None = None
        """Of its model; ``None``: it does not tell."""
        self._callers: asyncio.Queue[Caller] = asyncio.Queue()

    async def caller(self) -> Caller:
        """Wait for the next connection of the page; it has been sent ``session.created``."""
        return await asyncio.wait_for(self._callers.get(), timeout=60)

    async def __aenter__(self) -> ScriptedPeer:
        listener = socket.create_server(("127.0.0.1", 0))
        routes = [
            WebSocketRoute("/v1/realtime", self._realtime),
            Route("/v1/realtime", self._not_upgraded, methods=["GET", "POST"]),
            Route("/readyz", self._ready),
            Route("/v1/agents", self._list_agents),
            Route("/v1/realtime/client_secrets", self._mint, methods=["POST"]),
            Route(TAP_PATH, self._output_tap),
            Route("/element", self._element),
            Route("/element.css", self._element_style),
            Mount("/", StaticFiles(directory=CLIENT_WEB, html=True)),
        ]
        app = Starlette(routes=routes, middleware=[Middleware(Secured)])
        # uvicorn logs every refused upgrade as an error of the application.
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="websockets-sansio")
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]))
        self.url = f"http://localhost:{listener.getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._serving

    async def _realtime(self, websocket: WebSocket) -> None:
        refusal = self._refused(websocket)
        if refusal is not None:
            await websocket.send_denial_response(refusal)
            return
        await websocket.accept(subprotocol="bargein.v1")
        caller = Caller(websocket, _session(), query=dict(websocket.query_params))
        serving = asyncio.create_task(caller.serve())
        bargein = {"resume_token": None, "epoch": 0, "window_s": 0, "report_ms": 100}
        await caller.send("session.created", {"session": caller.session, "bargein": bargein})
        await self._callers.put(caller)
        await serving

    def _refused(self, websocket: WebSocket) -> Response | None:
        if self.refusal is not None:
            status, body, headers = self.refusal
            return JSONResponse(body, status, headers)
        offered: list[str] = websocket.scope["subprotocols"]
        if self.key is None or any(f"openai-insecure-api-key.{token}" in offered for token in self.tokens):
            return None
        return _unauthorized()

    async def _not_upgraded(self, _: Request) -> Response:
        if self.refusal is not None:
            status, body, headers = self.refusal
            return JSONResponse(body, status, headers)
        if self.key is not None:
            return _unauthorized()
        return JSONResponse({"error": {"type": "invalid_request_error", "message": "This is a WebSocket."}}, 426)

    async def _ready(self, _: Request) -> Response:
        if self.refusal is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "full"}, 503, self.refusal[2])

    async def _list_agents(self, _: Request) -> Response:
        voices = {} if self.voices is None else {"voices": self.voices}
        return JSONResponse({"object": "list", "data": self.agents, **voices})

    async def _element(self, _: Request) -> Response:
        """Somebody's own page, with the client as one element."""
        return Response(ELEMENT_PAGE, media_type="text/html")

    async def _element_style(self, _: Request) -> Response:
        return Response("bargein-voice { --bargein-reply: rgb(1 200 3); }", media_type="text/css")

    async def _output_tap(self, _: Request) -> Response:
        return Response(TAP_WORKLET, media_type="text/javascript")

    async def _mint(self, request: Request) -> Response:
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return _unauthorized()
        self.tokens.append(f"ek_{len(self.tokens) + 1}")
        return JSONResponse({"value": self.tokens[-1], "expires_at": 4_000_000_000, "session": _session()})


class Secured:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = CSP
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_secured)


def _unauthorized() -> Response:
    error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "No valid key.", "param": None}
    return JSONResponse({"error": error}, 401)


def _session() -> Event:
    detection = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    pcm = {"type": "audio/pcm", "rate": RATE_HZ}
    audio_in = {"format": pcm, "transcription": None, "noise_reduction": None, "turn_detection": detection}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "scripted",
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 4_000_000_000,
        "audio": {"input": audio_in, "output": {"format": pcm, "voice": "alloy", "speed": 1.0}},
        "include": None,
    }
