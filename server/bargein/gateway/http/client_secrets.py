"""Short-lived tokens for browsers (realtime-protocol.md section 1.1).

``POST /v1/realtime/client_secrets``, and the beta's ``POST /v1/realtime/sessions``, whose token opens a session that
speaks the beta dialect.
"""

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
from bargein.gateway.tokens import DEFAULT_LIFETIME_S, MAX_LIFETIME_S, MIN_LIFETIME_S, Token, Tokens
from bargein.wire import beta as beta_dialect

MAX_BODY_BYTES: Final = 65_536
BETA_LIFETIME_S: Final = 60
"""Of the beta's tokens, where none is asked for."""

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
    lifetime_s = _lifetime(body.get("expires_after"), "expires_after", DEFAULT_LIFETIME_S)
    try:
        effective = effective_session(session or {})
    except CallerError as error:
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, error.message, error.code, error.param)) from None
    token = _mint(tokens, session, lifetime_s, "session", beta=False)
    return json_answer({"value": token.value, "expires_at": token.expires_at, "session": effective})


async def mint_beta_session(
    request: Request, bodies: Bodies, tokens: Tokens, effective_session: EffectiveSession
) -> Response:
    """The beta's form: the body is the session, and so is the answer, with the token as its ``client_secret``."""
    async with bodies.read(request, MAX_BODY_BYTES) as text:
        body = json_object(text)
    secret = body.get("client_secret")
    if secret is not None and not isinstance(secret, dict):
        raise Refused(_bad("client_secret", "must be an object with expires_after"))
    lifetime_s = _lifetime((secret or {}).get("expires_after"), "client_secret.expires_after", BETA_LIFETIME_S)
    session = beta_dialect.session_from_beta(body)
    try:
        effective = effective_session(session)
    except CallerError as error:
        told = beta_dialect.error_to_beta({"message": error.message, "param": error.param})
        message, param = told["message"].replace("'session.", "'"), told["param"]
        param = None if param is None else param.removeprefix("session.")
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, message, error.code, param)) from None
    token = _mint(tokens, session, lifetime_s, "instructions", beta=True)
    shown = {"client_secret": {"value": token.value, "expires_at": token.expires_at}}
    return json_answer(beta_dialect.session_to_beta(effective) | shown)


def _mint(tokens: Tokens, session: dict[str, Any] | None, lifetime_s: int, param: str, *, beta: bool) -> Token:
    try:
        return tokens.mint(session, lifetime_s, beta=beta)
    except ValueError as error:
        raise Refused(_bad(param, str(error))) from None


def _lifetime(expires_after: object, param: str, default_s: int) -> int:
    if expires_after is None:
        return default_s
    if not isinstance(expires_after, dict):
        raise Refused(_bad(param, "must be an object with anchor and seconds"))
    if expires_after.get("anchor", "created_at") != "created_at":
        raise Refused(_bad(f"{param}.anchor", 'must be "created_at"'))
    seconds = expires_after.get("seconds", default_s)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not MIN_LIFETIME_S <= seconds <= MAX_LIFETIME_S:
        raise Refused(_bad(f"{param}.seconds", f"must be an integer from {MIN_LIFETIME_S} to {MAX_LIFETIME_S}"))
    return seconds


def _bad(param: str, rule: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, f"Invalid {param!r}: {rule.rstrip('.')}.", "invalid_value", param)
