"""JSON answers in OpenAI's shape, and request bodies within bounds."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bargein.gateway.refusal import Refusal

BODY_TIMEOUT_S: Final = 30.0
"""For a request's whole body: one that drips in holds a connection for nothing."""


class Refused(Exception):
    """Ends a request with a refusal. Raised by whatever finds the reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def json_answer(content: Any, status: int = 200) -> Response:  # noqa: ANN401 (whatever JSON can say)
    return Response(orjson.dumps(content), status, media_type="application/json")


def refusal_answer(refusal: Refusal) -> Response:
    return Response(refusal.body(), refusal.status, dict(refusal.headers), "application/json")


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body.

    :raises Refused: it has more than ``max_bytes``, or does not come.
    """
    too_large = Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have {max_bytes} bytes.", "request_too_large"
    )
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise Refused(too_large)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise Refused(too_large)
    except TimeoutError:
        raise Refused(Refusal(HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time.", "timeout")) from None
    except ClientDisconnect:
        raise Refused(
            Refusal(HTTPStatus.BAD_REQUEST, "The connection ended within the body.", "disconnected")
        ) from None
    return bytes(body)


async def read_json_object(request: Request, max_bytes: int) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty one.

    :raises Refused: it is too large, or something else.
    """
    body = await read_body(request, max_bytes)
    try:
        content = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        message = f"The body is not JSON: {error}."
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, message, "invalid_json")) from None
    if not isinstance(content, dict):
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.", "invalid_json"))
    return content
