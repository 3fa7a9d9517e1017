"""``POST /v1/realtime/client_secrets``: short-lived tokens for browsers (realtime-protocol.md section 1.1)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from bargein.errors import CallerError
from bargein.gateway.http.answers import Refused, json_answer, json_object
from bargein.gateway.http.bodies import Bodies
from bargein.gateway.refusal import Refusal
from bargein.gateway.tokens import DEFAULT_LIFETIME_S, MAX_LIFETIME_S, MIN_LIFETIME_S, Tokens

MAX_BODY_BYTES: Final = 65_536

EffectiveSession = Callable[[dict[str, Any]], dict[str, Any]]
"""Checks a session object as the caller gave it, and returns the whole session that it begins.

Raises :class:`~bargein.errors.CallerError`.
"""


async def mint_client_secret(
    request: Request, bodies: Bodies, tokens: Tokens, effective_session: EffectiveSession
) -> Response:
    """Check the wish, and answer with the token, when it expires, and the session that it opens."""
    async with bodies.read(request, MAX_BODY_BYTES) as text:
        body = json_object(text)
    session = body.get("session")
    if session is not None and not isinstance(session, dict):
        raise Refused(_bad("session", "must be a session object"))
    lifetime_s = _lifetime(body.get("expires_after"))
    try:
        effective = effective_session(session or {})
        token = tokens.mint(session, lifetime_s)
    except CallerError as error:
        refusal = Refusal(HTTPStatus.BAD_REQUEST, error.message, error.code, error.param)
        raise Refused(refusal) from None
    except ValueError as error:
        raise Refused(_bad("session", str(error))) from None
    return json_answer({"value": token.value, "expires_at": token.expires_at, "session": effective})


def _lifetime(expires_after: object) -> int:
    if expires_after is None:
        return DEFAULT_LIFETIME_S
    if not isinstance(expires_after, dict):
        raise Refused(_bad("expires_after", "must be an object with anchor and seconds"))
    if expires_after.get("anchor", "created_at") != "created_at":
        raise Refused(_bad("expires_after.anchor", 'must be "created_at"'))
    seconds = expires_after.get("seconds", DEFAULT_LIFETIME_S)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not MIN_LIFETIME_S <= seconds <= MAX_LIFETIME_S:
        raise Refused(_bad("expires_after.seconds", f"must be an integer from {MIN_LIFETIME_S} to {MAX_LIFETIME_S}"))
    return seconds


def _bad(param: str, rule: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, f"Invalid {param!r}: {rule.rstrip('.')}.", "invalid_value", param)
