"""The Realtime protocol, GA and beta, and ``bargein.v1``, which extends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bargein.core import actions
from bargein.core.actions import AudioSent, BargeinAction, CallerAction
from bargein.errors import CallerError
from bargein.loop.clock import unix_s
from bargein.protocols.outbox import Outbox
from bargein.session.backlog import BacklogWatch
from bargein.session.caller_protocol import CallerProtocol, Talk
from bargein.session.connection import CallerConnection
from bargein.session.endings import Cause, Ending
from bargein.session.hearing import Hearing, Work
from bargein.session.latency import Measured
from bargein.session.names import Names
from bargein.session.setup import Services
from bargein.wire import bargein_events, client_events, ladder, server_events
from bargein.wire.client_events import ClientEvent, parse_client_event
from bargein.wire.encode import Encoder
from bargein.wire.errors import error_event, server_error_event, session_expired_event
from bargein.wire.input_audio import decode_audio, plain_append
from bargein.wire.long_items import LongItem, check_retrievable, is_long
from bargein.wire.session_object import SessionObject
from bargein.wire.structure import Survey
from bargein.wire.to_core import core_event

NOT_BINARY: Final = (
    "Binary messages are only understood with the subprotocol 'bargein.v1'. "
    "Send sound as base64 in 'input_audio_buffer.append'."
)
LONG_MESSAGE_BYTES: Final = 65_536
"""A message with so many bytes is read piece by piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What the handshake has settled."""

    model: str
    beta: bool = False
    """The caller speaks the beta dialect."""
    bargein: bool = False
    """It negotiated our subprotocol."""
    decisions: bool = False
    """It wants to be told what was decided, and why: with our subprotocol only."""
    initial_session: dict[str, Any] | None = None
    """A session object that its ephemeral token carries."""


class RealtimeProtocol(CallerProtocol):
    """One caller's.

    :raises CallerError: on construction, where the configuration that a token carries is wrong.
    """

    def __init__(self, connection: CallerConnection, spoken: Spoken, services: Services, names: Names) -> None:
        self._beta = spoken.beta
        self._bargein = spoken.bargein
        self._object = SessionObject.begin(
            id=names.session_id,
            model=spoken.model,
            expires_at=int(unix_s() + services.limits.max_session_s),
            default_voice=services.default_voice,
            images=services.images,
            initial=spoken.initial_session,
        )
        super().__init__(connection, self._object.to_config())
        self.raw_sound = self.reports = spoken.bargein
        self.wants_decisions = spoken.bargein and spoken.decisions
        self._notices = services.notices
        self._report_ms = services.policy.report_interval_ms
        self._log = services.log.bind(session_id=names.session_id)
        self._notices.note("session", spoken.initial_session, self._log)
        self._encoder = Encoder(names.key, beta=spoken.beta, bargein=spoken.bargein)
        self._outbox: Outbox
        self._event_id: str | None = None
        """Of the message that is being dealt with: for errors that do not know it."""
        self._at_length: Work | None = None
        """What is told in pieces, and not yet: it is seen through before anything else is received."""
        self._audio_produced = False
        """The model has spoken: the voice is fixed now."""

    def join(self, talk: Talk, hearing: Hearing, watch: BacklogWatch) -> None:
        """See :class:`~bargein.session.caller_protocol.CallerProtocol`, as of all that follows."""
        super().join(talk, hearing, watch)
        self._outbox = Outbox(self.connection, self._encoder, watch)

    def begin(self, conversation_id: str) -> None:
        bargein = bargein_events.welcome(self._report_ms) if self._bargein else None
        self._outbox.send(server_events.session_created(self._object.echo(), bargein))
        self._outbox.send(server_events.conversation_created(conversation_id))

    # In.

    def receive_text(self, data: bytes, now: float) -> Work | None:
        audio = plain_append(data)
        if audio is not None:
            return self._hearing.take(audio, now)
        if len(data) > LONG_MESSAGE_BYTES:
            return self._read_long(data)
        return self._receive(parse_client_event(data, beta=self._beta, bargein=self._bargein), now)

    def receive_binary(self, data: bytes, now: float) -> Work | None:
        """Sound of a ``bargein.v1`` caller; the standard has no binary messages."""
        if not self._bargein:
            raise CallerError(NOT_BINARY, code="invalid_event")
        return self._hearing.take(data, now)

    def _read_long(self, data: bytes) -> Work:
        """Read a long message: what it holds is looked at before it is parsed, and it is parsed before it is done."""
        survey = Survey(data)
        while not survey.done:
            yield
            survey.step()
        yield
        event = parse_client_event(data, beta=self._beta, bargein=self._bargein)
        yield
        more = self._receive(event, self._hearing.now())
        if more is not None:
            yield
            yield from more

    def _receive(self, event: ClientEvent, now: float) -> Work | None:
        self._event_id = event.event_id
        try:
            more = self._do(event, now)
        except CallerError as error:
            error.event_id, self._event_id = event.event_id, None
            raise
        self._event_id = None
        return more

    def _do(self, event: ClientEvent, now: float) -> Work | None:
        match event:
            case client_events.InputAudioBufferAppend(audio=audio):
                return self._hearing.take(decode_audio(audio), now)
            case client_events.SessionUpdate():
                self._talk.count_control(now)
                self._update(event, now)
            case client_events.BargeinPing(id=ping_id):
                self._talk.count_control(now)
                self._outbox.send(bargein_events.pong(ping_id))
            case _:
                self._talk.count_control(now)
                asked = core_event(event, self._object, audio_produced=self._audio_produced)
                if isinstance(event, client_events.ResponseCreate):
                    self._notices.note("response", event.given, self._log)
                if asked is not None:
                    self._talk.handle(asked, now)
                if self._ends_recording(event):
                    self._hearing.restart()
        at_length, self._at_length = self._at_length, None
        return at_length

    def _update(self, event: client_events.SessionUpdate, now: float) -> None:
        self._object = self._object.update(event.session, audio_produced=self._audio_produced)
        self._notices.note("session", event.given, self._log)
        self._talk.configure(self._object.to_config(), now)
        self._outbox.send(server_events.session_updated(self._object.echo()))

    def _ends_recording(self, event: ClientEvent) -> bool:
        """Whether what is sent next is another sound, not the rest of this one. Where turns are detected the microphone
        is open all the time, and a commit by hand does not cut its stream.
        """
        match event:
            case client_events.InputAudioBufferClear():
                return True
            case client_events.InputAudioBufferCommit():
                return self._object.to_config().turn_detection is None
            case _:
                return False

    # Out.

    def tell(self, action: CallerAction | BargeinAction) -> None:
        match action:
            case (
                actions.VoiceChanged()
                | actions.ReplyNumbered()
                | actions.Held()
                | actions.Resumed()
                | actions.Flushed()
                | actions.Cut()
            ):
                if self._bargein:
                    self._outbox.send(ladder.bargein_event(action))
            case actions.ItemCreated(item) if is_long(item, with_audio=False):
                self._at_length = self._tell_at_length(action, LongItem(item, with_audio=False))
            case actions.ItemRetrieved(item) if is_long(item, with_audio=True):
                check_retrievable(item)
                self._at_length = self._tell_at_length(action, LongItem(item, with_audio=True))
            case _:
                for event in ladder.events(action):
                    self._outbox.send(event)

    def tell_audio(self, audio: AudioSent) -> None:
        self._audio_produced = True
        self._outbox.send_audio(audio)

    def tell_decision(self, record: dict[str, Any]) -> None:
        if self.wants_decisions:
            self._outbox.send(bargein_events.decision(record))

    def tell_latency(self, measured: Measured) -> None:
        if self._bargein:
            self._outbox.send(bargein_events.latency(measured.response_id, measured.stages_ms, measured.after))

    def tell_refusal(self, error: CallerError) -> None:
        self._outbox.send(error_event(error))

    def tell_ending(self, ending: Ending) -> None:
        event_id, self._event_id = self._event_id, None
        if ending.cause is Cause.EXPIRED:
            self._outbox.send(session_expired_event(ending.message))
        elif ending.error_code is not None:
            told = server_error_event(
                ending.message, code=ending.error_code, event_id=event_id, retry_after_s=ending.retry_after_s
            )
            self._outbox.send(told)

    def _tell_at_length(self, action: actions.ItemCreated | actions.ItemRetrieved, item: LongItem) -> Work:
        """Tell of an item whose JSON is long, piece by piece."""
        yield from item.write()
        if isinstance(action, actions.ItemCreated):
            told = [server_events.item_added(item.shown, action.previous_item_id)]
            told.append(server_events.item_done(item.shown, action.previous_item_id))
        else:
            told = [server_events.item_retrieved(item.shown)]
        for event in told:
            yield
            self._outbox.send_long(event, item)
