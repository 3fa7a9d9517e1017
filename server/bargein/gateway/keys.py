"""Whether a presented key opens the door."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from bargein.gateway.refusal import Refusal, unauthorized
from bargein.gateway.tokens import PREFIX, TokenInvalid, Tokens

NO_KEY: Final = "No key was given: send it as Authorization: Bearer KEY."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a valid key brings with it."""

    initial_session: dict[str, Any] | None = None
    """The starting configuration that a token carries."""
    beta: bool = False
    """The token opens a session that speaks the beta dialect."""
    payer: str = ""
    """The fingerprint of the key that pays; empty where none is asked for."""
    agent: str | None = None
    """The only agent that a token is for; ``None``: any."""


class Keyring:
    """The operator's keys, and the tokens that are made with them.

    :param keys: keys that are good for everything; with none, anybody may come in.
    """

    def __init__(self, keys: Iterable[str], tokens: Tokens) -> None:
        self._digests = [_digest(key) for key in keys]
        self._tokens = tokens

    @property
    def keyless(self) -> bool:
        return not self._digests

    def check_key(self, key: str | None) -> Refusal | None:
        """``None`` where ``key`` is one of the operator's, or none is asked for. Takes the same time for every key."""
        if self.keyless:
            return None
        if key is None:
            return unauthorized(NO_KEY, code="missing_api_key")
        digest = _digest(key)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return None if any(matches) else unauthorized("The key is not one of this server's.")

    def check_scraper(self, key: str | None, metrics_key: str | None) -> Refusal | None:
        """Whether the metrics may be read with ``key``: one of the operator's, or the one that opens nothing else.

        :param metrics_key: that one, if there is one; then it is asked for by a keyless server too.
        """
        if metrics_key is None:
            return self.check_key(key)
        if key is None:
            return unauthorized(NO_KEY, code="missing_api_key")
        if hmac.compare_digest(_digest(key), _digest(metrics_key)):
            return None
        return self.check_key(key) if not self.keyless else unauthorized("The key is not the one for the metrics.")

    def check_caller(self, key: str | None) -> Credentials | Refusal:
        """Whether a socket may be opened with ``key``: one of the operator's, or a token."""
        refusal = self.check_key(key)
        if key is None or not key.startswith(PREFIX) or (refusal is None and not self.keyless):
            return refusal or Credentials(payer=self.payer(key))
        try:
            claims = self._tokens.read(key)
        except TokenInvalid as error:
            return unauthorized(str(error))
        return Credentials(claims.session, claims.beta, claims.payer, claims.agent)

    def payer(self, key: str | None) -> str:
        """Whose account it is, for a key that has been checked: its fingerprint, or nobody's where none is asked
        for.
        """
        return "" if self.keyless or key is None else fingerprint(key)


def fingerprint(key: str) -> str:
    """What logs may hold of a key, to tell which one it was: ``printf %s KEY | sha256sum | cut -c-8``."""
    return _digest(key).hex()[:8]


def _digest(key: str) -> bytes:
    """Hides the length of a key from the comparison."""
    return hashlib.sha256(key.encode()).digest()
