"""The demo model's HTTP routes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bargein.demo.api_errors import ApiError
from bargein.demo.bank import load_bank
from bargein.demo.chat import Chat
from bargein.demo.espeak import find_espeak
from bargein.demo.exchange import Answer, Exchange
from bargein.demo.faults import FaultQueue, Faults, UnknownFaultError, parse_faults
from bargein.demo.listen import Recogniser
from bargein.demo.log import STATES, RequestLog, Row
from bargein.demo.memory import ReplyMemory
from bargein.demo.request import parse_json
from bargein.demo.scripted import MODEL as SCRIPTED_MODEL
from bargein.demo.scripted import ScriptedModel
from bargein.demo.settings import DemoSettings
from bargein.demo.sound_api import speech, transcribe
from bargein.demo.speaking import Studio
from bargein.demo.voices import VOICES
from bargein.numbers import WholeWithin, Within

MODELS: Final = ("demo", SCRIPTED_MODEL, "demo-transcribe", "demo-speech")
MAX_BODY_BYTES: Final = 20 * 1024 * 1024
"""As the API documents it."""
LONGEST_WAIT_S: Final = 600.0
_TIMES: Final = WholeWithin(0, 1_000_000)
_SECONDS: Final = Within(0, 1_000_000)


class DemoModel:
    """The server's parts, and its routes."""

    def __init__(self, settings: DemoSettings) -> None:
        self.log = RequestLog(settings.log_rows, settings.log)
        self.recogniser = Recogniser(enabled=settings.listen)
        self._faults = FaultQueue()
        self._speaker = (find_espeak() if settings.espeak else None) or load_bank()
        studio = Studio(self._speaker, ReplyMemory(settings.audio_ttl_s), self.log, settings.pace)
        scripted = ScriptedModel(self.log)
        self._chat = Chat(studio, self.recogniser, scripted, settings.api_key, settings.first_byte_ms)

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/audio/transcriptions", self.transcriptions, methods=["POST"]),
            Route("/v1/audio/speech", self.speech, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/healthz", self.health),
            Route("/log", self.get_log, methods=["GET"]),
            Route("/log", self.delete_log, methods=["DELETE"]),
            Route("/faults", self.get_faults, methods=["GET"]),
            Route("/faults", self.post_faults, methods=["POST"]),
            Route("/faults", self.delete_faults, methods=["DELETE"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={404: _not_found, 405: _not_found})

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        starting = asyncio.create_task(self.recogniser.start(), name="demo-recogniser-start")
        try:
            yield
        finally:
            starting.cancel()
            await self.recogniser.close()
            self.log.close()

    async def chat(self, request: Request) -> Any:  # noqa: ANN401 - an ASGI application
        async def produce(exchange: Exchange, body: bytes, faults: Faults) -> None:
            await self._chat.answer(exchange, body, request.headers, faults)

        return await self._answer(request, produce)

    async def transcriptions(self, request: Request) -> Any:  # noqa: ANN401
        async def produce(exchange: Exchange, body: bytes, faults: Faults) -> None:
            await transcribe(exchange, body, request.headers.get("content-type", ""), self.recogniser, faults)

        return await self._answer(request, produce)

    async def speech(self, request: Request) -> Any:  # noqa: ANN401
        async def produce(exchange: Exchange, body: bytes, faults: Faults) -> None:
            await speech(exchange, body, self._speaker, self.log, faults)

        return await self._answer(request, produce)

    async def _answer(
        self, request: Request, produce: Callable[[Exchange, bytes, Faults], Awaitable[None]]
    ) -> Answer | Response:
        row = self._row(request)
        body, faults = b"", Faults()
        refused: ApiError | None = None
        try:
            body = await _body(request)
            faults = self._faults.take().joined(parse_faults(request.headers.get("x-demo-fault", "")))
        except ClientDisconnect:
            self.log.end(row, "cancelled")
            return Response(status_code=400)
        except (ApiError, UnknownFaultError) as error:
            refused = error if isinstance(error, ApiError) else ApiError(str(error), param="x-demo-fault")

        async def run(exchange: Exchange) -> None:
            if refused is not None:
                raise refused
            row.faults = faults.as_text()
            await produce(exchange, body, faults)

        return Answer(self.log, row, run)

    def _row(self, request: Request) -> Row:
        row = self.log.open(request.url.path)
        row.user_agent = request.headers.get("user-agent", "")
        row.key_given = "authorization" in request.headers or "api-key" in request.headers
        return row

    async def models(self, _: Request) -> Response:
        created = int(time.time())
        data = [{"id": name, "object": "model", "created": created, "owned_by": "bargein"} for name in MODELS]
        return JSONResponse({"object": "list", "data": data})

    async def health(self, _: Request) -> Response:
        """Alive, and what it can do here."""
        abilities = {"speaker": self._speaker.name, "understands_speech": self.recogniser.able, "voices": list(VOICES)}
        return JSONResponse({"status": "ok", "pid": os.getpid(), **abilities})

    async def get_log(self, request: Request) -> Response:
        """Rows, at once or as soon as there are enough: see the README."""
        query = request.query_params
        state = query.get("wait") or query.get("state") or "arrived"
        try:
            after, count = int(query.get("after", 0)), int(query.get("count", 1))
            limit = max(1, int(query["limit"])) if "limit" in query else None
            timeout_s = min(_SECONDS(query.get("timeout_s", 30)), LONGEST_WAIT_S)
        except ValueError:
            message = "'after', 'count' and 'limit' are whole numbers, 'timeout_s' is a number, not below 0."
            return ApiError(message, param="after").response()
        if state not in STATES:
            return ApiError(f"'wait' is one of: {', '.join(STATES)}.", param="wait").response()
        timed_out = False
        if "wait" in query:
            try:
                async with asyncio.timeout(timeout_s):
                    await self.log.wait(after, state, count)
            except TimeoutError:
                timed_out = True
        rows = self.log.rows(after, state, limit)
        body = {"rows": rows, "last_n": self.log.last_n, "timed_out": timed_out, "monotonic_s": time.monotonic()}
        return Response(orjson.dumps(body), media_type="application/json")

    async def delete_log(self, _: Request) -> Response:
        self.log.clear()
        return JSONResponse({"last_n": self.log.last_n})

    async def get_faults(self, _: Request) -> Response:
        return JSONResponse({"queued": len(self._faults)})

    async def post_faults(self, request: Request) -> Response:
        """Queue faults for coming requests."""
        try:
            body = parse_json(await request.body())
            self._faults.add(parse_faults(str(body.get("faults", ""))), _TIMES(body.get("times", 1)))
        except ApiError as error:
            return error.response()
        except (UnknownFaultError, ValueError, TypeError) as error:
            return ApiError(str(error), param="faults").response()
        return JSONResponse({"queued": len(self._faults)})

    async def delete_faults(self, _: Request) -> Response:
        self._faults.clear()
        return JSONResponse({"queued": 0})


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
    if size > MAX_BODY_BYTES:
        raise ApiError(f"The request is larger than {MAX_BODY_BYTES} bytes.", status=413, code="request_too_large")
    return b"".join(parts)


async def _not_found(request: Request, _: Exception) -> Response:
    message = f"Invalid URL ({request.method} {request.url.path})"
    return ApiError(message, status=404, code="unknown_url").response()
