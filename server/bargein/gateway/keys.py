"""Whether a presented key opens the door."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bargein.gateway.refusal import Refusal, unauthorized
from bargein.gateway.tokens import PREFIX, TokenInvalid, Tokens


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a valid key brings with it."""

    initial_session: dict[str, Any] | None = None
    """The starting configuration that a token carries."""


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
            return unauthorized("No key was given: send it as Authorization: Bearer KEY.", code="missing_api_key")
        digest = _digest(key)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return None if any(matches) else unauthorized("The key is not one of this server's.")

    def check_caller(self, key: str | None) -> Credentials | Refusal:
        """Whether a socket may be opened with ``key``: one of the operator's, or a token."""
        refusal = self.check_key(key)
        if key is None or not key.startswith(PREFIX) or (refusal is None and not self.keyless):
            return refusal or Credentials()
        try:
            return Credentials(self._tokens.read(key))
        except TokenInvalid as error:
            return unauthorized(str(error))


def _digest(key: str) -> bytes:
    """Hides the length of a key from the comparison."""
    return hashlib.sha256(key.encode()).digest()
