"""One server process as its callers meet it: the open sessions, who is let in, and the end of both."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import structlog

from bargein.errors import CallerError
from bargein.gateway.accounts import make_books
from bargein.gateway.addresses import AddressLimits, client_address
from bargein.gateway.admission import Admission, Admitted
from bargein.gateway.caller_session import CallerSession, OpenSession
from bargein.gateway.caller_transport import CallerTransport, MakeTransport, TransportContext
from bargein.gateway.descriptors import DescriptorRoom
from bargein.gateway.handshake import Handshake
from bargein.gateway.keys import Keyring, fingerprint
from bargein.gateway.liveness import CLOSE_TIMEOUT_S
from bargein.gateway.refusal import Refusal, log_refusal
from bargein.gateway.tokens import Tokens
from bargein.loop.chores import chores_of
from bargein.metrics import Dialect, Metrics
from bargein.money.books import Books
from bargein.session.timers import Timers
from bargein.settings import Settings

SPREAD_S: Final = 1.0
"""Sessions without a turn in progress are closed over this long, so that their callers do not come back all at once."""
RESTARTING: Final = "The server is restarting: connect again."

_log: Final = structlog.get_logger(__name__)


class Gateway:
    """Admits callers, carries their connections, and ends them when the process ends.

    :param open_session: makes the session of an admitted caller.
    :param make_transport: makes the connection that carries it.
    :param room: whether there are descriptors left; without it there always are.
    :param books: what was spent: the same that its sessions write into.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        timers: Timers,
        open_session: OpenSession,
        make_transport: MakeTransport,
        room: DescriptorRoom | None = None,
        books: Books | None = None,
    ) -> None:
        secret = settings.token_secret
        self.settings: Final = settings
        self.metrics: Final = metrics
        self.room: Final = room
        self.books: Final = books or make_books(settings)
        self.tokens: Final = Tokens(secret.get_secret_value() if secret is not None else None)
        self.keyring: Final = Keyring((key.get_secret_value() for key in settings.api_keys), self.tokens)
        self._timers = timers
        self._addresses = AddressLimits(
            timers.clock, settings.max_sessions_per_address, settings.max_new_sessions_per_minute
        )
        self.admission: Final = Admission(settings, self.keyring, self, self._addresses)
        self._open_session = open_session
        self._make_transport = make_transport
        self._context = TransportContext(
            timers,
            metrics.traffic,
            chores_of(asyncio.get_running_loop()),
            max_message_bytes=settings.max_message_bytes,
            frames_per_s=settings.frames_per_s,
            bytes_per_s=settings.bytes_per_s,
            pings_per_s=settings.pings_per_s,
            unread_limit_bytes=settings.slow_caller_bytes,
        )
        self._sessions: set[CallerSession] = set()
        self._turns = 0
        self._no_turns = asyncio.Event()
        self._no_turns.set()
        self._draining = False
        self._stopped = asyncio.Event()

    # What admission asks.

    @property
    def open_sessions(self) -> int:
        """Sessions, and turns over HTTP, which cost the model as much while they last."""
        return len(self._sessions) + self._turns

    @property
    def sessions(self) -> tuple[CallerSession, ...]:
        """Those that are open."""
        return tuple(self._sessions)

    @property
    def draining(self) -> bool:
        return self._draining

    @property
    def has_descriptors(self) -> bool:
        return self.room is None or self.room.for_session(self.open_sessions)

    # What an upgrade asks.

    def admit(self, handshake: Handshake) -> Admitted | Refusal:
        """Decide on a request for a WebSocket, and count it where it is refused."""
        outcome = self.admission.decide(handshake)
        if isinstance(outcome, Refusal):
            self.metrics.sessions_refused[outcome.reason].inc()
            self.note_refusal("session refused", outcome, handshake.peer, handshake.headers, handshake.key)
        return outcome

    def note_refusal(
        self, event: str, refusal: Refusal, peer: str, headers: Mapping[str, str], key: str | None, **more: object
    ) -> None:
        """Log a refusal, with the address and, where it was for the key, what tells which one it was."""
        if refusal.reason == "key" and key is not None:
            more["key_fingerprint"] = fingerprint(key)
        address = client_address(peer, headers, self.settings.trusted_proxies)
        log_refusal(_log, event, refusal, address=address, headers=headers, **more)

    def carry(self, transport: asyncio.Transport) -> CallerTransport:
        """Make what carries an admitted caller."""
        return self._make_transport(self._context, transport)

    def make_session(self, admitted: Admitted, caller_transport: CallerTransport) -> CallerSession | Refusal:
        """Make the session of an admitted caller, who can still be told that its token's configuration is wrong."""
        try:
            return self._open_session(admitted, caller_transport)
        except CallerError as error:
            refusal = Refusal(HTTPStatus.BAD_REQUEST, error.message, error.code, error.param)
            self.metrics.sessions_refused[refusal.reason].inc()
            log_refusal(_log, "session refused", refusal, address=admitted.address, headers={}, param=error.param)
            return refusal

    def begin(self, admitted: Admitted, caller_transport: CallerTransport, session: CallerSession) -> None:
        """Begin the session of a caller whose connection is open."""
        dialect = _dialect(admitted)
        self._sessions.add(session)
        self._addresses.opened(admitted.address)
        self.metrics.sessions_open.inc()
        self.metrics.sessions[dialect].inc()
        began_s = self._timers.clock.now()
        log = _log.bind(session_id=session.id)
        log.info("session opened", model=admitted.model, dialect=dialect, address=admitted.address)

        def ended(code: int) -> None:
            duration_s = self._timers.clock.now() - began_s
            self._sessions.discard(session)
            self._addresses.closed(admitted.address)
            self.metrics.sessions_open.dec()
            self.metrics.session_ended(code, duration_s)
            log.info("session ended", code=code, duration_s=round(duration_s, 3))

        caller_transport.start(session, ended)
        try:
            session.start()
        except Exception:
            log.exception("session did not start")
            caller_transport.close(1011, "The server failed.")

    # What push to talk asks.

    def check_turn(self, address: str) -> Refusal | None:
        """``None`` where a turn over HTTP could begin now."""
        return self.admission.check_capacity() or self._addresses.check(address)

    def begin_turn(self, address: str) -> Refusal | None:
        """Begin a turn over HTTP, or say why not. It is counted like a session, and drained like one."""
        refusal = self.check_turn(address)
        if refusal is not None:
            return refusal
        self._turns += 1
        self._no_turns.clear()
        self._addresses.opened(address)
        return None

    def end_turn(self, address: str) -> None:
        """End a turn that has begun."""
        self._turns -= 1
        if not self._turns:
            self._no_turns.set()
        self._addresses.closed(address)

    # What the process asks.

    async def drain(self) -> None:
        """Take no new sessions, let the turns in progress end, and return when no session is left.

        Sessions end with 1012. Those that have not by the deadline are closed then; :meth:`stop` brings it forward.
        """
        self._draining = True
        self.metrics.draining.set(1)
        deadline_s = self._timers.clock.now() + self.settings.drain_s
        _log.info("draining", sessions=len(self._sessions), deadline_s=self.settings.drain_s)
        sessions = list(self._sessions)
        drained = asyncio.gather(
            *(self._drain_one(session, deadline_s) for session in sessions),
            self._no_turns.wait(),
            return_exceptions=True,
        )
        stopped = asyncio.ensure_future(self._stopped.wait())
        waits: set[asyncio.Future[Any]] = {drained, stopped}
        await asyncio.wait(waits, timeout=self.settings.drain_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        self.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S + 1):
                for session in sessions:
                    await session.closed.wait()

    def stop(self) -> None:
        """Close every session now with 1012. May be called twice."""
        self._draining = True
        self._stopped.set()
        for session in list(self._sessions):
            session.close(1012, RESTARTING)

    async def _drain_one(self, session: CallerSession, deadline_s: float) -> None:
        spread_s = min(SPREAD_S, len(self._sessions) * 0.01)
        await asyncio.sleep(random.uniform(0, spread_s))  # noqa: S311 (a delay, not a secret)
        await session.drain(deadline_s)
        await session.closed.wait()


def _dialect(admitted: Admitted) -> Dialect:
    if admitted.twilio:
        return "twilio"
    return "bargein.v1" if admitted.bargein else "beta" if admitted.beta else "ga"
