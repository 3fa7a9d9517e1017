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

from bargein.agents import Agent, Agents
from bargein.errors import CallerError
from bargein.gateway.http.answers import Refused, json_answer, json_object
from bargein.gateway.http.bodies import Bodies
from bargein.gateway.refusal import Refusal
from bargein.gateway.tokens import DEFAULT_LIFETIME_S, MAX_LIFETIME_S, MIN_LIFETIME_S, Token, Tokens
from bargein.wire import beta as beta_dialect

Json = dict[str, Any]

MAX_BODY_BYTES: Final = 65_536
BETA_LIFETIME_S: Final = 60
"""Of the beta's tokens, where none is asked for."""

EffectiveSession = Callable[[Json, Agent | None], Json]
"""Checks a session object as the caller gave it, and returns the whole session that it begins, with an agent or
without.

Raises :class:`~bargein.errors.CallerError`.
"""


class ClientSecrets:
    """Mints tokens.

    :param agents: whom a token can be for.
    """

    def __init__(self, bodies: Bodies, tokens: Tokens, agents: Agents, effective_session: EffectiveSession) -> None:
        self._bodies = bodies
        self._tokens = tokens
        self._agents = agents
        self._effective_session = effective_session

    async def mint(self, request: Request, payer: str) -> Response:
        """Check the wish, and answer with the token, when it expires, and the session that it opens.

        :param payer: the fingerprint of the key on whose account that is.
        :raises Refused: naming what is wrong.
        """
        async with self._bodies.read(request, MAX_BODY_BYTES) as text:
            body = json_object(text)
        _check_place(request, body, "session.agent")
        session = body.get("session")
        if session is not None and not isinstance(session, dict):
            raise Refused(_bad("session", "must be a session object"))
        lifetime_s = _lifetime(body.get("expires_after"), "expires_after", DEFAULT_LIFETIME_S)
        agent = self._take_agent(session, "session.agent")
        try:
            effective = self._effective_session(session or {}, agent)
        except CallerError as error:
            raise Refused(Refusal(HTTPStatus.BAD_REQUEST, error.message, error.code, error.param)) from None
        token = self._mint(session, lifetime_s, "session", agent, beta=False, payer=payer)
        return json_answer({"value": token.value, "expires_at": token.expires_at, "session": effective | _named(agent)})

    async def mint_beta(self, request: Request, payer: str) -> Response:
        """The beta's form: the body is the session, and so is the answer, with the token as its ``client_secret``."""
        async with self._bodies.read(request, MAX_BODY_BYTES) as text:
            body = json_object(text)
        _check_place(request, {}, "agent")
        secret = body.get("client_secret")
        if secret is not None and not isinstance(secret, dict):
            raise Refused(_bad("client_secret", "must be an object with expires_after"))
        lifetime_s = _lifetime((secret or {}).get("expires_after"), "client_secret.expires_after", BETA_LIFETIME_S)
        agent = self._take_agent(body, "agent")
        session = beta_dialect.session_from_beta(body)
        try:
            effective = self._effective_session(session, agent)
        except CallerError as error:
            told = beta_dialect.error_to_beta({"message": error.message, "param": error.param})
            message, param = told["message"].replace("'session.", "'"), told["param"]
            param = None if param is None else param.removeprefix("session.")
            raise Refused(Refusal(HTTPStatus.BAD_REQUEST, message, error.code, param)) from None
        token = self._mint(session, lifetime_s, "instructions", agent, beta=True, payer=payer)
        shown = {"client_secret": {"value": token.value, "expires_at": token.expires_at}, **_named(agent)}
        return json_answer(beta_dialect.session_to_beta(effective) | shown)

    def _take_agent(self, session: Json | None, param: str) -> Agent | None:
        """The agent that a session names, which is taken out of it.

        :raises Refused: it names none that there is. A token for nobody would leave its holder the choice.
        """
        named = None if session is None else session.pop("agent", None)
        if named is None:
            return None
        try:
            if isinstance(named, str) and named and (agent := self._agents.choose(named)) is not None:
                return agent
            rule = (
                f"must be the name of an agent. There are: {', '.join(agent.name for agent in self._agents) or 'none'}"
            )
            raise Refused(Refusal(HTTPStatus.BAD_REQUEST, f"Invalid {param!r}: {rule}.", "unknown_agent", param))
        except LookupError as error:
            raise Refused(Refusal(HTTPStatus.BAD_REQUEST, error.args[0], "unknown_agent", param)) from None

    def _mint(
        self, session: Json | None, lifetime_s: int, param: str, agent: Agent | None, *, beta: bool, payer: str
    ) -> Token:
        name = None if agent is None else agent.name
        try:
            return self._tokens.mint(session, lifetime_s, beta=beta, payer=payer, agent=name)
        except ValueError as error:
            raise Refused(_bad(param, str(error))) from None


def _check_place(request: Request, body: Json, place: str) -> None:
    """
    :param body: in which an agent has no place.
    :raises Refused: one is named where nobody looks. The token would be for anybody, and nobody would notice.
    """
    if request.query_params.get("agent") or body.get("agent") is not None:
        raise Refused(_bad("agent", f"name it in the body, as '{place}'"))


def _named(agent: Agent | None) -> Json:
    return {} if agent is None else {"agent": agent.name}


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
