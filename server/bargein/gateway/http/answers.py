"""JSON answers in OpenAI's shape, and an end to an answer that cannot be finished."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Scope

from bargein.gateway.http_protocol import BREAK_OFF
from bargein.gateway.refusal import Refusal
from bargein.wire.validation import MAX_DEPTH, is_deeper_than


class Refused(Exception):
    """Ends a request with a refusal. Raised by whatever finds the reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def json_answer(content: Any, status: int = 200) -> Response:  # noqa: ANN401 (whatever JSON can say)
    return Response(orjson.dumps(content), status, media_type="application/json")


def refusal_answer(refusal: Refusal) -> Response:
    return Response(refusal.body(), refusal.status, dict(refusal.headers), "application/json")


def json_object(body: bytes) -> dict[str, Any]:
    """A request's body as a JSON object; an empty body is an empty one.

    :raises Refused: it is something else.
    """
    try:
        content = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        message = f"The body is not JSON: {error}."
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, message, "invalid_json")) from None
    if is_deeper_than(content, MAX_DEPTH):
        message = f"Objects and arrays of the body may be at most {MAX_DEPTH} levels inside each other."
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, message, "invalid_value"))
    if not isinstance(content, dict):
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.", "invalid_json"))
    return content


def break_off(scope: Scope) -> None:
    """End the connection in the middle of an answer, whose status is out already: nothing else tells of a failure.

    What is sent afterwards is dropped without a word.
    """
    scope["extensions"][BREAK_OFF]()
