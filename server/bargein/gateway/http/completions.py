"""``POST /v1/chat/completions``: push to talk without a WebSocket, with our keys in front and the model's behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bargein.errors import UpstreamError
from bargein.gateway.http.answers import read_body
from bargein.upstream import ProxiedAnswer, to_answer

_log: Final = structlog.get_logger(__name__)


class Completions(Protocol):
    """What passes a caller's own request on: :class:`bargein.upstream.ChatCompletions`."""

    async def proxy(self, body: bytes) -> ProxiedAnswer: ...


async def complete(request: Request, completions: Completions, max_bytes: int) -> Response:
    """Pass the request on, and the answer back as it comes.

    The caller's disconnect closes the model's connection: Starlette then cancels the response.
    """
    body = await read_body(request, max_bytes)
    try:
        answer = await completions.proxy(body)
    except UpstreamError as error:
        _log.warning("completion failed", code=error.code, status=error.http_status, message=error.message)
        status, headers, content = to_answer(error)
        return Response(content, status, headers)
    return StreamingResponse(_chunks(answer), answer.status, answer.headers)


async def _chunks(answer: ProxiedAnswer) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.body:
            yield chunk
    except UpstreamError as error:
        # The status is out already: breaking the connection off is all that still tells of a failure.
        _log.warning("completion was cut short", code=error.code, message=error.message)
        raise ConnectionAbortedError(error.message) from error
    finally:
        await answer.aclose()
