"""``POST /v1/chat/completions``: push to talk without a WebSocket, with our keys in front and the model's behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Scope

from bargein.errors import UpstreamError
from bargein.gateway.http.answers import break_off
from bargein.gateway.http.bodies import Bodies
from bargein.upstream import ProxiedAnswer, to_answer

_log: Final = structlog.get_logger(__name__)


class Completions(Protocol):
    """What passes a caller's own request on: :class:`bargein.upstream.ChatCompletions`."""

    async def proxy(self, body: bytes) -> ProxiedAnswer: ...


async def complete(request: Request, bodies: Bodies, completions: Completions, max_bytes: int) -> Response:
    """Pass the request on, and the answer back as it comes.

    The caller's disconnect closes the model's connection: Starlette then cancels the response.
    """
    async with bodies.read(request, max_bytes) as body:
        try:
            answer = await completions.proxy(body)
        except UpstreamError as error:
            _log.warning("completion failed", code=error.code, status=error.http_status, message=error.message)
            status, headers, content = to_answer(error)
            return Response(content, status, headers)
    return StreamingResponse(_chunks(answer, request.scope), answer.status, answer.headers)


async def _chunks(answer: ProxiedAnswer, scope: Scope) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.body:
            yield chunk
    except UpstreamError as error:
        _log.warning("completion was cut short", code=error.code, message=error.message)
        break_off(scope)
    finally:
        await answer.aclose()
