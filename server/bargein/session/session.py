"""One caller's session: messages in, the core, actions out."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Iterator
from typing import Final

from bargein.core import events
from bargein.core.actions import Action, VoiceChanged
from bargein.core.completion import AudioPiece, Finished, StreamPiece
from bargein.core.conversation import Conversation
from bargein.core.events import Event
from bargein.core.floor import AgentState, CallerState
from bargein.core.items import Failure
from bargein.errors import CallerError, CallerGone
from bargein.session import endings
from bargein.session.backlog import BacklogWatch
from bargein.session.endings import Cause, Ending
from bargein.session.hearing import Hearing
from bargein.session.latency import TurnClock
from bargein.session.lifetime import Lifetime
from bargein.session.limits import CallerLimits
from bargein.session.measures import NumpyMeasures
from bargein.session.mistakes import Mistakes
from bargein.session.outbox import Outbox
from bargein.session.performer import Performer
from bargein.session.setup import SessionSetup
from bargein.session.streams import Streams
from bargein.session.transcriptions import TranscriptionTasks
from bargein.wire import bargein_events, client_events, server_events
from bargein.wire.client_events import ClientEvent, parse_client_event
from bargein.wire.encode import Encoder
from bargein.wire.errors import error_event, server_error_event, session_expired_event
from bargein.wire.input_audio import decode_audio, plain_append
from bargein.wire.session_object import SessionObject
from bargein.wire.structure import Survey
from bargein.wire.to_core import core_event

ID_BYTES: Final = 9
NOT_BINARY: Final = (
    "Binary messages are only understood with the subprotocol 'bargein.v1'. "
    "Send sound as base64 in 'input_audio_buffer.append'."
)
LONG_MESSAGE_BYTES: Final = 65_536
"""A message with so many bytes is read piece by piece."""
TOO_MANY_MESSAGES: Final = "too many messages without audio for too long (BARGEIN_CONTROL_MESSAGES_PER_S)"


class Session:
    """Serves one caller. All methods run on the event loop's thread; none but :meth:`drain` waits.

    :raises CallerError: on construction, where the configuration that a token carries is wrong.
    """

    __deletable__ = (  # For mypyc: what :meth:`_finish` lets go of.
        "_conversation",
        "_hearing",
        "_lifetime",
        "_outbox",
        "_performer",
        "_streams",
        "_transcriptions",
        "_watch",
    )

    def __init__(self, setup: SessionSetup) -> None:
        services = setup.services
        self._setup = setup
        self._limits = services.limits
        self._policy = services.policy
        self._timers = services.timers
        self._now = services.timers.clock.now
        self._key = secrets.token_hex(ID_BYTES)
        self._numbers = itertools.count(1)
        self.id = f"sess_{self._key}"
        self.closed = asyncio.Event()
        self._log = services.log.bind(session_id=self.id)
        now = services.timers.clock.now()
        self._object = SessionObject.begin(
            id=self.id,
            model=setup.model,
            expires_at=int(time.time() + self._limits.max_session_s),
            default_voice=services.default_voice,
            images=services.images,
            initial=setup.initial_session,
        )
        services.notices.note("session", setup.initial_session, self._log)
        config = self._object.to_config()
        self._conversation = Conversation(
            config,
            self._policy,
            self._new_id,
            NumpyMeasures(),
            reports=setup.bargein,
            unix_offset_s=time.time() - now,
        )
        watch = BacklogWatch(setup.connection, self._limits, self._timers, self._slow)
        encoder = Encoder(self._key, beta=setup.beta, bargein=setup.bargein)
        self._watch = watch
        self._outbox = Outbox(setup.connection, encoder, watch)
        self._clock = TurnClock(services.metrics)
        self._streams = Streams(
            services.upstream,
            services.metrics,
            self._log,
            on_piece=self._on_piece,
            on_failure=self._on_failure,
            on_closed=self._on_stream_closed,
        )
        self._transcriptions = TranscriptionTasks(
            services.transcriber, services.metrics, self._log, self._on_transcription
        )
        self._performer = Performer(
            self._outbox, self._streams, self._transcriptions, self._clock, services.metrics, self._log
        )
        performer = self._performer
        performer.tells_decisions = setup.bargein and setup.decisions
        performer.explains = performer.tells_decisions or self._log.is_enabled_for(logging.DEBUG)
        self._conversation.explain(performer.explains)
        self._caller_limits = CallerLimits(self._limits, self._timers)
        self._lost_s = self._timers.lost_s
        self._mistakes = Mistakes(self._limits)
        self._hearing = Hearing(
            self._conversation, services.make_detector, self._caller_limits, services.metrics.traffic, self._heard
        )
        self._event_id: str | None = None
        """Of the message that is being dealt with: for errors that do not know it."""
        self._lifetime = Lifetime(
            self._timers, self._limits, is_busy=self._is_busy, on_expired=self._expire, on_idle=self._let_go
        )
        self._over = False
        self._work: Iterator[None] | None = None
        """What is left of a message that is too much to be dealt with at once; nothing else is received meanwhile."""
        self._quiet: asyncio.Event | None = None
        """Set when no turn is in progress; there is one while the session drains."""
        self._tasks: set[asyncio.Task[None]] = set()

    # What the gateway calls.

    def start(self) -> None:
        """Greet the caller and begin to count its time."""
        bargein = bargein_events.welcome(self._policy.report_interval_ms) if self._setup.bargein else None
        self._outbox.send(server_events.session_created(self._object.echo(), bargein))
        self._outbox.send(server_events.conversation_created(self._conversation.id))
        self._lifetime.start()

    def receive_text(self, data: bytes) -> bool:
        """Take one text message. Whatever is wrong with it is answered, never raised. Returns whether it is too much to
        be dealt with at once: then :meth:`work` is called before the next message.
        """
        if self._over:
            return False
        now = self._lifetime.last_message_at = self._now()
        try:
            audio = plain_append(data)
            if audio is None:
                self._read(data, now)
            else:
                self._hear(audio, now)
        except Exception as error:
            self._mishap(error, now)
        return self._work is not None

    def receive_binary(self, data: bytes) -> bool:
        """Take sound of a ``bargein.v1`` caller; others get an error, for the standard has no binary messages. Returns
        what :meth:`receive_text` does.
        """
        if self._over:
            return False
        now = self._lifetime.last_message_at = self._now()
        try:
            if not self._setup.bargein:
                raise CallerError(NOT_BINARY, code="invalid_event")  # noqa: TRY301
            self._hear(data, now)
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
            if self._work is work:  # It may have begun another.
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
        totals = self._performer.totals
        self._log.info(
            "session used",
            code=code,
            reason=reason,
            responses=totals.responses,
            barge_ins=totals.barge_ins,
            audio_in_s=round(self._hearing.audio_in_s, 2),
            audio_out_s=round(totals.audio_out_s, 2),
            **{f"{kind}_tokens": count for kind, count in totals.tokens.items()},
        )
        task = asyncio.get_running_loop().create_task(self._finish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, deadline_s: float) -> None:
        """Let the turn in progress end, at most until ``deadline_s`` on the timers' clock, then close with 1012.

        Cancelled, it leaves the session as it is.
        """
        if self._over:
            return
        self._quiet = quiet = asyncio.Event()
        self._note_quiet(quiet)
        try:
            async with asyncio.timeout(max(0.0, deadline_s - self._now())):
                await quiet.wait()
        except TimeoutError:
            self._log.info("drain deadline reached in the middle of a turn")
        self.close(1012, "The server is restarting: connect again.")

    def close(self, code: int, reason: str, retry_after_s: int | None = None) -> None:
        """Say why in an ``error`` event, then close the connection."""
        self._leave(CallerGone(code, reason, retry_after_s))

    # Messages.

    def _receive(self, event: ClientEvent, now: float) -> None:
        self._event_id = event.event_id
        match event:
            case client_events.InputAudioBufferAppend(audio=audio):
                self._hear(decode_audio(audio), now)
            case client_events.SessionUpdate():
                self._count_control(now)
                self._update(event, now)
            case client_events.BargeinPing(id=ping_id):
                self._count_control(now)
                self._outbox.send(bargein_events.pong(ping_id))
            case _:
                self._count_control(now)
                asked = core_event(event, self._object, audio_produced=self._performer.audio_produced)
                if isinstance(event, client_events.ResponseCreate):
                    self._setup.services.notices.note("response", event.given, self._log)
                if asked is not None:
                    self._handle(asked, now)
                if self._performer.at_length is not None:
                    self._work, self._performer.at_length = self._performer.at_length, None
                if self._ends_recording(event):
                    self._hearing.restart()
        self._event_id = None

    def _ends_recording(self, event: ClientEvent) -> bool:
        """Whether what is sent next is another sound, not the rest of this one. Where turns are detected the microphone
        is open all the time, and a commit by hand does not cut its stream.
        """
        match event:
            case client_events.InputAudioBufferClear():
                return True
            case client_events.InputAudioBufferCommit():
                return self._conversation.config.turn_detection is None
            case _:
                return False

    def _update(self, event: client_events.SessionUpdate, now: float) -> None:
        self._object = self._object.update(event.session, audio_produced=self._performer.audio_produced)
        self._setup.services.notices.note("session", event.given, self._log)
        config = self._object.to_config()
        self._hearing.configure(config)
        self._handle(events.Configured(config), now)
        self._outbox.send(server_events.session_updated(self._object.echo()))

    def _read(self, data: bytes, now: float) -> None:
        if len(data) > LONG_MESSAGE_BYTES:
            self._work = self._read_long(data)
        else:
            self._receive(parse_client_event(data, beta=self._setup.beta, bargein=self._setup.bargein), now)

    def _read_long(self, data: bytes) -> Iterator[None]:
        """Read a long message: what it holds is looked at before it is parsed, and it is parsed before it is done."""
        survey = Survey(data)
        while not survey.done:
            yield
            survey.step()
        yield
        event = parse_client_event(data, beta=self._setup.beta, bargein=self._setup.bargein)
        yield
        self._receive(event, self._now())

    def _count_control(self, now: float) -> None:
        over_s = self._caller_limits.control(now)
        if over_s > 0.0:
            self._setup.connection.hold_back(over_s, TOO_MANY_MESSAGES)

    def _hear(self, audio: bytes, now: float) -> None:
        if len(audio) > self._hearing.piece_bytes:
            self._work = self._hear_long(audio)
        else:
            self._hearing.take(audio, now)

    def _hear_long(self, audio: bytes) -> Iterator[None]:
        """Hear a recording piece by piece."""
        piece_bytes = self._hearing.piece_bytes
        for start in range(0, len(audio), piece_bytes):
            self._hearing.take(audio[start : start + piece_bytes], self._now())
            yield

    def _heard(self, todo: list[Action], now: float) -> bool:
        self._note_speech(todo, now)
        self._do(todo, now)
        return not self._over

    def _mishap(self, error: Exception, now: float) -> None:
        """Answer for a message that could not be dealt with; the session survives what the caller has done."""
        event_id, self._event_id = self._event_id, None
        match error:
            case CallerError():
                self._refuse(error, event_id, now)
            case CallerGone():
                self._leave(error)
            case _:
                self._break(event_id)

    # The core.

    def _handle(self, event: Event, now: float) -> None:
        lost_s = self._timers.lost_s
        if lost_s > self._lost_s:
            self._conversation.forgive(lost_s - self._lost_s, now)
            self._lost_s = lost_s
        self._do(self._conversation.handle(event, now), now)

    def _do(self, todo: list[Action], now: float) -> None:
        self._performer.perform(todo, now)
        if self._over:
            return
        due = self._conversation.next_timer(now)
        if due is None:
            self._timers.cancel(self.id)
        else:
            self._timers.schedule(self.id, due, self._on_timer)
        if self._quiet is not None:
            self._note_quiet(self._quiet)

    def _handle_apart(self, event: Event) -> None:
        """Deal with what no message of the caller's brought about: nobody else would see it fail."""
        try:
            self._handle(event, self._now())
        except Exception:
            self._break(None)

    def _on_timer(self) -> None:
        self._handle_apart(events.TimerFired())

    def _on_piece(self, response_id: str, piece: StreamPiece) -> None:
        now = self._now()
        sound = self._performer.sounds.get(response_id)
        if sound is None:
            return
        if isinstance(piece, AudioPiece):
            self._clock.audio_came(response_id, now)
            piece = sound.convert(piece)
            if piece.sample_count == 0:
                return
        elif isinstance(piece, Finished):
            rest = sound.flush()
            if rest is not None and rest.sample_count:
                self._handle(events.StreamProgressed(response_id, rest), now)
        self._handle(events.StreamProgressed(response_id, piece), now)

    def _on_failure(self, response_id: str, failure: Failure, processed: bool) -> None:
        self._handle_apart(events.StreamFailed(response_id, failure, processed))

    def _on_stream_closed(self, response_id: str, delay_s: float) -> None:
        self._performer.stream_closed(response_id, delay_s)

    def _on_transcription(self, event: events.TranscriptionCompleted | events.TranscriptionFailed) -> None:
        self._handle_apart(event)

    def _note_speech(self, todo: list[Action], now: float) -> None:
        """Tell the clock when the speech that was just noticed really began."""
        for action in todo:
            if isinstance(action, VoiceChanged) and action.speech:
                self._clock.evidence(now - self._conversation.caller.since_onset_s, now)

    def _note_quiet(self, quiet: asyncio.Event) -> None:
        silent = self._conversation.caller.state is CallerState.SILENT
        if silent and self._conversation.agent.state is AgentState.IDLE:
            quiet.set()
        else:
            quiet.clear()

    # The end.

    def _break(self, event_id: str | None) -> None:
        """Our own code failed. What it was doing is half done, so the session ends, and it alone."""
        self._log.exception("an error of our own broke the session")
        self._end(endings.broken(), event_id)

    def _refuse(self, error: CallerError, event_id: str | None, now: float) -> None:
        self._setup.services.metrics.caller_error(error.code)
        try:
            if self._mistakes.note(error, now, named=bool(event_id or error.event_id)):
                self._outbox.send(error_event(error, event_id))
        except CallerGone as gone:
            self._outbox.send(error_event(error, event_id))
            self._leave(gone)

    def _leave(self, gone: CallerGone) -> None:
        self._end(endings.for_cause(gone))

    def _slow(self, gone: CallerGone) -> None:
        self._end(endings.too_slow(gone))

    def _expire(self) -> None:
        self._end(endings.expired(self._limits.max_session_s))

    def _let_go(self) -> None:
        self._end(endings.idle(self._limits.idle_s))

    def _is_busy(self) -> bool:
        return self._conversation.agent.state is not AgentState.IDLE

    def _end(self, ending: Ending, event_id: str | None = None) -> None:
        """Say why, then close the connection."""
        if not self._over:
            self._say_why(ending, event_id)
            self._close(ending)

    def _say_why(self, ending: Ending, event_id: str | None) -> None:
        code, retry_after_s = ending.error_code, ending.retry_after_s
        if ending.cause is Cause.EXPIRED:
            self._outbox.send(session_expired_event(ending.message))
        elif code is not None:
            told = server_error_event(ending.message, code=code, event_id=event_id, retry_after_s=retry_after_s)
            self._outbox.send(told)

    def _close(self, ending: Ending) -> None:
        if self._over:  # To be told why was too much to be read.
            return
        if ending.counted:
            self._setup.services.metrics.slow_callers.inc()
        self._stop()
        self._log.info("closing", cause=ending.cause.name.lower(), code=ending.close_code, reason=ending.reason)
        self._setup.connection.close(ending.close_code, ending.reason)

    def _stop(self) -> None:
        if self._over:
            return
        self._over = True
        self._settle()
        self._work = None
        self._timers.cancel(self.id)
        self._lifetime.stop()
        self._watch.close()
        self._streams.close()
        self._transcriptions.close()
        if self._quiet is not None:
            self._quiet.set()

    def _settle(self) -> None:
        """Count what was in progress. The end must not fail where the core is what has failed."""
        try:
            self._performer.settle(self._conversation.handle(events.CallerLeft(), self._now()), self._now())
        except Exception:
            self._log.exception("what was in progress could not be counted")

    async def _finish(self) -> None:
        await self._streams.wait_closed()
        await self._transcriptions.wait_closed()
        # All of these call back into the session: such circles would wait, with all their sound, for a garbage
        # collection that a busy server puts off for as long as it can.
        del self._streams, self._transcriptions, self._performer, self._lifetime, self._watch, self._outbox
        del self._conversation, self._hearing
        self.closed.set()

    # Small things.

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self._key}{next(self._numbers)}"
