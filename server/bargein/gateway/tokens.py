"""Short-lived tokens for browsers: ``ek_`` and a JSON Web Token that carries a session's starting configuration."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import jwt

PREFIX: Final = "ek_"
MIN_LIFETIME_S: Final = 10
MAX_LIFETIME_S: Final = 7200
DEFAULT_LIFETIME_S: Final = 600
MAX_TOKEN_CHARACTERS: Final = 32_768
"""A token travels in a header; longer ones would not come through."""

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "bargein/realtime"


class TokenInvalid(Exception):
    """The token cannot be used. The message says why, and may be shown."""


@dataclass(frozen=True, slots=True)
class Token:
    """A minted token."""

    value: str
    expires_at: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token carries."""

    session: dict[str, Any] | None = None
    """The session that it opens, as ``session.update`` has it; ``None`` says nothing of it."""
    beta: bool = False
    """Its session speaks the beta dialect."""
    payer: str = ""
    """The fingerprint of the key that it was made with."""
    agent: str | None = None
    """The agent that it is for; ``None``: its holder may choose."""


class Tokens:
    """Mints and reads tokens. One may be used for any number of sessions until it expires, as OpenAI's may.

    :param secret: what they are signed with; a random one makes them end with the process.
    """

    def __init__(self, secret: str | None) -> None:
        self._secret = secret or secrets.token_urlsafe(48)

    def mint(
        self,
        session: dict[str, Any] | None,
        lifetime_s: int,
        *,
        beta: bool = False,
        payer: str = "",
        agent: str | None = None,
    ) -> Token:
        """Make a token that opens sessions configured as ``session`` for the next ``lifetime_s`` seconds.

        :param beta: they speak the beta dialect.
        :param payer: the fingerprint of the key on whose account they are.
        :param agent: who answers in all of them, by name; ``None`` leaves that to whoever opens one.
        :raises ValueError: ``session`` is too large for a header.
        """
        now = int(time.time())
        claims: dict[str, Any] = {"aud": _AUDIENCE, "iat": now, "exp": now + lifetime_s, "session": session}
        if beta:
            claims["beta"] = True
        if payer:
            claims["payer"] = payer
        if agent is not None:
            claims["agent"] = agent
        value = PREFIX + jwt.encode(claims, self._secret, algorithm=_ALGORITHM)
        if len(value) > MAX_TOKEN_CHARACTERS:
            raise ValueError(f"The session is too large for a token, which may have {MAX_TOKEN_CHARACTERS} characters.")
        return Token(value, now + lifetime_s)

    def read(self, value: str) -> Claims:
        """What the token carries.

        :raises TokenInvalid: it is forged, expired, or no token at all.
        """
        if len(value) > MAX_TOKEN_CHARACTERS:
            raise TokenInvalid(f"A token may have {MAX_TOKEN_CHARACTERS} characters.")
        try:
            claims = jwt.decode(
                value.removeprefix(PREFIX),
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["exp", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenInvalid("The token has expired: ask POST /v1/realtime/client_secrets for another.") from None
        except jwt.InvalidSignatureError:
            raise TokenInvalid(
                "The token is not signed with this server's secret: another server made it, or this one before it was "
                "started again. Ask POST /v1/realtime/client_secrets for another; servers that share an address need "
                "the same BARGEIN_TOKEN_SECRET."
            ) from None
        except Exception:
            # Whatever else a parser makes of text that anybody may have written: depth, sizes, types, encodings.
            raise TokenInvalid("This is no token: ask POST /v1/realtime/client_secrets for one.") from None
        session, payer, agent = claims.get("session"), claims.get("payer"), claims.get("agent")
        return Claims(
            session if isinstance(session, dict) else None,
            claims.get("beta") is True,
            payer if isinstance(payer, str) else "",
            agent if isinstance(agent, str) else None,
        )
