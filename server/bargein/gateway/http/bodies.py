"""Request bodies, read within bounds: of one, of one party, and of all together."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from bargein.gateway.addresses import party_of
from bargein.gateway.http.answers import Refused
from bargein.gateway.refusal import Refusal, try_later
from bargein.loop.patience import Patience
from bargein.loop.time_limit import expire

BODY_TIMEOUT_S: Final = 120.0
"""For a whole body."""
STEP_BYTES: Final = 65_536
STEP_TIMEOUT_S: Final = 10.0
"""For each :data:`STEP_BYTES` of it, or for its rest: one that drips in holds memory for nothing."""
RETRY_AFTER_S: Final = 5


class _Body:
    """What has come of one body, and when it last got on."""

    __slots__ = ("data", "finished", "limit", "moved_at_s", "party", "refusal", "size", "stepped_at_bytes")

    def __init__(self, party: str | None, limit: asyncio.Timeout, now_s: float) -> None:
        self.party = party
        self.limit = limit
        self.data = bytearray()
        self.size = 0
        self.moved_at_s = now_s
        self.stepped_at_bytes = 0
        self.finished = False
        self.refusal: Refusal | None = None
        """Why it had to make room for another's."""


class Bodies:
    """Reads request bodies, and knows how much of them is held.

    When there is no room for more, an unfinished body makes it: of the party that holds the most, the one that has not
    got on for the longest. So bodies that never end cost those who send them, and nobody else.

    :param max_bytes: of all bodies together. One party may hold half of them, loopback aside.
    :param address_of: who sends a request.
    """

    def __init__(self, max_bytes: int, address_of: Callable[[Request], str]) -> None:
        self._max_bytes = max_bytes
        self._address_of = address_of
        self._held: set[_Body] = set()
        self._bytes_of: Counter[str | None] = Counter()

    @property
    def held_bytes(self) -> int:
        """What all bodies hold now."""
        return self._bytes_of.total()

    @asynccontextmanager
    async def read(self, request: Request, max_bytes: int) -> AsyncIterator[bytes]:
        """The whole body. It counts as held until the context is left: leave it when the body is needed no longer.

        :param max_bytes: of this body.
        :raises Refused: it is larger, does not come, or there is no room for it.
        """
        declared = request.headers.get("content-length", "0")
        # A length of more than 18 digits is too large, and too long for int() to read in no time.
        if declared.isdecimal() and (len(declared) > 18 or int(declared) > max_bytes):
            raise Refused(_too_large(max_bytes))
        loop = asyncio.get_running_loop()
        end_s = loop.time() + BODY_TIMEOUT_S
        limit = asyncio.timeout(None)
        patience = Patience(lambda: expire(limit))
        body = _Body(party_of(self._address_of(request)), limit, loop.time())
        self._held.add(body)
        try:
            try:
                async with limit:
                    patience.begin(STEP_TIMEOUT_S)
                    async for chunk in request.stream():
                        self._add(body, chunk, max_bytes, loop.time())
                        patience.begin(min(body.moved_at_s + STEP_TIMEOUT_S, end_s) - loop.time())
                    body.finished = True
            except TimeoutError:
                refusal = body.refusal or Refusal(
                    HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time.", "timeout"
                )
                raise Refused(refusal) from None
            except ClientDisconnect:
                message = "The connection ended within the body."
                raise Refused(Refusal(HTTPStatus.BAD_REQUEST, message, "disconnected")) from None
            whole = bytes(body.data)
            body.data = bytearray()
            yield whole
        finally:
            patience.close()
            self._let_go(body)

    def _add(self, body: _Body, chunk: bytes, max_bytes: int, now_s: float) -> None:
        if body.refusal is not None:
            raise Refused(body.refusal)
        if body.size + len(chunk) > max_bytes:
            raise Refused(_too_large(max_bytes))
        self._make_room(body, len(chunk))
        body.data += chunk
        body.size += len(chunk)
        self._bytes_of[body.party] += len(chunk)
        if body.size - body.stepped_at_bytes >= STEP_BYTES:
            body.stepped_at_bytes = body.size
            body.moved_at_s = now_s

    def _make_room(self, body: _Body, byte_count: int) -> None:
        """Let unfinished bodies go until ``body`` may grow by ``byte_count``.

        :raises Refused: there are none, or it is its own turn.
        """
        share = max(self._max_bytes // 2, body.size + byte_count)
        while body.party is not None and self._bytes_of[body.party] + byte_count > share:
            self._evict(body, [other for other in self._held if other.party == body.party], _address_full())
        while self.held_bytes + byte_count > self._max_bytes:
            self._evict(body, list(self._held), _server_full())

    def _evict(self, body: _Body, candidates: list[_Body], refusal: Refusal) -> None:
        unfinished = [other for other in candidates if other is body or (other.size and not other.finished)]
        victim = min(unfinished, key=lambda other: (-self._bytes_of[other.party], other is body, other.moved_at_s))
        if victim is body:
            raise Refused(refusal)
        self._let_go(victim)
        victim.refusal = refusal
        victim.limit.reschedule(-math.inf)

    def _let_go(self, body: _Body) -> None:
        self._held.discard(body)
        self._bytes_of[body.party] -= body.size
        if not self._bytes_of[body.party]:
            del self._bytes_of[body.party]
        body.size = 0
        body.data = bytearray()


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have {max_bytes} bytes.", "request_too_large")


def _server_full() -> Refusal:
    return try_later(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The server holds as many bytes of requests as it may (BARGEIN_MAX_BODIES_BYTES): send it again later.",
        code="server_full",
        reason="full",
        retry_after_s=RETRY_AFTER_S,
    )


def _address_full() -> Refusal:
    return try_later(
        HTTPStatus.TOO_MANY_REQUESTS,
        "This address has as many bytes of requests under way as it may (half of BARGEIN_MAX_BODIES_BYTES): "
        "send it again when others are done.",
        code="too_many_bytes",
        reason="address",
        retry_after_s=RETRY_AFTER_S,
    )
