"""The HTTP routes, and what every one of them goes through."""

from __future__ import annotations

import functools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bargein.agents import NO_AGENTS, Agent, Agents
from bargein.gateway import admission, twilio
from bargein.gateway.accounts import usage_report
from bargein.gateway.addresses import client_address, is_in, parse_address
from bargein.gateway.gateway import Gateway
from bargein.gateway.handshake import joined_headers, presented_key
from bargein.gateway.http.answers import Refused, break_off, json_answer, refusal_answer
from bargein.gateway.http.bodies import Bodies
from bargein.gateway.http.client_secrets import ClientSecrets
from bargein.gateway.http.not_served import NotServed
from bargein.gateway.http.page import PageFiles, SecurityHeaders, find_client_web, how_to_talk
from bargein.gateway.not_served import not_served
from bargein.gateway.push_to_talk import ChatPolicy, Completions, Exchange, PushToTalk
from bargein.gateway.readiness import Readiness
from bargein.gateway.refusal import OUR_FAULT, Refusal
from bargein.gateway.services import model_server, offered_voices, shown_voice, takes_images
from bargein.loop.clock import unix_s
from bargein.metrics import Metrics
from bargein.protocols.agent_view import AgentView
from bargein.session.field_notices import FieldNotices
from bargein.upstream.dialects import dialect_of
from bargein.wire.session_object import SessionObject

Handler = Callable[[Request], Awaitable[ASGIApp]]
ReadMetrics = Callable[[], Awaitable[bytes]]
"""The text exposition of all workers' metrics."""

_log: Final = structlog.get_logger(__name__)
AGENTS_PATH: Final = "/v1/agents"
_STARTED: Final = int(time.time())
_DEPLOYMENT: Final = "/openai/deployments/{deployment}/chat/completions"
_PREFIXES: Final = ("/v1", "/openai/v1", "/openai")
"""The standard's, Azure's, and Azure's older one."""
_BETA_SESSIONS: Final = ("/openai/realtimeapi/sessions", *(f"{prefix}/realtime/sessions" for prefix in _PREFIXES))
_DEPLOYMENT_PATH: Final = re.compile(r"/openai/deployments/[^/]+/chat/completions")


def build_app(
    gateway: Gateway,
    completions: Completions,
    readiness: Readiness,
    read_metrics: ReadMetrics,
    agents: Agents = NO_AGENTS,
) -> Starlette:
    """The application that uvicorn serves beside the WebSockets."""
    settings = gateway.settings
    routes = _Routes(gateway, completions, readiness, read_metrics, agents)
    middleware = [Middleware(SecurityHeaders), Middleware(_Counted, gateway.metrics), Middleware(_Contained)]
    if settings.allowed_origins:
        middleware.append(
            Middleware(CORSMiddleware, allow_origins=settings.allowed_origins, allow_methods=["*"], allow_headers=["*"])
        )
    middleware.append(Middleware(_Guarded, gateway))
    app = Starlette(
        routes=routes.table(),
        middleware=middleware,
        exception_handlers={Refused: routes.refused, HTTPException: _http_error},
    )
    directory = find_client_web(settings.client_web)
    if directory is not None:
        # Not a mount: one at "/" would match every path, and hide that a route has another method.
        app.router.default = PageFiles(directory)
    return app


