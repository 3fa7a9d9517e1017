"""One caller's session: a caller's protocol and a conversation, and between them the time, the limits and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bargein.core.config import SessionConfig
from bargein.core.events import Configured, Event
from bargein.errors import CallerError, CallerGone
from bargein.loop.tasks import Tasks
from bargein.session import endings
from bargein.session.audio_input import Work
from bargein.session.caller_protocol import Talk
from bargein.session.endings import Ending
from bargein.session.making import Collaborators

TOO_MANY_MESSAGES: Final = "too many messages without audio for too long (BARGEIN_CONTROL_MESSAGES_PER_S)"


class Session(Talk):
    """Serves one caller. All methods run on the event loop's thread; none but :meth:`drain` waits."""

    def __init__(self, given: Collaborators) -> None:
        self.id = given.id
        self.closed = asyncio.Event()
        self._protocol = given.protocol
        self._driver = given.driver
        self._audio_input = given.audio_input
        self._streams = given.streams
        self._transcriptions = given.transcriptions
        self._judgements = given.judgements
        self._tools = given.tools
        self._performer = given.performer
        self._caller_limits = given.caller_limits
        self._mistakes = given.mistakes
        self._lifetime = given.lifetime
        self._watch = given.watch
        self._limits = given.limits
        self._observer = given.observer
        self._log = given.log
        self._now = given.now
        self._over = False
        self._work: Work | None = None
        """What is left of a message that is too much to be dealt with at once; nothing else is received meanwhile."""
        self._tasks = Tasks()
        driver = given.driver
        self._audio_input.begin(driver.heard)
        self._streams.begin(driver.piece_came, driver.stream_failed, self._performer.stream_closed)
        self._transcriptions.begin(driver.handle_apart)
        self._judgements.begin(driver.handle_apart)
        self._tools.begin(driver.handle_tools)
        # These know the session from here on: when it ends, they let go of it.
        driver.begin(self._break)
        self._watch.begin(self._slow)
        self._lifetime.begin(is_busy=driver.is_busy, on_expired=self._expire, on_idle=self._idle)
        self._protocol.join(self, self._audio_input, self._watch)

    # What the gateway calls.

    def start(self) -> None:
        """Greet the caller and begin to count its time."""
        self._protocol.begin(self._driver.conversation.id)
        self._lifetime.start()

    def receive_text(self, data: bytes) -> bool:
        """Take one text message. Whatever is wrong with it is answered, never raised. Returns whether it is too much to
        be dealt with at once: then :meth:`work` is called before the next message.
        """
        if self._over:
            return False
        now = self._lifetime.last_message_at = self._now()
        try:
            self._work = self._protocol.receive_text(data, now)
        except Exception as error:
            self._mishap(error, now)
        return self._work is not None

    def receive_binary(self, data: bytes) -> bool:
        """Take one binary message. Returns what :meth:`receive_text` does."""
        if self._over:
            return False
        now = self._lifetime.last_message_at = self._now()
        try:
            self._work = self._protocol.receive_binary(data, now)
        except Exception as error:
            self._mishap(error, now)
        return self._work is not None

    def work(self) -> bool:
        """Do the next piece of what the last message began; returns whether there is more."""
        work = self._work
        if work is None or self._over:
            self._work = None
            return False
        try:
            next(work)
        except StopIteration:
            self._work = None
        except Exception as error:
            self._work = None
            self._mishap(error, self._now())
        return self._work is not None

    def writable(self, ready: bool) -> None:
        """The caller's socket has room again, or has none: what is not paced is held back at its source."""
        if self._over:
            return
        if ready:
            self._streams.release()
        else:
            self._streams.hold()

    def ended(self, code: int, reason: str) -> None:
        """The connection is gone: stop all work. ``closed`` is set when nothing is left."""
        self._stop()
        self._tasks.start(self._finish(code, reason, self._now()))

    async def drain(self, deadline_s: float) -> None:
        """Let the turn in progress end, at most until ``deadline_s`` on the timers' clock, then close with 1012.

        Cancelled, it leaves the session as it is.
        """
        if self._over:
            return
        try:
            async with asyncio.timeout(max(0.0, deadline_s - self._now())):
                await self._driver.wait_quiet()
        except TimeoutError:
            self._log.info("drain deadline reached in the middle of a turn")
        self.close(1012, "The server is restarting: connect again.")

    def close(self, code: int, reason: str, retry_after_s: int | None = None) -> None:
        """Tell the caller why, then close the connection."""
        self.leave(CallerGone(code, reason, retry_after_s))

    # What the caller's protocol calls.

    def handle(self, event: Event, now: float) -> None:
        """See :class:`~bargein.session.caller_protocol.Talk`."""
        self._driver.handle(event, now)

    def apart(self, work: Callable[[float], None]) -> None:
        """See :class:`~bargein.session.caller_protocol.Talk`."""
        if self._over:
            return
        now = self._now()
        try:
            work(now)
        except Exception as error:
            self._mishap(error, now)

    def configure(self, config: SessionConfig, now: float) -> None:
        """See :class:`~bargein.session.caller_protocol.Talk`."""
        self._audio_input.configure(config)
        self._driver.handle(Configured(config), now)

    def count_control(self, now: float) -> None:
        """See :class:`~bargein.session.caller_protocol.Talk`."""
        over_s = self._caller_limits.control(now)
        if over_s > 0.0:
            self._protocol.connection.hold_back(over_s, TOO_MANY_MESSAGES)

    def leave(self, gone: CallerGone) -> None:
        """See :class:`~bargein.session.caller_protocol.Talk`."""
        self._end(endings.for_cause(gone))

    # The end.

    def _mishap(self, error: Exception, now: float) -> None:
        """Answer for a message that could not be dealt with; the session survives what the caller has done."""
        match error:
            case CallerError():
                self._refuse(error, now)
            case CallerGone():
                self.leave(error)
            case _:
                self._break()

    def _refuse(self, error: CallerError, now: float) -> None:
        self._observer.refused(error)
        try:
            if self._mistakes.note(error, now, named=bool(error.event_id)):
                self._protocol.tell_refusal(error)
        except CallerGone as gone:
            self._protocol.tell_refusal(error)
            self.leave(gone)

    def _break(self) -> None:
        """Our own code failed. What it was doing is half done, so the session ends, and it alone."""
        self._log.exception("an error of our own broke the session")
        self._end(endings.broken())

    def _expire(self) -> None:
        self._end(endings.expired(self._limits.max_session_s))

    def _idle(self) -> None:
        self._end(endings.idle(self._limits.idle_s))

    def _slow(self, gone: CallerGone) -> None:
        self._end(endings.too_slow(gone))

    def _end(self, ending: Ending) -> None:
        """Say why, then close the connection."""
        if not self._over:
            self._protocol.tell_ending(ending)
        if self._over:  # Even before: to be told why was too much to be read.
            return
        self._stop()
        self._observer.closing(ending)
        self._protocol.connection.close(ending.close_code, ending.reason)

    def _stop(self) -> None:
        if self._over:
            return
        self._over = True
        self._driver.stop()
        self._work = None
        self._lifetime.stop()
        self._watch.close()
        self._audio_input.close()
        self._streams.close()
        self._transcriptions.close()
        self._judgements.close()
        self._tools.close()

    async def _finish(self, code: int, reason: str, ended_at: float) -> None:
        await self._streams.wait_closed()
        await self._transcriptions.wait_closed()
        await self._judgements.wait_closed()
        await self._tools.wait_closed()
        # Now: what recognisers were sent, and was called back, is paid for.
        self._observer.ended(code, reason, self._audio_input.audio_in_s, ended_at)
        self._performer.close()
        self._protocol.let_go()
        self.closed.set()
