"""The Realtime protocol, GA and beta, and ``bargein.v1``, which extends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bargein.agents import Agent
from bargein.core import actions
from bargein.core.actions import AudioSent, BargeinAction, CallerAction
from bargein.core.events import CancelRequested, ItemCreateRequested, ResponseRequested
from bargein.errors import CallerError
from bargein.loop.clock import unix_s
from bargein.money.books import Refused
from bargein.protocols.agent_view import AgentView
from bargein.protocols.greeting import Greeting, greeting_request
from bargein.protocols.outbox import Outbox
from bargein.session.audio_input import AudioInput, Work
from bargein.session.backlog import BacklogWatch
from bargein.session.caller_protocol import CallerProtocol, Talk
from bargein.session.connection import CallerConnection
from bargein.session.endings import Cause, Ending
from bargein.session.latency import Measured
from bargein.session.names import Names
from bargein.session.purse import Spent
from bargein.session.setup import Services
from bargein.wire import bargein_events, client_events, ladder, server_events
from bargein.wire.client_events import ClientEvent, parse_client_event
from bargein.wire.encode import Encoder
from bargein.wire.errors import budget_exceeded_event, error_event, server_error_event, session_expired_event
from bargein.wire.input_audio import decode_audio, plain_append
from bargein.wire.long_items import LongItem, check_retrievable, is_long
from bargein.wire.session_object import SessionObject
from bargein.wire.structure import Survey
from bargein.wire.to_core import Request, core_event

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
    agent: Agent | None = None
    """Who answers."""


class RealtimeProtocol(CallerProtocol):
    """One caller's.

    :raises CallerError: on construction, where the configuration that a token carries is wrong.
    """

    def __init__(self, connection: CallerConnection, spoken: Spoken, services: Services, names: Names) -> None:
        self._beta = spoken.beta
        self._bargein = spoken.bargein
        self._log = services.log.bind(session_id=names.session_id)
        self._view = AgentView(spoken.agent, services.notices, self._log, shows_calls=spoken.bargein)
        plain = SessionObject.begin(
            id=names.session_id,
            model=spoken.model,
            expires_at=int(unix_s() + services.limits.max_session_s),
            default_voice=services.default_voice,
            images=services.images,
        )
        self._object = self._view.begin(plain, spoken.initial_session)
        super().__init__(connection, self._object.to_config())
        self.agent = spoken.agent
        self.raw_sound = self.reports = self.ducks = spoken.bargein
        self.wants_decisions = spoken.bargein and spoken.decisions
        self._notices = services.notices
        self._report_ms = services.policy.report_interval_ms
        self._notices.note("session", spoken.initial_session, self._log)
        self._encoder = Encoder(names.key, beta=spoken.beta, bargein=spoken.bargein)
        self._outbox: Outbox
        self._event_id: str | None = None
        """Of the message that is being dealt with: for errors that do not know it."""
        self._at_length: Work | None = None
        """What is told in pieces, and not yet: it is seen through before anything else is received."""
        self._audio_produced = False
        """The model has spoken: the voice is fixed now."""
        self._greeting: Greeting | None = None
        """While the agent is to speak first, and has not."""
        self._greets = False
        """It is told to, at this moment."""
        self._greeting_id: str | None = None
        """The response in which it does, until that is done."""
        if self.agent is not None and self.agent.greeting:
            self._greeting = Greeting(services.timers, self._greet)

    def join(self, talk: Talk, audio_input: AudioInput, watch: BacklogWatch) -> None:
        """See :class:`~bargein.session.caller_protocol.CallerProtocol`, as of all that follows."""
        super().join(talk, audio_input, watch)
        self._outbox = Outbox(self.connection, self._encoder, watch)

    def let_go(self) -> None:
        self._end_greeting()
        super().let_go()

    def begin(self, conversation_id: str) -> None:
        agent = None if self.agent is None else {"name": self.agent.name, "title": self.agent.title}
        bargein = bargein_events.welcome(self._report_ms, agent=agent) if self._bargein else None
        self._outbox.send(server_events.session_created(self._view.echo(self._object), bargein))
        self._outbox.send(server_events.conversation_created(conversation_id))
        if self._greeting is not None:
            self._greeting.wait()

    # In.

    def receive_text(self, data: bytes, now: float) -> Work | None:
        audio = plain_append(data)
        if audio is not None:
            return self._hear(audio, now)
        if len(data) > LONG_MESSAGE_BYTES:
            return self._read_long(data)
        return self._receive(parse_client_event(data, beta=self._beta, bargein=self._bargein), now)

    def receive_binary(self, data: bytes, now: float) -> Work | None:
        """Sound of a ``bargein.v1`` caller; the standard has no binary messages."""
        if not self._bargein:
            raise CallerError(NOT_BINARY, code="invalid_event")
        return self._hear(data, now)

    def _hear(self, audio: bytes, now: float) -> Work | None:
        if self._greeting is not None:
            self._greeting.now()
        return self._audio_input.take(audio, now)

    def _read_long(self, data: bytes) -> Work:
        """Read a long message: what it holds is looked at before it is parsed, and it is parsed before it is done."""
        survey = Survey(data)
        while not survey.done:
            yield
            survey.step()
        yield
        event = parse_client_event(data, beta=self._beta, bargein=self._bargein)
        yield
        more = self._receive(event, self._audio_input.now())
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
                return self._hear(decode_audio(audio), now)
            case client_events.SessionUpdate():
                self._talk.count_control(now)
                self._update(event, now)
            case client_events.BargeinPing(id=ping_id):
                self._talk.count_control(now)
                self._outbox.send(bargein_events.pong(ping_id))
            case _:
                self._talk.count_control(now)
                if isinstance(event, client_events.ResponseCreate):
                    event = self._view.response(event)
                asked = core_event(event, self._object, audio_produced=self._audio_produced)
                if isinstance(event, client_events.ResponseCreate):
                    self._notices.note("response", event.given, self._log)
                if asked is not None:
                    self._give_way(asked, now)
                    self._talk.handle(self._view.request(asked), now)
                    if isinstance(asked, ItemCreateRequested):
                        self._end_greeting()
                if self._ends_recording(event):
                    self._audio_input.restart()
        at_length, self._at_length = self._at_length, None
        return at_length

    def _update(self, event: client_events.SessionUpdate, now: float) -> None:
        self._object = self._object.update(self._view.update(event.session), audio_produced=self._audio_produced)
        self._notices.note("session", event.given, self._log)
        self._talk.configure(self._object.to_config(), now)
        self._outbox.send(server_events.session_updated(self._view.echo(self._object)))
        if self._greeting is not None:
            self._greeting.wait()

    def _greet(self) -> None:
        self._greeting = None
        self._talk.apart(self._greet_caller)

    def _greet_caller(self, now: float) -> None:
        assert self.agent is not None, "nobody greets where there is no agent"
        self._greets = True
        try:
            self._talk.handle(greeting_request(self._object.to_config().response, self.agent.greeting), now)
        finally:
            self._greets = False

    def _give_way(self, asked: Request, now: float) -> None:
        """Clients that have their agent speak first, or send a text, know nothing of a greeting: it is no answer of
        theirs to wait for.
        """
        match asked:
            case ResponseRequested(out_of_band=False) if self._greeting_id:
                self._talk.handle(CancelRequested(self._greeting_id), now)

    def _end_greeting(self) -> None:
        greeting, self._greeting = self._greeting, None
        if greeting is not None:
            greeting.drop()

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
            case _:
                told = self._view.told(action)
                if told is not None:
                    self._tell(told)

    def _tell(self, action: CallerAction) -> None:
        match action:
            case actions.ItemCreated(item) if is_long(item, with_audio=False):
                self._at_length = self._tell_at_length(action, LongItem(item, with_audio=False))
            case actions.ItemRetrieved(item) if is_long(item, with_audio=True):
                check_retrievable(item)
                self._at_length = self._tell_at_length(action, LongItem(item, with_audio=True))
            case actions.ResponseCreated(response) if response.conversation_id is not None:
                self._end_greeting()
                if self._greets:
                    self._greeting_id = response.id
                self._send_ladder(action)
            case actions.ResponseDone(response) if response.id == self._greeting_id:
                self._greeting_id = None
                self._send_ladder(action)
            case _:
                self._send_ladder(action)

    def _send_ladder(self, action: CallerAction) -> None:
        for event in ladder.events(action):
            self._outbox.send(event)

    def tell_audio(self, audio: AudioSent) -> None:
        self._audio_produced = True
        self._outbox.send_audio(self._view.sound(audio))

    def tell_decision(self, record: dict[str, Any]) -> None:
        if self.wants_decisions:
            self._outbox.send(bargein_events.decision(record))

    def tell_latency(self, measured: Measured) -> None:
        if self._bargein:
            self._outbox.send(bargein_events.latency(measured.response_id, measured.stages_ms, measured.after))

    def tell_cost(self, spent: Spent) -> None:
        if self._bargein:
            cap = spent.cap
            shown = (
                None
                if cap is None
                else bargein_events.cap(cap.scope, cap.limit, cap.spent, cap.resets_at, warning=cap.warning)
            )
            told = bargein_events.cost(
                spent.response_id, turn=spent.turn, session=spent.session, known=spent.known, cap=shown
            )
            self._outbox.send(told)

    def tell_over_budget(self, refused: Refused) -> None:
        self._outbox.send(budget_exceeded_event(refused.message, refused.retry_after_s))

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