class _Routes:
    def __init__(
        self,
        gateway: Gateway,
        completions: Completions,
        readiness: Readiness,
        read_metrics: ReadMetrics,
        agents: Agents,
    ) -> None:
        self._gateway = gateway
        self._agents = agents
        self._readiness = readiness
        settings = gateway.settings
        self._bodies = Bodies(max(settings.max_bodies_bytes, settings.max_body_bytes), self._address)
        self._voices = offered_voices(settings)
        self._notices = FieldNotices(model_server(settings))
        self._secrets = ClientSecrets(self._bodies, gateway.tokens, agents, self._effective_session)
        gateway.metrics.http_body_bytes.set_function(lambda: self._bodies.held_bytes)
        policy = ChatPolicy(
            model=settings.model,
            models=settings.models,
            max_tokens=settings.max_completion_tokens,
            max_context_tokens=settings.max_context_tokens,
            images=takes_images(settings),
            encoded=dialect_of(model_server(settings)).encodes if settings.effective_upstream_url else frozenset(),
        )
        max_bytes = min(settings.max_body_bytes, settings.max_request_bytes)
        self._push_to_talk = PushToTalk(gateway, completions, self._bodies, policy, max_bytes, self._address)
        self._read_metrics = read_metrics

    def table(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            Route("/healthz", self._healthy),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
            Route(AGENTS_PATH, self._list_agents),
        ]
        for prefix in _PREFIXES:
            routes += [
                Route(f"{prefix}/models", self._keyed(self._models)),
                Route(f"{prefix}/usage", self._usage),
                Route(f"{prefix}/realtime/client_secrets", self._keyed(self._client_secret), methods=["POST"]),
                Route(f"{prefix}/chat/completions", self._keyed(self._complete), methods=["POST"]),
            ]
        # Azure's older form: the deployment in the path is the model that is named.
        routes.append(Route(_DEPLOYMENT, self._keyed(self._complete), methods=["POST"]))
        routes += [Route(path, self._keyed(self._beta_session), methods=["POST"]) for path in _BETA_SESSIONS]
        routes.append(Route(twilio.VOICE_PATH, self._answer_call, methods=["POST"]))
        routes += [Route(path, _upgrade_required) for path in (*sorted(admission.PATHS), twilio.STREAM_PATH)]
        routes.append(NotServed(self._not_served))
        if find_client_web(self._gateway.settings.client_web) is None:
            routes.append(Route("/", _how_to_talk))
        return routes

    def _keyed(self, handler: Handler) -> Handler:
        """Ask for a key before anything else is looked at."""

        async def checked(request: Request) -> ASGIApp:
            refusal = self._gateway.keyring.check_key(_key(request))
            if refusal is not None:
                raise Refused(refusal)
            return await handler(request)

        return checked

    async def _healthy(self, _: Request) -> Response:
        return json_answer({"status": "ok"})

    async def _ready(self, _: Request) -> Response:
        refusal, body = await self._readiness.check()
        status, headers = (HTTPStatus.OK, {}) if refusal is None else (refusal.status, dict(refusal.headers))
        return Response(body, status, headers, "application/json")

    async def _metrics(self, request: Request) -> Response:
        self._check_scraper(request)
        return Response(await self._read_metrics(), media_type=CONTENT_TYPE_LATEST)

    async def _usage(self, request: Request) -> Response:
        """What the key has used; with ``?keys=all`` what all have, for those who may read the metrics."""
        gateway = self._gateway
        if request.query_params.get("keys") == "all":
            self._check_scraper(request)
            return json_answer(usage_report(gateway.books, None))
        if (refusal := gateway.keyring.check_key(_key(request))) is not None:
            raise Refused(refusal)
        return json_answer(usage_report(gateway.books, gateway.keyring.payer(_key(request))))

    def _check_scraper(self, request: Request) -> None:
        """:raises Refused: it may not know of everybody."""
        settings = self._gateway.settings
        address = parse_address(self._address(request))
        if address is None or not is_in(address, settings.metrics_from):
            key = settings.metrics_key.get_secret_value() if settings.metrics_key is not None else None
            if (refusal := self._gateway.keyring.check_scraper(_key(request), key)) is not None:
                raise Refused(refusal)

    async def _models(self, _: Request) -> Response:
        settings = self._gateway.settings
        models = [
            {"id": name, "object": "model", "created": _STARTED, "owned_by": "bargein"}
            for name in dict.fromkeys((settings.model, *settings.models))
        ]
        return json_answer({"object": "list", "data": models})

    async def _list_agents(self, request: Request) -> Response:
        """Also to whoever has a token: it is for choosing one to talk with, and its voice."""
        credentials = self._gateway.keyring.check_caller(_key(request))
        if isinstance(credentials, Refusal):
            raise Refused(credentials)
        agents = [
            {"id": agent.name, "object": "agent", "title": agent.title, "description": agent.description}
            for agent in self._agents
            if credentials.agent in {None, agent.name}
        ]
        return json_answer({"object": "list", "data": agents, "voices": self._voices})

    async def _client_secret(self, request: Request) -> Response:
        return await self._secrets.mint(request, self._gateway.keyring.payer(_key(request)))

    async def _beta_session(self, request: Request) -> Response:
        return await self._secrets.mint_beta(request, self._gateway.keyring.payer(_key(request)))

    async def _not_served(self, request: Request) -> Response:
        """Also to whoever has a token, as pages have that would call over WebRTC."""
        credentials = self._gateway.keyring.check_caller(_key(request))
        refusal = credentials if isinstance(credentials, Refusal) else not_served(request.method, request.url.path)
        raise Refused(refusal or OUR_FAULT)

    async def _answer_call(self, request: Request) -> Response:
        """Twilio asks what to do with a call."""
        async with self._bodies.read(request, twilio.MAX_BODY_BYTES) as body:
            form = bytes(body)
        headers = joined_headers(request.headers.raw)
        query = request.url.query
        target = f"{request.url.path}?{query}" if query else request.url.path
        settings = self._gateway.settings
        refusal = twilio.check_signature(settings, headers, target, form)
        if refusal is None and self._gateway.admission.check_capacity() is not None:
            return Response(twilio.BUSY, media_type="text/xml")
        twiml = twilio.connect(settings, headers, query) if refusal is None else refusal
        if isinstance(twiml, Refusal):
            raise Refused(twiml)
        return Response(twiml, media_type="text/xml")

    async def _complete(self, request: Request) -> ASGIApp:
        if request.query_params.get("agent"):
            message = (
                "Push to talk has no agents: send the instructions as a system message, or open a WebSocket to "
                "/v1/realtime?agent=NAME."
            )
            raise Refused(Refusal(HTTPStatus.BAD_REQUEST, message, "unsupported_parameter", "agent"))
        return Exchange(self._push_to_talk)

    def _address(self, request: Request) -> str:
        headers = joined_headers(request.headers.raw)
        return client_address(_peer(request), headers, self._gateway.settings.trusted_proxies)

    async def refused(self, request: Request, error: Exception) -> Response:
        """Answer what a route has refused."""
        assert isinstance(error, Refused)
        _note(self._gateway, request, error.refusal)
        return refusal_answer(error.refusal)

    def _effective_session(self, session: dict[str, Any], agent: Agent | None) -> dict[str, Any]:
        """What a token's session begins as, and whoever opens it is shown.

        :raises CallerError: something in ``session`` is wrong.
        """
        settings = self._gateway.settings
        model = session.get("model")
        begin = functools.partial(
            SessionObject.begin,
            id=f"sess_{secrets.token_hex(10)}",
            model=model if isinstance(model, str) and model else settings.model,
            expires_at=int(unix_s() + settings.session_limit_s),
            default_voice=shown_voice(settings.voice),
        )
        if agent is not None and agent.demanded(session.get("tool_choice")) is not None:
            checked = {**session, "tool_choice": "auto"}  # It is there.
        else:
            checked = session
        wished = begin(initial=checked)  # All of it is checked, also what an agent keeps to itself.
        if agent is None:
            return wished.echo()
        view = AgentView(agent, self._notices, _log, shows_calls=False)
        return view.echo(view.begin(begin(), session))


class _Guarded:
    """Turns foreign pages and foreign host names away, as for a WebSocket, and bodies of two lengths."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            headers = joined_headers(scope["headers"])
            refusal = _two_lengths(headers, scope["http_version"]) or self._gateway.admission.check_page(headers)
            if refusal is not None:
                _note(self._gateway, Request(scope), refusal)
                await refusal_answer(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Counted:
    """Counts every answer under its route; what no route has a name for is the page, or nothing."""

    _NAMED: Final = frozenset(
        {"/healthz", "/readyz", "/metrics", AGENTS_PATH, *admission.PATHS, *_BETA_SESSIONS, *twilio.PATHS}
    ) | {
        f"{prefix}{path}"
        for prefix in _PREFIXES
        for path in ("/models", "/usage", "/realtime/client_secrets", "/chat/completions")
    }

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope.get("path", "")
        route = path if path in self._NAMED else _DEPLOYMENT if _DEPLOYMENT_PATH.fullmatch(path) else "other"

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.http_request(route, message["status"])
            await send(message)

        await self._app(scope, receive, counting)


class _Contained:
    """Answers for our own faults, and logs them once: what starlette sees raised, it and uvicorn log again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            _log.exception("request failed", path=scope.get("path"))
            if begun:
                break_off(scope)
            else:
                await refusal_answer(OUR_FAULT)(scope, receive, send)


async def _upgrade_required(_: Request) -> Response:
    message = "This is a WebSocket endpoint: connect to it with ws:// or wss://."
    refusal = Refusal(HTTPStatus.UPGRADE_REQUIRED, message, "upgrade_required", headers={"Upgrade": "websocket"})
    return refusal_answer(refusal)


async def _how_to_talk(request: Request) -> Response:
    return PlainTextResponse(how_to_talk(request.headers.get("host", "127.0.0.1:8765")))


def _two_lengths(headers: Mapping[str, str], http_version: str) -> Refusal | None:
    """``None`` unless two readers may find different ends of the body, and the second a request where the first has
    none (request smuggling, RFC 9112 section 6.1).
    """
    if "transfer-encoding" not in headers or ("content-length" not in headers and http_version != "1.0"):
        return None
    message = "A request has Content-Length or Transfer-Encoding, not both, and HTTP/1.0 has no Transfer-Encoding."
    return Refusal(HTTPStatus.BAD_REQUEST, message, "invalid_body_length", headers={"Connection": "close"})


def _key(request: Request) -> str | None:
    return presented_key(joined_headers(request.headers.raw))


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _note(gateway: Gateway, request: Request, refusal: Refusal) -> None:
    headers = joined_headers(request.headers.raw)
    key, path = presented_key(headers), request.url.path
    gateway.note_refusal("request refused", refusal, _peer(request), headers, key, path=path, param=refusal.param)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    message = (
        "There is nothing at this path. The API begins with /v1: POST /v1/chat/completions, GET /v1/models, and a "
        "WebSocket to /v1/realtime."
    )
    if status == 405:
        message = f"{request.method} is not possible here: use {headers.get('Allow', 'GET')}."
    code = "method_not_allowed" if status == 405 else "not_found" if status == 404 else None
    return refusal_answer(Refusal(status, message, code, headers=headers))
